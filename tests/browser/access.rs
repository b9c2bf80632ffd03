//! The dashboard of an account that may not read every key, and of a gateway that demands credentials.

use serde_json::json;
use support::auth::{self, ROOT};
use support::gateway::InProcess;
use support::{Etcd, Grant};

use crate::folder_row;
use crate::tab::Tab;

#[tokio::test]
async fn a_limited_account_sees_its_roots_and_what_is_not_visible() {
    let etcd = Etcd::start().await;
    let mut root = etcd.enable_auth().await;
    let grants = [(Grant::Both, "/a/"), (Grant::Read, "/b/deep/")];
    auth::user(&mut root, "app", "secret", &grants).await;
    let gateway = InProcess::start(&etcd.url(), &["--user", "app:secret"]).await;
    let api = gateway.api();
    let all = api.signed("root", ROOT);
    for key in ["/a/first", "/b/deep/second", "/b/secret", "/c/secret"] {
        all.write(key, "1").await;
    }
    Tab::run("limited", &gateway.url(), async |tab| {
        // That the whole tree is refused leads the page to what is not.
        tab.provokes("403");
        tab.goto("/").await;
        tab.sees("Other keys are not visible to app.").await;
        for prefix in ["/a/", "/b/deep/"] {
            let row = format!("document.getElementById('{}')", folder_row(prefix));
            tab.until("the root is there", &format!("!!{row}")).await;
            tab.js(&format!("{row}.click()")).await;
        }
        tab.sees("first").await;
        tab.sees("second").await;
        // The roots are live.
        api.write("/a/later", "1").await;
        tab.sees("later").await;
        tab.misses("secret").await;

        tab.goto("/locks").await;
        tab.sees("No locks visible to app").await;
        tab.sees("Other locks are not visible to app.").await;
        tab.misses("No locks are held").await;
        let held = api.post("/locks/%2Fa%2Flock", &json!({"ttl": 60}));
        held.send().await.json(201);
        tab.sees("/a/lock").await;
        tab.sees("Other locks are not visible to app.").await;
    })
    .await;
}

#[tokio::test]
async fn a_gateway_that_demands_credentials_says_how_to_start_it() {
    let etcd = Etcd::start().await;
    etcd.enable_auth().await;
    // etcd asks for credentials; or the gateway does, which refuses the page's socket too.
    for flags in [&[][..], &["--allow-host", "etcd.example"][..]] {
        let gateway = InProcess::start(&etcd.url(), flags).await;
        Tab::run("credentials", &gateway.url(), async |tab| {
            tab.provokes("401");
            tab.provokes("WebSocket");
            for page in ["/", "/locks", "/watch"] {
                tab.goto(page).await;
                tab.sees("Credentials are required").await;
                tab.sees("--anonymous gateway").await;
                tab.sees("Credentials required").await;
                tab.misses("Connection lost").await;
                // The gateway's own text names headers that the page cannot set.
                tab.misses("Authorization").await;
            }
        })
        .await;
    }
}
