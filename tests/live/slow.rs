//! Readers that do not keep up: they hinder nobody, cost little, and lose nothing.

use std::time::Duration;

use support::fill::Numbers;
use support::stream::Ended;
use support::{Etcd, Stream, Watchgate, json_bytes, revisions_of};
use tokio_tungstenite::tungstenite::protocol::frame::coding::CloseCode;

/// Far more than the sockets between gateway and client hold.
const ROUNDS: usize = 160;
const SIZE: usize = 600_000;

#[tokio::test]
async fn a_slow_reader_is_caught_up_and_costs_little() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::before(&etcd, &[]).await;
    let api = gateway.api();
    let mut slow = Stream::socket(&api, "/watch?prefix=k").await;
    slow.of("opened").await;
    let mut quick = Stream::socket(&api, "/watch?prefix=k").await;
    quick.of("opened").await;
    let before = gateway.resident();
    let value = json_bytes(Numbers::new(3).bytes(SIZE * 3 / 4));
    let value = value["base64"].as_str().expect("random bytes are no text");

    let mut written = Vec::new();
    for n in 0..ROUNDS {
        let revision = api.write(format!("k{}", n % 4), value.to_owned()).await;
        written.push(revision);
        // The quick reader is not held up by the slow one.
        assert_eq!(revisions_of(&quick.until(revision).await), [revision]);
    }
    let grown = gateway.resident().saturating_sub(before);
    assert!(
        grown < 64 << 20,
        "the gateway grew by {grown} bytes for one slow reader"
    );
    let told = slow.until(written[ROUNDS - 1]).await;
    assert_eq!(revisions_of(&told), written);
}

#[tokio::test]
async fn who_reads_nothing_for_60_seconds_is_closed_with_1013() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::before(&etcd, &[]).await;
    let api = gateway.api();
    let mut idle = Stream::socket(&api, "/watch?prefix=k").await;
    idle.of("opened").await;
    // Not a socket: nobody would answer its pings while we wait.
    let mut reading = Stream::ndjson(api.get("/watch?prefix=k")).await;
    reading.of("opened").await;
    let value = "v".repeat(1 << 20);
    let mut last = 0;
    for n in 0..40 {
        last = api.write(format!("k{}", n % 4), value.clone()).await;
    }
    reading.until(last).await;
    // The watch leaves the gauge when the gateway gives the reader up: that is what we wait for.
    support::eventually(
        "the idle reader is given up",
        Duration::from_secs(80),
        async || {
            let text = gateway.root().get("/metrics").send().await.text();
            let open = text
                .lines()
                .find(|line| line.starts_with("watchgate_watches_open"));
            support::when(open == Some("watchgate_watches_open 1"), || {
                format!("{open:?}")
            })
        },
    )
    .await;
    let ended = idle.ended(Duration::from_secs(40)).await;
    assert_eq!(ended, Ended::Orderly(Some(CloseCode::Again)));
    let next = api.write("k", "x").await;
    reading.until(next).await;
}
