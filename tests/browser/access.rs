//! The dashboard with an account that may not read every key, and with a gateway that requires credentials.

use serde_json::json;
use support::auth::{self, ROOT};
use support::gateway::InProcess;
use support::{Etcd, Grant};

use crate::folder_row;
use crate::tab::Tab;

#[tokio::test]
async fn a_limited_account_sees_its_roots_and_a_note_about_the_rest() {
    let etcd = Etcd::start().await;
    let mut root = etcd.enable_auth().await;
    let grants = [(Grant::Both, "/a/"), (Grant::Read, "/b/deep/")];
    auth::user(&mut root, "app", "secret", &grants).await;
    let gateway = InProcess::start(&etcd.url(), &["--user", "app:secret"]).await;
    let api = gateway.api();
    let all = api.with_password("root", ROOT);
    for key in ["/a/first", "/b/deep/second", "/b/secret", "/c/secret"] {
        all.write(key, "1").await;
    }
    Tab::run("limited", &gateway.url(), async |tab| {
        // The refusal of the whole tree makes the page query the account's own ranges.
        tab.expects_error("403");
        tab.goto("/").await;
        tab.sees("Other keys are not visible to app.").await;
        for prefix in ["/a/", "/b/deep/"] {
            let row = format!("document.getElementById('{}')", folder_row(prefix));
            tab.until("the root has a row", &format!("!!{row}")).await;
            tab.js(&format!("{row}.click()")).await;
        }
        tab.sees("first").await;
        tab.sees("second").await;
        // The roots are live.
        api.write("/a/later", "1").await;
        tab.sees("later").await;
        tab.no_longer_sees("secret").await;

        tab.goto("/locks").await;
        tab.sees("No locks visible to app").await;
        tab.sees("Other locks are not visible to app.").await;
        tab.no_longer_sees("No locks are held").await;
        let held = api.post("/locks/%2Fa%2Flock", &json!({"ttl": 60}));
        held.send().await.json(201);
        tab.sees("/a/lock").await;
        tab.sees("Other locks are not visible to app.").await;
    })
    .await;
}

#[tokio::test]
async fn missing_credentials_lead_to_the_sign_in_page() {
    let etcd = Etcd::start().await;
    etcd.enable_auth().await;
    // Credentials are demanded by etcd, or by the gateway, which refuses the page's socket too.
    for flags in [&[][..], &["--allow-host", "etcd.example"][..]] {
        let gateway = InProcess::start(&etcd.url(), flags).await;
        Tab::run("credentials", &gateway.url(), async |tab| {
            tab.expects_error("401");
            tab.expects_error("WebSocket");
            for page in ["explorer", "locks", "watch"] {
                tab.goto(&format!("/{page}")).await;
                tab.sees("Sign in to default").await;
                let back = format!(
                    "decodeURIComponent(location.search) === '?return=/clusters/default/{page}'"
                );
                tab.until("the page is returned to", &back).await;
                tab.sees("Not signed in").await;
                tab.no_longer_sees("Connection lost").await;
                // The gateway's own text names headers that the page cannot set.
                tab.no_longer_sees("Authorization").await;
            }
        })
        .await;
    }
}
