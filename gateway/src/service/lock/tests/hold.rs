//! Holds, which last until they are dropped.

use std::time::Duration;

use shared::{Acquired, LockHoldRequest, ServerMessage};
use tokio::time::timeout;

use super::super::QueueHold;
use super::support::{Fixture, caller, eventually, waiting};

const SOON: Duration = Duration::from_secs(20);

async fn hold(fixture: &Fixture, name: &str, ttl: i64) -> QueueHold {
    let request = LockHoldRequest {
        ttl: Some(ttl),
        holder: Some("us".into()),
    };
    let held = fixture.locks.hold(&caller(), name.into(), request).await;
    held.expect("the queue is entered")
}

async fn next(held: &mut QueueHold) -> Option<ServerMessage> {
    timeout(SOON, held.next()).await.expect("a message in time")
}

async fn acquired(held: &mut QueueHold) -> Acquired {
    match next(held).await {
        Some(ServerMessage::Acquired(acquired)) => acquired,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_hold_outlasts_its_ttl_and_ends_when_dropped() {
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
    let successor = acquired(&mut second).await;
    assert!(successor.fencing_token > first.fencing_token);
    assert!(
        !fixture.lease_exists(first.lease).await,
        "its lease is revoked"
    );
    drop(second);
    eventually("the queue is empty", || async {
        fixture.keys("a/").await.is_empty() && !fixture.lease_exists(successor.lease).await
    })
    .await;
}

#[tokio::test]
async fn a_waiter_stays_in_the_queue_beyond_its_ttl() {
    let fixture = Fixture::start().await;
    let first = fixture.acquire("a", waiting(0)).await.expect("free");
    let mut second = hold(&fixture, "a", 2).await;
    let waits = timeout(Duration::from_secs(5), second.next()).await;
    assert!(waits.is_err(), "the second waits");
    assert_eq!(fixture.keys("a/").await.len(), 2);
    drop(first.claim);
    acquired(&mut second).await;
}

#[tokio::test]
async fn deleting_the_key_sends_lost_to_the_holder() {
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
async fn revoking_the_lease_sends_lost_to_a_waiter() {
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
    first.claim.keep();
}
