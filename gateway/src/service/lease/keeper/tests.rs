//! Lease keepers against a real etcd, each test with a server of its own.

use std::time::Duration;

use shared::LeaseId;
use tokio::time::{Instant, timeout};

use super::{Beat, Keepers, Kept};
use crate::identity::Identity;
use crate::service::lock::tests::support::{Fixture, caller, eventually};

const SOON: Duration = Duration::from_secs(20);

async fn next(kept: &mut Kept) -> Beat {
    timeout(SOON, kept.next()).await.expect("a beat in time")
}

async fn kept(fixture: &Fixture, keepers: &Keepers, ttl: i64) -> (LeaseId, Kept) {
    let since = Instant::now();
    let lease = fixture.grant(ttl).await;
    (lease, keepers.keep(&Identity::Gateway, lease.0, ttl, since))
}

#[tokio::test]
async fn a_kept_lease_outlives_its_ttl_and_expires_when_dropped() {
    let fixture = Fixture::start().await;
    let keepers = fixture.keepers();
    let (lease, mut held) = kept(&fixture, &keepers, 2).await;
    let start = Instant::now();
    while start.elapsed() < Duration::from_secs(5) {
        assert_eq!(next(&mut held).await, Beat::Renewed(2));
    }
    assert!(fixture.lease_exists(lease).await);
    drop(held);
    eventually("the lease expires", || async {
        !fixture.lease_exists(lease).await
    })
    .await;
}

#[tokio::test]
async fn a_revoked_lease_is_lost_at_the_next_renewal() {
    let fixture = Fixture::start().await;
    let keepers = fixture.keepers();
    let (lease, mut held) = kept(&fixture, &keepers, 9).await;
    let (_, mut other) = kept(&fixture, &keepers, 9).await;
    fixture
        .etcd
        .lease_revoke(&caller(), lease.0)
        .await
        .expect("revoked");
    let reason = timeout(Duration::from_secs(4), held.lost()).await;
    let reason = reason.expect("lost within a third of its TTL");
    assert!(reason.contains("no longer exists"), "{reason}");
    // The other lease is still renewed on the same stream.
    assert_eq!(next(&mut other).await, Beat::Renewed(9));
    assert!(
        matches!(held.next().await, Beat::Lost(_)),
        "the lease stays lost"
    );
}

#[tokio::test]
async fn a_lease_is_lost_when_etcd_is_silent_for_its_ttl_and_not_before() {
    let mut fixture = Fixture::start().await;
    let keepers = fixture.keepers();
    let (_, mut short) = kept(&fixture, &keepers, 3).await;
    let (lease, mut long) = kept(&fixture, &keepers, 60).await;
    assert_eq!(next(&mut short).await, Beat::Renewed(3));
    let stopped = Instant::now();
    fixture.stop_etcd();
    let reason = timeout(SOON, short.lost()).await.expect("lost in time");
    let passed = stopped.elapsed();
    assert!(reason.contains("not responded"), "{reason}");
    assert!(
        (Duration::from_millis(1_500)..Duration::from_secs(5)).contains(&passed),
        "{passed:?}"
    );
    // The longer lease is renewed on a new stream when etcd is back.
    fixture.restart_etcd().await;
    assert!(fixture.lease_exists(lease).await);
    let renewed = timeout(Duration::from_secs(40), long.next()).await;
    assert_eq!(renewed.expect("a third of a minute"), Beat::Renewed(60));
}

#[tokio::test]
async fn one_stream_serves_any_number_of_leases() {
    let fixture = Fixture::start().await;
    let keepers = fixture.keepers();
    let mut held = Vec::new();
    for _ in 0..50 {
        held.push(kept(&fixture, &keepers, 3).await);
    }
    for (_, kept) in &mut held {
        assert_eq!(next(kept).await, Beat::Renewed(3));
    }
    let started = fixture.counter("LeaseKeepAlive").await;
    assert_eq!(started, 1, "keep-alive streams");
    // The same lease twice: it is kept until both holders are dropped.
    let lease = held[0].0;
    let again = keepers.keep(&Identity::Gateway, lease.0, 3, Instant::now());
    held.clear();
    eventually("the others expire", || async {
        fixture.etcd.leases(&caller()).await.expect("leases").1 == [lease.0]
    })
    .await;
    drop(again);
    eventually("the last lease expires", || async {
        !fixture.lease_exists(lease).await
    })
    .await;
}
