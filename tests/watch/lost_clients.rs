//! Watch sockets whose client is lost without closing the connection.

use std::time::Duration;

use support::proxy::Proxy;
use support::{DEADLINE, Etcd, Stream, Watchgate, spawn};
use tokio::time::Instant;

use crate::metrics::until_open;

#[tokio::test]
async fn a_socket_without_pongs_for_30_seconds_is_dropped() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::for_etcd(&etcd, &[]).await;
    let root = gateway.root();
    let proxy = Proxy::start(root.address());
    let through_proxy = gateway.api().at(proxy.address());
    let path = "/watch?prefix=k";
    let mut silent = Stream::socket(&through_proxy, path).await;
    silent.expect_type("opened").await;
    // The second client sends nothing either, but reading replies to pings.
    let mut reading = Stream::socket(&gateway.api(), path).await;
    reading.expect_type("opened").await;
    until_open(&root, 2.0, "both watches are open", DEADLINE).await;
    let reading = spawn(async move {
        loop {
            reading.next_any().await;
        }
    });
    proxy.stall();
    let stalled = Instant::now();
    let deadline = Duration::from_secs(45);
    until_open(&root, 1.0, "the silent one is dropped", deadline).await;
    let passed = stalled.elapsed();
    assert!(
        passed > Duration::from_secs(25),
        "not before the limit: {passed:?}"
    );
    assert!(
        !reading.is_finished(),
        "the reading client has lost its socket"
    );
}
