//! `/metrics` counts what is open.

use std::time::Duration;

use serde_json::json;
use support::{Client, DEADLINE, Etcd, Stream, Watchgate, eventually, when};

async fn open_watches(root: &Client) -> f64 {
    let text = root.get("/metrics").send().await.expect(200).text();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("watchgate_watches_open"));
    // A gauge that was never touched is not shown.
    line.map_or(0.0, |rest| {
        let number = rest.rsplit(' ').next().unwrap_or_default();
        number.parse().expect("a number")
    })
}

async fn until(root: &Client, count: f64, what: &str, deadline: Duration) {
    eventually(what, deadline, async || {
        let seen = open_watches(root).await;
        when((seen - count).abs() < 0.5, || seen.to_string())
    })
    .await;
}

#[tokio::test]
async fn w5_afterwards_as_many_watches_are_open_as_before() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::before(&etcd, &[]).await;
    let (root, api) = (gateway.root(), gateway.api());
    until(&root, 0.0, "none at first", DEADLINE).await;

    let mut ndjson = Stream::ndjson(api.get("/watch?prefix=a")).await;
    let mut sse = Stream::sse(api.get("/watch?prefix=a"), "").await;
    let mut socket = Stream::socket(&api, "/watch").await;
    for id in ["1", "2", "3"] {
        socket
            .send(&json!({"op": "watch", "id": id, "prefix": "a"}))
            .await;
        socket.of("opened").await;
    }
    ndjson.of("opened").await;
    sse.of("opened").await;
    until(&root, 5.0, "five are open", DEADLINE).await;

    socket.send(&json!({"op": "cancel", "id": "2"})).await;
    socket.of("closed").await;
    until(&root, 4.0, "one was cancelled", DEADLINE).await;
    drop(ndjson);
    drop(sse);
    drop(socket);
    until(&root, 0.0, "the clients went", DEADLINE).await;
}
