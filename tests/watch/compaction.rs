//! Compacted history: the stream reports the gap and continues.

use support::gateway::InProcess;
use support::tools::first_after_compaction;
use support::{Client, Etcd, Stream, revisions_of};

/// An etcd with ten revisions, the first six of which are compacted.
async fn start_compacted() -> (Etcd, InProcess, Client, Vec<i64>) {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let mut written = Vec::new();
    for n in 0..10 {
        written.push(api.write(format!("k{}", n % 3), n.to_string()).await);
    }
    etcd.compact(written[6]).await;
    (etcd, gateway, api, written)
}

#[tokio::test]
async fn a_start_at_a_compacted_revision_reports_the_gap_and_continues() {
    let (_etcd, _gateway, api, written) = start_compacted().await;
    let first = first_after_compaction(written[6]);
    let left: Vec<i64> = written
        .iter()
        .copied()
        .filter(|revision| *revision >= first)
        .collect();
    let path = format!("/watch?prefix=k&revision={}", written[1]);
    for mut stream in Stream::by_every_transport(&api, &path).await {
        let gap = stream.expect_type("compacted").await;
        assert_eq!(
            (gap["from"].as_i64(), gap["to"].as_i64()),
            (Some(written[1]), Some(first))
        );
        assert_eq!(stream.expect_type("opened").await["revision"], first);
        let events = stream.until(written[9]).await;
        assert_eq!(revisions_of(&events), left);
    }
    // The oldest remaining revision is a valid start.
    let path = format!("/watch?prefix=k&revision={}", written[6]);
    let mut stream = Stream::ndjson(api.get(&path)).await;
    stream.expect_type("opened").await;
    assert_eq!(revisions_of(&stream.until(written[9]).await), written[6..]);
}

#[tokio::test]
async fn a_snapshot_follows_if_requested() {
    let (_etcd, _gateway, api, written) = start_compacted().await;
    let path = format!("/watch?prefix=k&revision={}&snapshot", written[1]);
    let mut stream = Stream::ndjson(api.get(&path)).await;
    stream.expect_type("compacted").await;
    stream.expect_type("opened").await;
    let snapshot = stream.expect_type("snapshot").await;
    let values: Vec<_> = (0..3)
        .map(|at| snapshot["entries"][at]["value"].as_str())
        .collect();
    assert_eq!(values, [Some("9"), Some("7"), Some("8")]);
    let next = api.write("k0", "10").await;
    assert_eq!(
        revisions_of(&stream.until(next).await),
        [next],
        "no event that the snapshot contains"
    );
}

#[tokio::test]
async fn the_previous_entry_is_null_where_history_is_compacted() {
    let (_etcd, _gateway, api, written) = start_compacted().await;
    let path = format!("/watch?prefix=k&revision={}&prev", written[6]);
    let mut stream = Stream::ndjson(api.get(&path)).await;
    stream.expect_type("opened").await;
    let events = stream.until(written[9]).await;
    for event in &events {
        assert!(
            event.get("prev").is_some(),
            "requested, so present: {event}"
        );
    }
    assert_eq!(events[3]["prev"]["value"], "6");
}
