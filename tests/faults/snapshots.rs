//! Streams whose snapshot is stalled: no message gives the client a point to resume from.

use etcd_client::CompactionOptions;
use serde_json::Value;
use support::fill::fill;
use support::gateway::InProcess;
use support::{Client, Etcd, Stream};

/// Together more than the sockets and the gateway buffer for a client that does not read.
const KEYS: usize = 3_000;
const VALUE: usize = 16 << 10;
const WATCH: &str = "/watch?prefix=s/&snapshot";

async fn open(api: &Client, transport: &str) -> Stream {
    match transport {
        "ndjson" => Stream::ndjson(api.get(WATCH)).await,
        "sse" => Stream::sse(api.get(WATCH), "").await,
        _ => Stream::socket(api, WATCH).await,
    }
}

fn entries(piece: &Value) -> usize {
    assert_eq!(piece["type"], "snapshot", "{piece}");
    piece["entries"].as_array().expect("entries").len()
}

/// Reads until the stream has sent `idle` twice in a row, which is long enough for the gateway to time out
/// on etcd. Only pieces of the snapshot may come before, and the snapshot must stay incomplete. Returns the
/// number of entries.
async fn read_until_stalled(stream: &mut Stream) -> usize {
    let (mut seen, mut idle) = (0, 0);
    while idle < 2 {
        let message = stream.next_any().await;
        if message["type"] == "idle" {
            idle += 1;
            continue;
        }
        seen += entries(&message);
        assert_eq!(message["more"], true, "complete after {seen} entries");
        idle = 0;
    }
    seen
}

/// Reads the rest of a snapshot.
async fn finish(stream: &mut Stream) -> usize {
    let mut seen = 0;
    loop {
        let piece = stream.expect_type("snapshot").await;
        seen += entries(&piece);
        if piece["more"] != true {
            return seen;
        }
    }
}

#[tokio::test]
async fn an_unfinished_snapshot_has_no_resume_point() {
    let etcd = Etcd::start().await;
    let mut direct = etcd.client().await;
    let keys = (0..KEYS).map(|n| format!("s/{n:05}").into_bytes());
    fill(&direct, keys.map(|key| (key, vec![b'v'; VALUE]))).await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let api = gateway.api();

    let mut streams = Vec::new();
    for transport in ["ndjson", "sse", "socket"] {
        let mut stream = open(&api, transport).await;
        stream.expect_type("opened").await;
        let first = entries(&stream.expect_type("snapshot").await);
        streams.push((stream, first));
    }
    etcd.freeze().await;
    let stalled = streams.iter_mut().map(async |(stream, first)| {
        let seen = read_until_stalled(stream).await;
        assert_eq!(
            stream.last_event_id, "",
            "an EventSource would resume there"
        );
        *first + seen
    });
    let seen = futures_util::future::join_all(stalled).await;
    etcd.thaw();
    for ((stream, _), seen) in streams.iter_mut().zip(seen) {
        assert_eq!(seen + finish(stream).await, KEYS);
    }
    let (mut streams, _): (Vec<_>, Vec<_>) = streams.into_iter().unzip();
    let complete = streams[1].last_event_id.clone();
    assert!(!complete.is_empty());

    // A snapshot that replaces compacted history behaves alike.
    etcd.proxy.cut();
    direct
        .put("s/00000", "new", None)
        .await
        .expect("etcd writes");
    let last = direct.put("s/00000", "newer", None).await;
    let last = last
        .expect("etcd writes")
        .header()
        .expect("a header")
        .revision();
    let physical = CompactionOptions::new().with_physical();
    direct
        .compact(last, Some(physical))
        .await
        .expect("etcd compacts");
    etcd.proxy.restore();
    for stream in &mut streams {
        stream.expect_type("compacted").await;
        stream.expect_type("snapshot").await;
    }
    etcd.freeze().await;
    let stalled = streams.iter_mut().map(read_until_stalled);
    futures_util::future::join_all(stalled).await;
    assert_eq!(
        streams[1].last_event_id, complete,
        "as before the compaction"
    );
    etcd.thaw();
    // An EventSource that reconnects now receives a complete snapshot.
    let mut again = Stream::sse(api.get(WATCH), &complete).await;
    again.expect_type("compacted").await;
    again.expect_type("opened").await;
    assert_eq!(finish(&mut again).await, KEYS);
    assert_ne!(again.last_event_id, complete);
}
