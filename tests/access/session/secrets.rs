//! A password and a cookie appear nowhere but in the request and the cookie.

use support::auth;
use support::{Etcd, Grant, Stream, Watchgate, key_query};

use super::{cookie_of, credentials, page};

const PASSWORD: &str = "xyzzy-plugh-plover";

#[tokio::test]
async fn neither_password_nor_cookie_is_logged_or_shown() {
    let etcd = Etcd::start().await;
    let mut root = etcd.enable_auth().await;
    auth::user(&mut root, "app", PASSWORD, &[(Grant::Both, "/app/")]).await;
    let gateway = Watchgate::for_etcd(&etcd, &["--log", "trace"]).await;
    let api = page(&gateway.api());
    let mut shown = Vec::new();
    let request = api.post("/session", &credentials("app", PASSWORD));
    let signed_in = request.send().await.expect(201);
    let cookie = cookie_of(&signed_in);
    shown.push(signed_in.text());
    let app = api.with_header("cookie", &cookie);
    for request in [
        app.get("/session"),
        app.get(&key_query("/app/a")),
        app.get("/auth/self"),
        app.get("/clusters"),
        app.get("/nowhere"),
        app.get("/kv?prefix=/other/"),
        // Failures, whose details are logged.
        api.post("/session", &credentials("wrong", PASSWORD)),
        api.post("/session", &serde_json::json!(PASSWORD)),
        api.post("/session", &serde_json::json!({ PASSWORD: "app" })),
        api.post("/session", &credentials("", PASSWORD)),
    ] {
        shown.push(request.send().await.text());
    }
    let mut socket = Stream::socket(&app, "/watch?prefix=/app/").await;
    shown.push(socket.expect_type("opened").await.to_string());
    let changed = root.user_change_password("app", "another").await;
    changed.expect("etcd changes a password");
    shown.push(
        app.get(&key_query("/app/a"))
            .send()
            .await
            .expect(401)
            .text(),
    );
    app.delete("/session").send().await.expect(204);
    shown.push(gateway.root().get("/metrics").send().await.text());
    let log = gateway.log();
    // The log has these requests, and in detail.
    assert!(log.contains("/api/v1/session") && log.contains("TRACE"));
    shown.push(log);
    let (_, value) = cookie.split_once('=').expect("a cookie");
    let secrets = [
        PASSWORD,
        value,
        &value[..40],
        &value[value.len() - 40..],
        &support::basic("app", PASSWORD)["Basic ".len()..],
    ];
    for text in &shown {
        for secret in secrets {
            let found = text.find(secret).map(|at| {
                let line = text[..at].lines().last().unwrap_or_default();
                format!("after `{line}`")
            });
            assert_eq!(found, None, "{secret}");
        }
    }
}
