//! Clients that are lost without closing their connection.

use std::time::Duration;

use serde_json::json;
use support::locks::{lock_path, wait_for_key_deletion, wait_for_lease_end, wait_for_waiters};
use support::proxy::Proxy;
use support::{Client, Stream, World, ensure, eventually, text};
use tokio::time::Instant;

/// The gateway's API through a proxy that can be stalled.
fn through_a_proxy(world: &World) -> (Proxy, Client) {
    let proxy = Proxy::start(world.api.address());
    let api = world.api.at(proxy.address());
    (proxy, api)
}

#[tokio::test]
async fn a_socket_without_pongs_for_its_ttl_loses_its_holds() {
    let world = World::new("silent").await;
    let (proxy, api) = through_a_proxy(&world);
    let mut session = Stream::socket(&api, "/leases/hold?ttl=4").await;
    let lease = text(&session.expect_type("granted").await["lease"]);
    let name = world.key("lock");
    let k = lock_path(&name);
    let mut held = Stream::socket(&api, &format!("{k}/hold?ttl=4")).await;
    let acquired = held.expect_type("acquired").await;
    // Both holds outlive their TTL while the client reads, because reading replies to pings.
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(6) {
        session.expect_type("renewed").await;
        held.expect_type("renewed").await;
    }
    let mut waiter = Stream::socket(&world.api, &format!("{k}/hold?ttl=60")).await;
    wait_for_waiters(&world.api, &name, 1).await;
    proxy.stall();
    let stalled = Instant::now();
    wait_for_lease_end(&world.api, &lease, Duration::from_secs(10)).await;
    wait_for_key_deletion(&world.api, &text(&acquired["key"]), Duration::from_secs(10)).await;
    let passed = stalled.elapsed();
    assert!(
        passed > Duration::from_secs(2),
        "not before the TTL: {passed:?}"
    );
    waiter.expect_type("acquired").await;
}

#[tokio::test]
async fn a_closed_connection_ends_the_hold_at_once() {
    let world = World::new("cut").await;
    let (proxy, api) = through_a_proxy(&world);
    let mut session = Stream::ndjson(api.post("/leases/hold", &json!({"ttl": 60}))).await;
    let lease = text(&session.expect_type("granted").await["lease"]);
    proxy.cut();
    wait_for_lease_end(&world.api, &lease, Duration::from_secs(2)).await;
}

#[tokio::test]
async fn a_stopping_gateway_releases_its_holds() {
    let mut world = World::new("stops").await;
    let name = world.key("lock");
    let path = format!("{}/hold", lock_path(&name));
    let mut held = Stream::ndjson(world.api.post(&path, &json!({"ttl": 60}))).await;
    held.expect_type("acquired").await;
    world.gateway.stop().await;
    let mut client = world.client().await;
    eventually(
        "the key of the hold is deleted",
        Duration::from_secs(5),
        async || {
            let response = client.get(
                format!("{name}/"),
                Some(etcd_client::GetOptions::new().with_prefix()),
            );
            let count = response.await.map_err(|error| error.to_string())?.count();
            ensure(count == 0, || format!("{count} keys"))
        },
    )
    .await;
}

/// TCP_USER_TIMEOUT, the time that sent data may stay unacknowledged, of each connection accepted at
/// `address` by this process; zero is the system's own limit. An error if the system does not duplicate
/// file descriptors of a process, as some containers do not.
#[cfg(target_os = "linux")]
fn user_timeouts(address: std::net::SocketAddr) -> rustix::io::Result<Vec<Duration>> {
    use std::os::fd::AsRawFd as _;

    use rustix::net::{getpeername, getsockname, sockopt};
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    let here = pidfd_open(getpid(), PidfdFlags::empty())?;
    pidfd_getfd(&here, here.as_raw_fd(), PidfdGetfdFlags::empty())?;
    let files = std::fs::read_dir("/proc/self/fd").expect("a process can list its files");
    let handles = files.filter_map(|file| {
        let number = file.ok()?.file_name().to_str()?.parse().ok()?;
        pidfd_getfd(&here, number, PidfdGetfdFlags::empty()).ok()
    });
    let accepted = handles.filter(|handle| {
        let local = getsockname(handle).map(std::net::SocketAddr::try_from);
        getpeername(handle).is_ok() && local == Ok(Ok(address))
    });
    accepted
        .map(|handle| sockopt::tcp_user_timeout(&handle))
        .map(|millis| Ok(Duration::from_millis(millis?.into())))
        .collect()
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_hold_sets_the_tcp_user_timeout_of_its_own_connection() {
    let world = World::new("unacknowledged").await;
    let address = world.api.address();
    world.api.get("/kv?prefix=a").send().await.expect(200);
    let limits = match user_timeouts(address) {
        Ok(limits) => limits,
        Err(error) => {
            eprintln!("skipped: this system does not duplicate file descriptors: {error}");
            return;
        }
    };
    let user_timeouts = |address| user_timeouts(address).expect("the system allows it, as above");
    assert!(
        !limits.is_empty() && limits.iter().all(Duration::is_zero),
        "{limits:?}"
    );

    let ttl = Duration::from_secs(37);
    let mut session = Stream::ndjson(world.api.post("/leases/hold", &json!({"ttl": 37}))).await;
    session.expect_type("granted").await;
    let limited = |limits: &[Duration]| limits.iter().filter(|limit| **limit == ttl).count();
    let name = world.key("lock");
    let path = format!("{}/hold?ttl=37", lock_path(&name));
    let mut held = Stream::socket(&world.api, &path).await;
    held.expect_type("acquired").await;
    world.api.get("/kv?prefix=a").send().await.expect(200);
    let limits = user_timeouts(address);
    assert_eq!(limited(&limits), 2, "{limits:?}");
    assert!(limits.contains(&Duration::ZERO), "{limits:?}");

    drop((session, held));
    eventually(
        "the limits are removed",
        Duration::from_secs(5),
        async || {
            let limits = user_timeouts(address);
            ensure(limited(&limits) == 0, || format!("{limits:?}"))
        },
    )
    .await;
}
