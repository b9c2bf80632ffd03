//! Slow readers delay no other reader, use little memory, and lose no event.

use std::time::Duration;

use support::fill::Numbers;
use support::stream::Ended;
use support::{Etcd, Stream, Watchgate, json_bytes, revisions_of};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

use crate::metrics::until_open;

/// Far more than the socket buffers between gateway and client hold.
const ROUNDS: usize = 160;
const SIZE: usize = 600_000;

#[tokio::test]
async fn a_slow_reader_catches_up_and_uses_little_memory() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::for_etcd(&etcd, &[]).await;
    let api = gateway.api();
    let mut slow = Stream::socket(&api, "/watch?prefix=k").await;
    slow.expect_type("opened").await;
    let mut quick = Stream::socket(&api, "/watch?prefix=k").await;
    quick.expect_type("opened").await;
    let before = gateway.resident_memory();
    let value = json_bytes(Numbers::new(3).bytes(SIZE * 3 / 4));
    let value = value["base64"].as_str().expect("random bytes are not text");

    let mut written = Vec::new();
    for n in 0..ROUNDS {
        let revision = api.write(format!("k{}", n % 4), value.to_owned()).await;
        written.push(revision);
        // The slow reader does not delay the quick one.
        assert_eq!(revisions_of(&quick.until(revision).await), [revision]);
    }
    let grown = gateway.resident_memory().saturating_sub(before);
    assert!(
        grown < 64 << 20,
        "the gateway grew by {grown} bytes for one slow reader"
    );
    let events = slow.until(written[ROUNDS - 1]).await;
    assert_eq!(revisions_of(&events), written);
}

#[tokio::test]
async fn a_socket_not_read_for_60_seconds_is_closed_with_1013() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::for_etcd(&etcd, &[]).await;
    let api = gateway.api();
    let mut idle = Stream::socket(&api, "/watch?prefix=k").await;
    idle.expect_type("opened").await;
    // Not a socket, because this test does not reply to pings while it waits.
    let mut reading = Stream::ndjson(api.get("/watch?prefix=k")).await;
    reading.expect_type("opened").await;
    let value = "v".repeat(1 << 20);
    let mut last = 0;
    for n in 0..40 {
        last = api.write(format!("k{}", n % 4), value.clone()).await;
    }
    reading.until(last).await;
    // The gauge of open watches falls when the gateway closes the idle reader's socket.
    let (what, deadline) = ("the idle reader is closed", Duration::from_secs(80));
    until_open(&gateway.root(), 1.0, what, deadline).await;
    let ended = idle.wait_for_end(Duration::from_secs(40)).await;
    assert_eq!(ended, Ended::Orderly(Some(CloseCode::Again)));
    let next = api.write("k", "x").await;
    reading.until(next).await;
}
