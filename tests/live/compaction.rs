//! History that is gone: the stream says which part, and goes on.

use etcd_client::CompactionOptions;
use support::gateway::InProcess;
use support::tools::first_after_compaction;
use support::{Client, Etcd, Stream, revisions_of};

/// An etcd whose history before the last of ten revisions is gone.
async fn compacted() -> (Etcd, InProcess, Client, Vec<i64>) {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let mut written = Vec::new();
    for n in 0..10 {
        written.push(api.write(format!("k{}", n % 3), n.to_string()).await);
    }
    let mut client = etcd.client().await;
    let physical = CompactionOptions::new().with_physical();
    client
        .compact(written[6], Some(physical))
        .await
        .expect("etcd compacts");
    (etcd, gateway, api, written)
}

#[tokio::test]
async fn a_compacted_start_says_what_is_gone_and_goes_on_there() {
    let (_etcd, _gateway, api, written) = compacted().await;
    let first = first_after_compaction(written[6]);
    let left: Vec<i64> = written
        .iter()
        .copied()
        .filter(|revision| *revision >= first)
        .collect();
    for transport in ["ndjson", "sse", "socket"] {
        let path = format!("/watch?prefix=k&revision={}", written[1]);
        let mut stream = match transport {
            "ndjson" => Stream::ndjson(api.get(&path)).await,
            "sse" => Stream::sse(api.get(&path), "").await,
            _ => Stream::socket(&api, &path).await,
        };
        let gone = stream.of("compacted").await;
        assert_eq!(
            (gone["from"].as_i64(), gone["to"].as_i64()),
            (Some(written[1]), Some(first))
        );
        assert_eq!(stream.of("opened").await["revision"], first);
        let events = stream.until(written[9]).await;
        assert_eq!(revisions_of(&events), left);
    }
    // The oldest revision that is left is a start like any other.
    let path = format!("/watch?prefix=k&revision={}", written[6]);
    let mut stream = Stream::ndjson(api.get(&path)).await;
    stream.of("opened").await;
    assert_eq!(revisions_of(&stream.until(written[9]).await), written[6..]);
}

#[tokio::test]
async fn a_snapshot_follows_if_asked_for() {
    let (_etcd, _gateway, api, written) = compacted().await;
    let path = format!("/watch?prefix=k&revision={}&snapshot", written[1]);
    let mut stream = Stream::ndjson(api.get(&path)).await;
    stream.of("compacted").await;
    stream.of("opened").await;
    let snapshot = stream.of("snapshot").await;
    let values: Vec<_> = (0..3)
        .map(|at| snapshot["entries"][at]["value"].as_str())
        .collect();
    assert_eq!(values, [Some("9"), Some("7"), Some("8")]);
    let next = api.write("k0", "10").await;
    assert_eq!(
        revisions_of(&stream.until(next).await),
        [next],
        "no event that the snapshot holds"
    );
}

#[tokio::test]
async fn the_entry_before_is_null_where_history_is_gone() {
    let (_etcd, _gateway, api, written) = compacted().await;
    let path = format!("/watch?prefix=k&revision={}&prev", written[6]);
    let mut stream = Stream::ndjson(api.get(&path)).await;
    stream.of("opened").await;
    let events = stream.until(written[9]).await;
    for event in &events {
        assert!(event.get("prev").is_some(), "asked for, so there: {event}");
    }
    assert_eq!(events[3]["prev"]["value"], "6");
}
