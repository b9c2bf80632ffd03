//! Holding: for as long as somebody is there.

use std::time::Duration;

use shared::{Acquired, LockHoldRequest, ServerMessage};
use tokio::time::timeout;

use super::super::PlaceHold;
use super::support::{Fixture, caller, eventually, waiting};

const SOON: Duration = Duration::from_secs(20);

async fn hold(fixture: &Fixture, name: &str, ttl: i64) -> PlaceHold {
    let request = LockHoldRequest {
        ttl: Some(ttl),
        holder: Some("us".into()),
    };
    let held = fixture.locks.hold(&caller(), name.into(), request).await;
    held.expect("the queue is entered")
}

async fn next(held: &mut PlaceHold) -> Option<ServerMessage> {
    timeout(SOON, held.next()).await.expect("a message in time")
}

async fn acquired(held: &mut PlaceHold) -> Acquired {
    match next(held).await {
        Some(ServerMessage::Acquired(acquired)) => acquired,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_lock_is_held_beyond_its_ttl_and_goes_with_its_holder() {
    let fixture = Fixture::start().await;
    let mut held = hold(&fixture, "a", 2).await;
    let first = acquired(&mut held).await;
    for _ in 0..5 {
        assert_eq!(
            next(&mut held).await,
            Some(ServerMessage::Renewed { ttl: 2 })
        );
    }
    assert_eq!(fixture.keys("a/").await.len(), 1);
    let mut second = hold(&fixture, "a", 2).await;
    drop(held);
    let then = acquired(&mut second).await;
    assert!(then.fencing_token > first.fencing_token);
    assert!(!fixture.lives(first.lease).await, "its lease is revoked");
    drop(second);
    eventually("nobody is left", || async {
        fixture.keys("a/").await.is_empty() && !fixture.lives(then.lease).await
    })
    .await;
}

#[tokio::test]
async fn a_waiter_keeps_its_place_beyond_its_ttl() {
    let fixture = Fixture::start().await;
    let first = fixture.acquire("a", waiting(0)).await.expect("free");
    let mut second = hold(&fixture, "a", 2).await;
    let waits = timeout(Duration::from_secs(5), second.next()).await;
    assert!(waits.is_err(), "it waits");
    assert_eq!(fixture.keys("a/").await.len(), 2);
    drop(first.standing);
    acquired(&mut second).await;
}

#[tokio::test]
async fn a_holder_is_told_when_somebody_takes_the_lock_away() {
    let fixture = Fixture::start().await;
    let mut held = hold(&fixture, "a", 60).await;
    let acquired = acquired(&mut held).await;
    let key = String::from_utf8(acquired.key.0).expect("text");
    assert!(fixture.etcdctl(&["del", &key]).ended().await);
    assert!(matches!(
        next(&mut held).await,
        Some(ServerMessage::Lost { .. })
    ));
    assert_eq!(next(&mut held).await, None);
}

#[tokio::test]
async fn a_waiter_is_told_when_its_lease_is_revoked() {
    let fixture = Fixture::start().await;
    let first = fixture.acquire("a", waiting(0)).await.expect("free");
    let mut second = hold(&fixture, "a", 60).await;
    let key = fixture.keys("a/").await.pop().expect("the newest");
    fixture
        .etcd
        .lease_revoke(&caller(), key.lease)
        .await
        .expect("revoked");
    assert!(matches!(
        next(&mut second).await,
        Some(ServerMessage::Lost { .. })
    ));
    first.standing.keep();
}
