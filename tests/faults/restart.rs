//! Watches across restarts and lost connections of etcd: the client sees a pause but no gap.

use std::time::Duration;

use serde_json::json;
use support::gateway::InProcess;
use support::{Client, Etcd, Stream, revisions_of};

const PATH: &str = "/watch?prefix=k&prev";

async fn open(api: &Client) -> [Stream; 3] {
    let mut streams = [
        Stream::ndjson(api.get(PATH)).await,
        Stream::sse(api.get(PATH), "").await,
        Stream::socket(api, "/watch").await,
    ];
    streams[2]
        .send(&json!({"op": "watch", "id": "w", "prefix": "k", "prev": true}))
        .await;
    for stream in &mut streams {
        stream.expect_type("opened").await;
    }
    streams
}

/// Puts keys directly to etcd, so that only the watch depends on the gateway.
async fn put(etcd: &Etcd, written: &mut Vec<i64>, count: usize) {
    let mut client = etcd.client().await;
    for _ in 0..count {
        let value = written.len().to_string();
        let put = client
            .put(format!("k{}", written.len() % 3), value, None)
            .await;
        let response = put.expect("etcd puts");
        written.push(response.header().expect("a header").revision());
    }
}

async fn check(streams: &mut [Stream], written: &[i64]) {
    for stream in streams {
        let events = stream.until(written[written.len() - 1]).await;
        assert_eq!(revisions_of(&events), written);
        for (at, event) in events.iter().enumerate() {
            assert_eq!(event["type"], "put");
            assert_eq!(event["value"], at.to_string());
            if at >= 3 {
                assert_eq!(event["prev"]["value"], (at - 3).to_string());
            }
        }
    }
}

#[tokio::test]
async fn etcd_restarts_three_times_and_no_revision_is_missed() {
    let mut etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let mut streams = open(&gateway.api()).await;
    let mut written = Vec::new();
    for _ in 0..3 {
        put(&etcd, &mut written, 20).await;
        etcd.restart().await;
        put(&etcd, &mut written, 20).await;
    }
    check(&mut streams, &written).await;
    assert!(written.windows(2).all(|pair| pair[1] == pair[0] + 1));
}

#[tokio::test]
async fn changes_during_a_cut_connection_are_delivered_afterwards() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let mut streams = open(&gateway.api()).await;
    let mut written = Vec::new();
    for _ in 0..3 {
        put(&etcd, &mut written, 10).await;
        etcd.proxy.cut();
        put(&etcd, &mut written, 10).await;
        etcd.proxy.restore();
    }
    check(&mut streams, &written).await;
}

#[tokio::test]
async fn a_silently_dropped_connection_is_noticed() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let mut streams = open(&gateway.api()).await;
    let mut written = Vec::new();
    put(&etcd, &mut written, 5).await;
    // The present connections never deliver anything again; new ones work.
    etcd.proxy.strand();
    put(&etcd, &mut written, 5).await;
    check(&mut streams, &written).await;
}

#[tokio::test]
async fn a_watch_waits_for_a_frozen_etcd() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let mut streams = open(&api).await;
    let mut written = Vec::new();
    put(&etcd, &mut written, 5).await;
    // etcd confirms a put before its watches deliver it: an undelivered event would be frozen with etcd.
    for stream in &mut streams[..2] {
        let events = stream.until(written[4]).await;
        assert_eq!(events.len(), 5);
    }
    etcd.freeze().await;
    let hidden = api.get("/kv?key=k0&timeout=1s").send().await;
    hidden.problem(504, "timeout");
    for stream in &mut streams[..2] {
        // The stream keeps sending progress while etcd is frozen.
        let alive = stream.next_within(Duration::from_secs(10)).await;
        assert_eq!(alive.expect("the stream is open")["type"], "progress");
    }
    etcd.thaw();
    let first = written.len();
    put(&etcd, &mut written, 5).await;
    for stream in &mut streams[..2] {
        let events = stream.until(written[9]).await;
        assert_eq!(revisions_of(&events), written[first..]);
    }
    check(&mut streams[2..], &written).await;
}
