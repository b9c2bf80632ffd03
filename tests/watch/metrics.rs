//! `/metrics` counts open watches.

use std::time::Duration;

use http::Method;
use serde_json::json;
use support::{Client, Curl, DEADLINE, Etcd, Stream, Watchgate, ensure, eventually, revisions_of};
use tokio::time::interval;

pub(crate) async fn open_watches(root: &Client) -> f64 {
    let text = root.get("/metrics").send().await.expect(200).text();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("watchgate_watches_open"));
    // A gauge that was never set is not shown.
    line.map_or(0.0, |rest| {
        let number = rest.rsplit(' ').next().unwrap_or_default();
        number.parse().expect("a number")
    })
}

pub(crate) async fn until_open(root: &Client, count: f64, what: &str, deadline: Duration) {
    eventually(what, deadline, async || {
        let seen = open_watches(root).await;
        ensure((seen - count).abs() < 0.5, || seen.to_string())
    })
    .await;
}

#[tokio::test]
async fn the_gauge_of_open_watches_falls_when_watches_end() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::for_etcd(&etcd, &[]).await;
    let (root, api) = (gateway.root(), gateway.api());
    until_open(&root, 0.0, "no watch is open", DEADLINE).await;

    let mut ndjson = Stream::ndjson(api.get("/watch?prefix=a")).await;
    let mut sse = Stream::sse(api.get("/watch?prefix=a"), "").await;
    let mut socket = Stream::socket(&api, "/watch").await;
    for id in ["1", "2", "3"] {
        socket
            .send(&json!({"op": "watch", "id": id, "prefix": "a"}))
            .await;
        socket.expect_type("opened").await;
    }
    ndjson.expect_type("opened").await;
    sse.expect_type("opened").await;
    until_open(&root, 5.0, "five watches are open", DEADLINE).await;

    socket.send(&json!({"op": "cancel", "id": "2"})).await;
    socket.expect_type("closed").await;
    until_open(&root, 4.0, "four watches remain open", DEADLINE).await;
    drop(ndjson);
    drop(sse);
    drop(socket);
    until_open(&root, 0.0, "the clients disconnected", DEADLINE).await;
}

#[tokio::test]
async fn a_curl_watch_has_no_gap_and_closes_when_curl_exits() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::for_etcd(&etcd, &[]).await;
    let (root, api) = (gateway.root(), gateway.api());
    let mut other = Stream::ndjson(api.get("/watch?prefix=other")).await;
    other.expect_type("opened").await;
    until_open(&root, 1.0, "another watch is open", DEADLINE).await;
    let ado = "/cron/jobs/ado";
    let route = support::key_path(ado);
    let absent = api.get(&route).send().await;
    let first = absent.revision() + 1;
    absent.problem(404, "key_not_found");
    let watch = format!("/watch?key={ado}&revision={first}");
    let accept = "accept: application/x-ndjson";
    let mut curl = Curl::start(&api, &watch, &["--max-time", "5", "-H", accept]);
    assert_eq!(curl.expect_type("opened").await["revision"], first);
    until_open(&root, 2.0, "curl's watch is open", DEADLINE).await;
    let changing = async {
        let mut pace = interval(Duration::from_millis(500));
        for method in [Method::PUT, Method::DELETE].into_iter().cycle() {
            pace.tick().await;
            let response = api.request(method, &route).send().await;
            assert!(response.status.is_success(), "{response:?}");
        }
    };
    let printing = async {
        let mut events = Vec::new();
        while let Some(message) = curl.next().await {
            let of_message = message["events"].as_array().into_iter().flatten();
            events.extend(of_message.cloned());
        }
        events
    };
    let events = tokio::select! {
        events = printing => events,
        () = changing => unreachable!("changing the key never ends"),
    };
    assert_eq!(
        curl.wait_for_end().await,
        Some(28),
        "curl reaches --max-time"
    );
    let revisions = revisions_of(&events);
    let expected: Vec<_> = (first..).take(events.len()).collect();
    assert_eq!(revisions, expected, "no gap and no duplicate");
    assert!(events.len() > 5, "{events:?}");
    for (at, event) in events.iter().enumerate() {
        assert_eq!(event["type"], ["put", "delete"][at % 2]);
        if at % 2 == 0 {
            assert_eq!(event["create_revision"], event["mod_revision"]);
        }
    }
    until_open(&root, 1.0, "the other one only", DEADLINE).await;
}
