//! A store that was wiped, restored, or compacted while the connection was down.

use etcd_client::CompactionOptions;
use support::gateway::InProcess;
use support::tools::first_after_compaction;
use support::{Etcd, Stream, revisions_of};

#[tokio::test]
async fn data_wiped_under_a_watch_is_a_reset() {
    let mut etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    for n in 0..20 {
        api.write(format!("k{n}"), "old").await;
    }
    let mut plain = Stream::ndjson(api.get("/watch?prefix=k")).await;
    let old = plain.expect_type("opened").await["cluster_id"].clone();
    let mut snapshots = Stream::sse(api.get("/watch?prefix=k&snapshot"), "").await;
    snapshots.expect_type("opened").await;
    assert_eq!(
        snapshots.expect_type("snapshot").await["entries"]
            .as_array()
            .map(Vec::len),
        Some(20)
    );
    let id = snapshots.last_event_id.clone();
    let mut socket = Stream::socket(&api, "/watch?prefix=k").await;
    socket.expect_type("opened").await;

    etcd.restart_wiped().await;
    let mut client = etcd.client().await;
    client.put("k-new", "new", None).await.expect("etcd puts");

    for stream in [&mut plain, &mut socket] {
        let reset = stream.expect_type("reset").await;
        assert_ne!(reset["cluster_id"], old);
        assert!(reset["revision"].as_i64() < Some(20), "{reset}");
        assert!(
            reset["reason"]
                .as_str()
                .is_some_and(|reason| !reason.is_empty())
        );
    }
    snapshots.expect_type("reset").await;
    let snapshot = snapshots.expect_type("snapshot").await;
    assert_eq!(snapshot["entries"][0]["key"], "k-new");
    assert_eq!(snapshot["entries"].as_array().map(Vec::len), Some(1));

    let last = api.write("k-next", "new").await;
    for stream in [&mut plain, &mut socket, &mut snapshots] {
        assert_eq!(revisions_of(&stream.until(last).await).last(), Some(&last));
    }
    // An EventSource that reconnects later is notified as well.
    let mut late = Stream::sse(api.get("/watch?prefix=k&snapshot"), &id).await;
    late.expect_type("reset").await;
    late.expect_type("opened").await;
    assert_eq!(
        late.expect_type("snapshot").await["entries"]
            .as_array()
            .map(Vec::len),
        Some(2)
    );
}

#[tokio::test]
async fn restored_data_with_the_same_cluster_id_is_a_reset() {
    // The cluster id is derived from the token, so it stays the same.
    let mut etcd = Etcd::start_with(&["--initial-cluster-token=always"]).await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    for n in 0..20 {
        api.write(format!("k{n}"), "old").await;
    }
    let mut watch = Stream::ndjson(api.get("/watch?prefix=k")).await;
    let opened = watch.expect_type("opened").await;
    etcd.restart_wiped().await;
    let reset = watch.expect_type("reset").await;
    assert_eq!(reset["cluster_id"], opened["cluster_id"]);
    assert_eq!(reset["revision"], 1, "{reset}");
    let last = api.write("k-new", "new").await;
    assert_eq!(revisions_of(&watch.until(last).await), [last]);
}

#[tokio::test]
async fn history_compacted_during_a_disconnect_is_reported() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();
    let first = api.write("k0", "0").await;
    let mut plain = Stream::ndjson(api.get("/watch?prefix=k")).await;
    plain.expect_type("opened").await;
    let mut snapshots = Stream::socket(&api, "/watch?prefix=k&snapshot").await;
    snapshots.expect_type("opened").await;
    snapshots.expect_type("snapshot").await;

    etcd.proxy.cut();
    let mut client = etcd.client().await;
    let mut written = Vec::new();
    for n in 1..=20 {
        let put = client.put(format!("k{}", n % 4), n.to_string(), None).await;
        written.push(
            put.expect("etcd puts")
                .header()
                .expect("a header")
                .revision(),
        );
    }
    let physical = CompactionOptions::new().with_physical();
    client
        .compact(written[14], Some(physical))
        .await
        .expect("etcd compacts");
    etcd.proxy.restore();

    let gap = plain.expect_type("compacted").await;
    let left = first_after_compaction(written[14]);
    assert_eq!(
        (gap["from"].as_i64(), gap["to"].as_i64()),
        (Some(first + 1), Some(left))
    );
    written.retain(|revision| *revision >= left);
    let last = *written.last().expect("a remaining key");
    assert_eq!(revisions_of(&plain.until(last).await), written);

    snapshots.expect_type("compacted").await;
    let snapshot = snapshots.expect_type("snapshot").await;
    let values: Vec<_> = (0..4)
        .map(|at| snapshot["entries"][at]["value"].as_str())
        .collect();
    assert_eq!(values, [Some("20"), Some("17"), Some("18"), Some("19")]);
    let next = api.write("k0", "after").await;
    assert_eq!(revisions_of(&snapshots.until(next).await), [next]);
}
