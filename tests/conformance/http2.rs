//! HTTP/2 clients (etcd's own case 5): unasked before ours, agreed on under TLS before etcd's own, which
//! hears it in no other way.

use std::time::Duration;

use http::Method;
use serde_json::json;
use support::{Client, DEADLINE, eventually, when};
use tokio::time::timeout;

use crate::side::{Results, Side, b64};

/// How long a client waits that is going to be killed.
const MOMENT: Duration = Duration::from_millis(100);

/// The number of watches in etcd, in its words.
async fn watching(side: &Side) -> String {
    let metrics = Client::to(side.behind().health_address()).get("/metrics");
    let text = metrics.send().await.expect(200).text();
    let line = text
        .lines()
        .find(|line| line.starts_with("etcd_debugging_mvcc_watcher_total "));
    line.expect("etcd counts its watchers").to_owned()
}

async fn who_is_killed_takes_its_watch_along_and_nothing_else(side: &Side) {
    let client = side.client.over_http2();
    let before = watching(side).await;
    for body in ["", "{", "nonsense", "{}", r#"{"create_request":"#] {
        for _ in 0..2 {
            let ask = client.request(Method::POST, "/v3/watch").body(body);
            // etcd never answers some of these; ours refuses them.
            let answers = side.ours && body != "{}";
            let patience = if answers { DEADLINE } else { MOMENT };
            // With its future the connection is gone, and nothing is said before.
            let answer = timeout(patience, ask.try_send()).await;
            if answers {
                let answer = answer.expect("an answer in time").expect("an answer");
                assert_eq!(answer.status, 400, "{body}");
            }
            side.put("still", "there").await;
        }
    }
    let create = json!({"create_request": {"key": side.key("k")}}).to_string();
    let mut watches = Vec::new();
    for _ in 0..5 {
        let ask = client
            .request(Method::POST, "/v3/watch")
            .body(create.clone());
        let mut watch = Results::of(ask).await;
        assert_eq!(watch.next().await["created"], true);
        watches.push(watch);
    }
    assert_ne!(watching(side).await, before);
    side.put("k", "v").await;
    for watch in &mut watches {
        assert_eq!(watch.events(1).await[0]["kv"]["value"], b64("v"));
    }
    drop(watches);
    eventually("the watches have gone", DEADLINE, async || {
        let now = watching(side).await;
        when(now == before, || now.clone())
    })
    .await;
    side.put("still", "there").await;
}

#[tokio::test]
async fn etcd_outlives_clients_that_are_killed() {
    let side = Side::secure(false).await;
    who_is_killed_takes_its_watch_along_and_nothing_else(&side).await;
}

#[tokio::test]
async fn watchgate_outlives_clients_that_are_killed() {
    let side = Side::alone(true, &[]).await;
    who_is_killed_takes_its_watch_along_and_nothing_else(&side).await;
}
