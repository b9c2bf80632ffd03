//! HTTP/2 clients: with prior knowledge to Watchgate, negotiated under TLS to etcd's own gateway, which
//! offers HTTP/2 in no other way.

use std::time::Duration;

use http::Method;
use serde_json::json;
use support::{Client, DEADLINE, ensure, eventually};
use tokio::time::timeout;

use crate::side::{Results, Side, b64};

/// How long a client waits before it is killed.
const CLIENT_TIMEOUT: Duration = Duration::from_millis(100);

/// The line of etcd's metrics that counts its watches.
async fn watcher_count(side: &Side) -> String {
    let metrics = Client::to(side.upstream().health_address()).get("/metrics");
    let text = metrics.send().await.expect(200).text();
    let line = text
        .lines()
        .find(|line| line.starts_with("etcd_debugging_mvcc_watcher_total "));
    line.expect("etcd counts its watchers").to_owned()
}

async fn killing_a_client_ends_only_its_watches(side: &Side) {
    let client = side.client.over_http2();
    let before = watcher_count(side).await;
    for body in ["", "{", "nonsense", "{}", r#"{"create_request":"#] {
        for _ in 0..2 {
            let request = client.request(Method::POST, "/v3/watch").body(body);
            // etcd's gateway never responds to some of these; Watchgate refuses them.
            let responds = side.ours && body != "{}";
            let time_limit = if responds { DEADLINE } else { CLIENT_TIMEOUT };
            // Dropping the future drops the connection without a close.
            let response = timeout(time_limit, request.try_send()).await;
            if responds {
                let response = response.expect("a response in time").expect("a response");
                assert_eq!(response.status, 400, "{body}");
            }
            side.put("still", "there").await;
        }
    }
    let create = json!({"create_request": {"key": side.key("k")}}).to_string();
    let mut watches = Vec::new();
    for _ in 0..5 {
        let request = client
            .request(Method::POST, "/v3/watch")
            .body(create.clone());
        let mut watch = Results::open(request).await;
        assert_eq!(watch.next().await["created"], true);
        watches.push(watch);
    }
    assert_ne!(watcher_count(side).await, before);
    side.put("k", "v").await;
    for watch in &mut watches {
        assert_eq!(watch.events(1).await[0]["kv"]["value"], b64("v"));
    }
    drop(watches);
    eventually("the watches have ended", DEADLINE, async || {
        let now = watcher_count(side).await;
        ensure(now == before, || now.clone())
    })
    .await;
    side.put("still", "there").await;
}

#[tokio::test]
async fn etcd_survives_killed_clients() {
    let side = Side::secure(false).await;
    killing_a_client_ends_only_its_watches(&side).await;
}

#[tokio::test]
async fn watchgate_survives_killed_clients() {
    let side = Side::own_etcd(true, &[]).await;
    killing_a_client_ends_only_its_watches(&side).await;
}
