//! Watch sockets whose client the network takes away without a word.

use std::time::Duration;

use support::proxy::Proxy;
use support::{Client, DEADLINE, Etcd, Stream, Watchgate, spawn};
use tokio::time::Instant;

use crate::metrics::until;

#[tokio::test]
async fn who_answers_no_ping_for_30_seconds_is_dropped() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::before(&etcd, &[]).await;
    let root = gateway.root();
    let proxy = Proxy::start(root.address());
    let behind = Client::to(proxy.address()).below("/api/v1");
    let path = "/watch?prefix=k";
    let mut silent = Stream::socket(&behind, path).await;
    silent.of("opened").await;
    // It says nothing either, but whoever reads answers pings.
    let mut reading = Stream::socket(&gateway.api(), path).await;
    reading.of("opened").await;
    until(&root, 2.0, "both are open", DEADLINE).await;
    let reading = spawn(async move {
        loop {
            reading.any().await;
        }
    });
    proxy.stall();
    let stalled = Instant::now();
    let deadline = Duration::from_secs(45);
    until(&root, 1.0, "the silent one is dropped", deadline).await;
    let passed = stalled.elapsed();
    assert!(
        passed > Duration::from_secs(25),
        "not before its time: {passed:?}"
    );
    assert!(!reading.is_finished(), "who reads has lost the socket");
}
