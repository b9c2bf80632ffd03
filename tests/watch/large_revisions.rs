//! Revisions of any size: the gateway never buffers a whole one, and never delivers a part as complete.

use etcd_client::DeleteOptions;
use support::fill::fill;
use support::gateway::InProcess;
use support::tools::workload_with_prev;
use support::{Etcd, Stream, Watchgate, bytes_in};

const KEYS: usize = 100_000;

/// A value of `size` bytes.
fn value(n: usize, size: usize) -> String {
    format!("{:<size$}", format!("value {n}"))
}

fn key(n: usize) -> Vec<u8> {
    format!("bulk/{n:06}").into_bytes()
}

#[tokio::test]
async fn a_delete_of_100000_keys_is_watched_with_previous_entries() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::for_etcd(&etcd, &[]).await;
    let mut client = etcd.client().await;
    let (keys, size) = workload_with_prev(KEYS, 100);
    fill(
        &client,
        (0..keys).map(|n| (key(n), value(n, size).into_bytes())),
    )
    .await;

    let mut stream = Stream::ndjson(gateway.api().get("/watch?prefix=bulk/&prev")).await;
    stream.expect_type("opened").await;
    let before = gateway.resident_memory();
    let prefix = DeleteOptions::new().with_prefix();
    let deleted = client
        .delete("bulk/", Some(prefix))
        .await
        .expect("etcd deletes");
    let revision = deleted.header().expect("a header").revision();

    let (mut next, mut pieces) = (0, 0);
    loop {
        let piece = stream.next().await;
        assert_eq!(
            (&piece["type"], piece["revision"].as_i64()),
            (&"events".into(), Some(revision))
        );
        let length = piece.to_string().len();
        assert!(length < 3 << 20, "a piece of {length} bytes");
        for event in piece["events"].as_array().expect("events") {
            assert_eq!(
                (&event["type"], event["mod_revision"].as_i64()),
                (&"delete".into(), Some(revision))
            );
            assert_eq!(bytes_in(&event["key"]), key(next));
            assert_eq!(event["prev"]["value"], value(next, size));
            next += 1;
        }
        pieces += 1;
        if piece["more"] != true {
            break;
        }
    }
    assert_eq!(next, keys);
    assert!(pieces > 5, "{pieces} pieces");
    let grown = gateway.resident_memory().saturating_sub(before);
    assert!(grown < 64 << 20, "the gateway grew by {grown} bytes");
    let last = gateway.api().write("bulk/after", "x").await;
    assert_eq!(stream.until(last).await.len(), 1, "the watch continues");
}

#[tokio::test]
async fn a_large_revision_resumes_without_loss() {
    let etcd = Etcd::start().await;
    let gateway = InProcess::start(&etcd.url(), &[]).await;
    let mut client = etcd.client().await;
    let (many, size) = workload_with_prev(20_000, 200);
    fill(&client, (0..many).map(|n| (key(n), vec![b'v'; size]))).await;
    let mut stream = Stream::sse(gateway.api().get("/watch?prefix=bulk/&prev"), "").await;
    stream.expect_type("opened").await;
    let complete = stream.last_event_id.clone();
    let prefix = DeleteOptions::new().with_prefix();
    client
        .delete("bulk/", Some(prefix))
        .await
        .expect("etcd deletes");
    let piece = stream.expect_type("events").await;
    assert_eq!(piece["more"], true);
    assert_eq!(
        stream.last_event_id, complete,
        "a watch cannot resume from a piece"
    );
    drop(stream);
    let mut stream = Stream::sse(gateway.api().get("/watch?prefix=bulk/&prev"), &complete).await;
    stream.expect_type("opened").await;
    let mut seen = 0;
    loop {
        let piece = stream.expect_type("events").await;
        seen += piece["events"].as_array().map_or(0, Vec::len);
        if piece["more"] != true {
            break;
        }
    }
    assert_eq!(seen, many);
}
