//! A range of 100 MB sent to a slow reader.

use std::time::Duration;

use serde_json::Value;
use support::fill::fill;
use support::stream::{Ended, Lines};
use support::{Etcd, Watchgate};
use tokio::time::sleep;

const KEYS: usize = 2_000;
const SIZE: usize = 50_000;
/// How much the gateway's memory may grow.
const MAX_GROWTH: u64 = 64 << 20;

/// Reads a response slowly; returns its last line, and the gateway's peak memory.
async fn read_slowly(gateway: &Watchgate, path: &str) -> (Value, u64) {
    let request = gateway.api().get(path);
    let request = request.header("accept", "application/x-ndjson");
    let mut lines = Lines::new(request.open().await.expect("the gateway responds"));
    let (mut count, mut last, mut peak) = (0, String::new(), 0);
    loop {
        match lines.line().await {
            Ok(line) => last = line,
            Err(ended) => {
                assert_eq!((ended, count), (Ended::Orderly(None), KEYS + 1), "{path}");
                break;
            }
        }
        // A gateway that reads ahead would have time to read all of it.
        if count % 50 == 0 {
            sleep(Duration::from_millis(100)).await;
            peak = peak.max(gateway.resident_memory());
        }
        count += 1;
    }
    (serde_json::from_str(&last).expect("a line is JSON"), peak)
}

#[tokio::test]
async fn a_slow_reader_of_a_large_range_needs_bounded_memory() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::for_etcd(&etcd, &[]).await;
    let value = vec![b'v'; SIZE];
    let entries = (0..KEYS).map(|n| (format!("k{n:04}").into_bytes(), value.clone()));
    fill(&etcd.client().await, entries).await;
    gateway.api().read("k0000").await;
    let before = gateway.resident_memory();
    for path in ["/kv?prefix=k", "/export?prefix=k"] {
        let (last, peak) = read_slowly(&gateway, path).await;
        assert_eq!(last["end"]["count"], KEYS, "{path}: {last}");
        let grown = peak.saturating_sub(before);
        assert!(
            grown < MAX_GROWTH,
            "{path}: the gateway grew by {grown} bytes"
        );
    }
}
