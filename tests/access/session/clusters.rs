//! `GET /clusters`: names for everyone, the rest for those who may use the cluster.

use std::time::Duration;

use serde_json::{Value, json};
use support::auth::{self, ROOT};
use support::{Client, Etcd, Grant, Watchgate};
use tokio::time::Instant;

use super::{page, removes_cookie, sign_in};

async fn list(client: &Client) -> Vec<Value> {
    let list = client.get("/clusters").send().await.json(200);
    list["clusters"].as_array().expect("a list").clone()
}

/// The members of a line that has a name only.
fn name_only(name: &str, default: bool) -> Value {
    json!({"name": name, "default": default})
}

#[tokio::test]
async fn only_callers_who_may_use_a_cluster_see_more_than_its_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let (closed, open) = (Etcd::start().await, Etcd::start().await);
    let mut root = closed.enable_auth().await;
    auth::user(&mut root, "app", "secret", &[(Grant::Read, "/app/")]).await;
    // It accepts connections, and never responds.
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("loopback has free ports");
    let silent = listener
        .local_addr()
        .expect("a bound socket has an address");
    let text = format!(
        "[[clusters]]\nname = \"closed\"\nendpoints = [\"{}\"]\n\
         [[clusters]]\nname = \"open\"\nendpoints = [\"{}\"]\n\
         [[clusters]]\nname = \"down\"\nendpoints = [\"http://127.0.0.1:1\"]\n\
         [[clusters]]\nname = \"silent\"\nendpoints = [\"http://{silent}\"]\n",
        closed.url(),
        open.url()
    );
    let file = folder.path().join("watchgate.toml");
    std::fs::write(&file, text).expect("writes");
    let file = file.to_str().expect("text");
    let gateway = Watchgate::start(&["--config", file, "--read-only"]).await;
    let gateway = gateway.expect("watchgate starts");
    let api = gateway.api();
    let started = Instant::now();
    let seen = list(&api).await;
    // One that does not respond delays the list by its limit, and by that of no other.
    assert!(
        started.elapsed() < Duration::from_secs(4),
        "{:?}",
        started.elapsed()
    );
    assert_eq!(seen[0], name_only("closed", true));
    assert_eq!(seen[1]["endpoints"], json!([open.url()]));
    let state = &seen[1]["state"];
    assert_eq!(state["reachable"], true, "{state}");
    assert!(state["version"].is_string(), "{state}");
    assert_eq!(
        (&state["members"], &state["read_only"], &state["acts_as"]),
        (&json!(1), &json!(true), &json!("gateway"))
    );
    assert_eq!(state["name"], json!(null));
    for unreachable in &seen[2..] {
        assert_eq!(unreachable["state"]["reachable"], false, "{unreachable}");
        assert!(unreachable["state"]["error"].is_string(), "{unreachable}");
    }

    // Signed in at one cluster, by a cookie or for the default cluster by a header.
    let app = sign_in(&api, "app", "secret").await;
    let basic = api.with_password("app", "secret");
    for (client, acts_as) in [(&app, "session"), (&basic, "authorization")] {
        let seen = list(client).await;
        let state = &seen[0]["state"];
        assert_eq!(seen[0]["endpoints"], json!([closed.url()]));
        assert_eq!(
            (&state["acts_as"], &state["name"], &state["reachable"]),
            (&json!(acts_as), &json!("app"), &json!(true))
        );
        assert_eq!(seen[1]["state"]["acts_as"], "gateway");
    }
    let wrong = api.with_password("app", "wrong").get("/clusters");
    wrong.send().await.problem(401, "unauthenticated");

    // A session that has ended shows names, and its cookie is removed.
    app.delete("/session").send().await.expect(204);
    let after = app.get("/clusters").send().await;
    assert!(removes_cookie(&after), "{after:?}");
    assert_eq!(after.json(200)["clusters"][0], name_only("closed", true));
    // Other machines may use none of them without signing in.
    let forwarded = api.with_header("x-forwarded-for", "192.0.2.1");
    for line in list(&forwarded).await {
        assert!(line.get("state").is_none(), "{line}");
        assert!(line.get("endpoints").is_none(), "{line}");
    }
}

#[tokio::test]
async fn each_cluster_has_its_own_session() {
    let folder = tempfile::tempdir().expect("a folder");
    let (one, two) = (Etcd::start().await, Etcd::start().await);
    let _roots = (one.enable_auth().await, two.enable_auth().await);
    let text = format!(
        "[[clusters]]\nname = \"one\"\nendpoints = [\"{}\"]\n\
         [[clusters]]\nname = \"two\"\nendpoints = [\"{}\"]\n",
        one.url(),
        two.url()
    );
    let file = folder.path().join("watchgate.toml");
    std::fs::write(&file, text).expect("writes");
    let file = file.to_str().expect("text");
    let gateway = Watchgate::start(&["--config", file, "--base-path", "/etcd"]).await;
    let gateway = gateway.expect("watchgate starts");
    let api = gateway.api();
    let at_two = sign_in(&api.below("/clusters/two"), "root", ROOT).await;
    at_two.get("/kv?prefix=").send().await.json(200);
    let (_, cookie) = at_two.headers().last().expect("the cookie");
    let browser = page(&api).with_header("cookie", cookie);
    // The browser sends the cookie of the other cluster, too: it does not count there.
    browser.get("/kv?prefix=").send().await.expect(401);
    let seen = list(&browser).await;
    assert_eq!(seen[0], name_only("one", true));
    assert_eq!(seen[1]["state"]["name"], "root");
}
