//! Acquiring, waiting, and giving up.

use std::time::Duration;

use shared::{Bytes, Code, LeaseId, LockRequest};

use super::support::{Fixture, caller, eventually, waiting, with_lease};
use crate::identity::Caller;

#[tokio::test]
async fn a_free_lock_is_acquired_immediately() {
    let fixture = Fixture::start().await;
    let request = LockRequest {
        holder: Some("s1".into()),
        ..LockRequest::default()
    };
    let acquired = fixture.acquire("/my-lock/", request).await.expect("free");
    let response = acquired.response;
    let key = format!("/my-lock//{}", response.lease);
    assert_eq!(response.key, Bytes::from(key));
    acquired.claim.keep();
    let kv = fixture.keys("/my-lock/").await.remove(0);
    assert_eq!(response.fencing_token, kv.create_revision);
    assert_eq!(kv.value, br#"{"holder":"s1"}"#);
    assert_eq!(LeaseId(kv.lease), response.lease);
    assert!(fixture.lease_exists(response.lease).await);
}

#[tokio::test]
async fn a_failed_attempt_leaves_no_key_and_names_the_holder() {
    let fixture = Fixture::start().await;
    let request = LockRequest {
        holder: Some("s1".into()),
        ..LockRequest::default()
    };
    let first = fixture.acquire("a", request).await.expect("free");
    let failure = fixture.acquire("a", waiting(0)).await.expect_err("held");
    assert_eq!(failure.code, Code::Locked);
    let lock = failure.facts.lock.clone().expect("the lock");
    let holder = lock.holder.expect("a holder");
    assert_eq!(holder.name.as_deref(), Some("s1"));
    assert_eq!(holder.granted_ttl, Some(60));
    assert_eq!(lock.waiters, Some(Vec::new()));
    assert_eq!(fixture.keys("a/").await.len(), 1);
    let (_, leases) = fixture.etcd.leases(&caller()).await.expect("leases");
    assert_eq!(leases, [first.response.lease.0]);
    first.claim.keep();
}

#[tokio::test]
async fn the_next_holder_gets_a_greater_token() {
    let fixture = Fixture::start().await;
    let first = fixture.acquire("a", waiting(0)).await.expect("free");
    let next = fixture.spawn_acquire("a", waiting(30));
    eventually("two in the queue", || async {
        fixture.keys("a/").await.len() == 2
    })
    .await;
    let token = first.response.fencing_token;
    drop(first.claim);
    let next = next.await.expect("no panic").expect("the lock is acquired");
    assert!(next.response.fencing_token > token);
    next.claim.keep();
}

#[tokio::test]
async fn waiters_acquire_in_order() {
    let fixture = Fixture::start().await;
    let first = fixture.acquire("a", waiting(0)).await.expect("free");
    let (order, mut acquisitions) = tokio::sync::mpsc::channel(16);
    let mut expected = Vec::new();
    for waiter in 0..10 {
        let acquiring = fixture.spawn_acquire("a", waiting(60));
        let order = order.clone();
        fixture.tasks.spawn(async move {
            let acquired = acquiring
                .await
                .expect("no panic")
                .expect("the lock is acquired");
            order
                .send((waiter, acquired.response.fencing_token))
                .await
                .expect("received");
            drop(acquired.claim);
        });
        let length = waiter + 2;
        eventually("queued", || async {
            fixture.keys("a/").await.len() == length
        })
        .await;
        let last = fixture.keys("a/").await.pop().expect("the newest");
        expected.push((waiter, last.create_revision));
    }
    drop(first.claim);
    let mut arrived = Vec::new();
    for _ in 0..10 {
        arrived.push(acquisitions.recv().await.expect("a waiter"));
    }
    assert_eq!(arrived, expected);
    eventually("the queue is empty", || async {
        fixture.keys("a/").await.is_empty()
    })
    .await;
}

#[tokio::test]
async fn a_cancelled_waiters_key_and_lease_are_removed() {
    let fixture = Fixture::start().await;
    let first = fixture.acquire("a", waiting(0)).await.expect("free");
    let waiter = fixture.spawn_acquire("a", waiting(60));
    eventually("queued", || async { fixture.keys("a/").await.len() == 2 }).await;
    waiter.abort();
    eventually("its key is deleted", || async {
        fixture.keys("a/").await.len() == 1
    })
    .await;
    eventually("its lease is revoked", || async {
        fixture
            .etcd
            .leases(&caller())
            .await
            .expect("leases")
            .1
            .len()
            == 1
    })
    .await;
    first.claim.keep();
}

#[tokio::test]
async fn an_undelivered_acquisition_is_undone() {
    let fixture = Fixture::start().await;
    let lease = fixture.grant(60).await;
    let acquired = fixture
        .acquire("a", with_lease(lease, 0))
        .await
        .expect("free");
    drop(acquired.claim);
    eventually("the key is deleted", || async {
        fixture.keys("a/").await.is_empty()
    })
    .await;
    assert!(
        fixture.lease_exists(lease).await,
        "the caller's lease is not revoked"
    );
}

#[tokio::test]
async fn a_negative_lease_keeps_its_sign_in_the_key() {
    let fixture = Fixture::start().await;
    let granted = fixture.etcd.lease_grant(&caller(), 60, -9).await;
    let lease = LeaseId(granted.expect("a lease").1);
    let acquired = fixture
        .acquire("a", with_lease(lease, 0))
        .await
        .expect("free");
    assert_eq!(acquired.response.key, Bytes::from("a/-9"));
    acquired.claim.keep();
    let lock = fixture
        .locks
        .get(&caller(), b"a")
        .await
        .expect("a lock")
        .lock;
    assert_eq!(lock.holder.expect("a holder").lease, lease);
}

#[tokio::test]
async fn the_same_lease_gets_the_same_token() {
    let fixture = Fixture::start().await;
    let lease = fixture.grant(60).await;
    let first = fixture
        .acquire("a", with_lease(lease, 0))
        .await
        .expect("free");
    first.claim.keep();
    let again = fixture
        .acquire("a", with_lease(lease, 0))
        .await
        .expect("held");
    assert!(again.held_before && !first.held_before);
    assert_eq!(again.response.fencing_token, first.response.fencing_token);
    drop(again.claim);
    assert_eq!(
        fixture.keys("a/").await.len(),
        1,
        "a second request removes nothing"
    );
}

#[tokio::test]
async fn a_lease_waits_with_its_existing_key() {
    let fixture = Fixture::start().await;
    let first = fixture.acquire("a", waiting(0)).await.expect("free");
    let lease = fixture.grant(60).await;
    fixture.put(&format!("a/{lease}"), "", Some(lease)).await;
    let failure = fixture
        .acquire("a", with_lease(lease, 1))
        .await
        .expect_err("held");
    assert_eq!(failure.code, Code::Locked);
    assert_eq!(
        fixture.keys("a/").await.len(),
        2,
        "the key was there before"
    );
    let next = fixture.spawn_acquire("a", with_lease(lease, 30));
    drop(first.claim);
    let next = next.await.expect("no panic").expect("the lock is acquired");
    drop(next.claim);
    assert_eq!(fixture.keys("a/").await.len(), 1);
}

#[tokio::test]
async fn a_waiter_whose_lease_ends_gets_session_expired() {
    let fixture = Fixture::start().await;
    let first = fixture.acquire("a", waiting(0)).await.expect("free");
    let lease = fixture.grant(60).await;
    let waiter = fixture.spawn_acquire("a", with_lease(lease, 60));
    eventually("queued", || async { fixture.keys("a/").await.len() == 2 }).await;
    fixture
        .etcd
        .lease_revoke(&caller(), lease.0)
        .await
        .expect("revoked");
    let failure = waiter.await.expect("no panic").expect_err("expired");
    assert_eq!(failure.code, Code::SessionExpired);
    first.claim.keep();
}

#[tokio::test]
async fn a_short_lease_is_kept_alive_while_it_waits() {
    let fixture = Fixture::start().await;
    let first = fixture.acquire("a", waiting(0)).await.expect("free");
    let request = LockRequest {
        ttl: Some(2),
        wait: 60,
        ..LockRequest::default()
    };
    let waiter = fixture.spawn_acquire("a", request);
    eventually("queued", || async { fixture.keys("a/").await.len() == 2 }).await;
    // Longer than the waiter's TTL: another lease, granted now and not renewed, expires meanwhile.
    let other = fixture.grant(3).await;
    eventually("time passes", || async {
        !fixture.lease_exists(other).await
    })
    .await;
    drop(first.claim);
    let next = waiter
        .await
        .expect("no panic")
        .expect("the lock is acquired");
    assert!(fixture.lease_exists(next.response.lease).await);
    next.claim.keep();
}

#[tokio::test]
async fn a_waiter_survives_a_lost_connection_and_a_compaction() {
    let fixture = Fixture::start().await;
    let (proxy, locks) = fixture.through_proxy().await;
    let first = fixture.acquire("a", waiting(0)).await.expect("free");
    let waiter = fixture.tasks.spawn(async move {
        let caller = Caller::gateway(Duration::from_secs(65));
        locks.acquire(&caller, b"a".to_vec(), waiting(60)).await
    });
    eventually("queued", || async { fixture.keys("a/").await.len() == 2 }).await;
    proxy.cut();
    drop(first.claim);
    eventually("the holder's key is deleted", || async {
        fixture.keys("a/").await.len() == 1
    })
    .await;
    fixture.put("x", "y", None).await;
    fixture.compact().await;
    proxy.restore();
    let next = waiter
        .await
        .expect("no panic")
        .expect("the lock is acquired");
    next.claim.keep();
}

#[tokio::test]
async fn reading_a_queue_is_bounded_despite_keys_named_like_claims() {
    let fixture = Fixture::start().await;
    let granted = fixture.etcd.lease_grant(&caller(), 60, i64::MAX).await;
    let lease = LeaseId(granted.expect("a lease").1);
    fixture.put(&format!("jobs/{lease}"), "", Some(lease)).await;
    // Every number could be a lease id.
    fixture.fill((1..=6_000).map(|n| format!("jobs/{n}"))).await;
    let before = fixture.counter("Txn").await;
    let lock = fixture.locks.get(&caller(), b"jobs").await;
    let holder = lock.expect("a lock").lock.holder;
    assert_eq!(holder.expect("the oldest").lease, lease);
    let sent = fixture.counter("Txn").await - before;
    assert!(sent < 12, "{sent} transactions for the oldest 1,000");
    let failure = fixture.acquire("jobs", waiting(0)).await;
    let failure = failure.expect_err("held");
    assert_eq!(failure.code, Code::Locked);
    let detail = failure.detail;
    assert!(
        detail.contains("is held by") && detail.contains("`jobs/1` blocks `jobs`"),
        "{detail}"
    );
}

#[tokio::test]
async fn a_blocking_nested_claim_is_named() {
    let fixture = Fixture::start().await;
    let nested = fixture
        .acquire("/my-lock/", waiting(0))
        .await
        .expect("free");
    let failure = fixture
        .acquire("/my-lock", waiting(1))
        .await
        .expect_err("blocked");
    assert_eq!(failure.code, Code::Locked);
    let key = nested.response.key.as_str().expect("text");
    assert!(failure.detail.contains(key), "{}", failure.detail);
    let lock = failure.facts.lock.clone().expect("the lock");
    assert_eq!(lock.holder.expect("the blocker").key, nested.response.key);
    assert_eq!(fixture.keys("/my-lock").await.len(), 1);
    nested.claim.keep();
}

#[tokio::test]
async fn a_blocking_ordinary_key_is_named() {
    let fixture = Fixture::start().await;
    fixture.put("a/config", "x", None).await;
    let failure = fixture.acquire("a", waiting(0)).await.expect_err("blocked");
    assert!(
        failure.detail.contains("`a/config` blocks `a`"),
        "{}",
        failure.detail
    );
    let lock = failure.facts.lock.clone().expect("the lock");
    assert_eq!((lock.holder, lock.waiters), (None, Some(Vec::new())));
    let lease = fixture.grant(60).await;
    fixture
        .put(&format!("a/{lease}"), r#"{"holder":"x"}"#, Some(lease))
        .await;
    let failure = fixture.acquire("a", waiting(0)).await.expect_err("held");
    let detail = failure.detail;
    assert!(
        detail.contains("held by x") && detail.contains("`a/config` blocks"),
        "{detail}"
    );
}

#[tokio::test]
async fn shutdown_ends_every_wait() {
    let fixture = Fixture::start().await;
    let first = fixture.acquire("a", waiting(0)).await.expect("free");
    first.claim.keep();
    let waiter = fixture.spawn_acquire("a", waiting(60));
    eventually("queued", || async { fixture.keys("a/").await.len() == 2 }).await;
    fixture.tasks.cancel();
    let failure = waiter.await.expect("no panic").expect_err("stopped");
    assert_eq!(failure.code, Code::Unavailable);
    assert!(fixture.tasks.wait(Duration::from_secs(20)).await);
    assert_eq!(fixture.keys("a/").await.len(), 1);
}

#[tokio::test]
async fn etcdctl_and_the_gateway_share_one_queue() {
    let fixture = Fixture::start().await;
    let ctl = fixture.etcdctl(&["lock", "a"]);
    eventually("etcdctl holds", || async {
        fixture.keys("a/").await.len() == 1
    })
    .await;
    let gateway_waiter = fixture.spawn_acquire("a", waiting(60));
    eventually("the gateway waits", || async {
        fixture.keys("a/").await.len() == 2
    })
    .await;
    let second = fixture.etcdctl(&["lock", "a"]);
    eventually("etcdctl waits", || async {
        fixture.keys("a/").await.len() == 3
    })
    .await;
    let queue = fixture.keys("a/").await;
    let lock = fixture
        .locks
        .get(&caller(), b"a")
        .await
        .expect("a lock")
        .lock;
    assert_eq!(lock.holder.expect("a holder").key.0, queue[0].key);
    let waiters: Vec<_> = lock
        .waiters
        .expect("a queue")
        .into_iter()
        .map(|w| w.key.0)
        .collect();
    assert_eq!(waiters, [queue[1].key.clone(), queue[2].key.clone()]);
    ctl.interrupt();
    let acquired = gateway_waiter
        .await
        .expect("no panic")
        .expect("the lock is acquired");
    assert_eq!(acquired.response.key.0, queue[1].key);
    drop(acquired.claim);
    eventually("etcdctl holds again", || async {
        let keys = fixture.keys("a/").await;
        keys.len() == 1 && keys[0].key == queue[2].key
    })
    .await;
    drop(second);
}

#[tokio::test]
async fn invalid_requests_are_refused() {
    let fixture = Fixture::start().await;
    let request = LockRequest {
        ttl: Some(5),
        ..with_lease(LeaseId(7), 0)
    };
    let failure = fixture.acquire("a", request).await.expect_err("both");
    assert_eq!(failure.code, Code::BadRequest);
    let failure = fixture
        .acquire("a", waiting(3_601))
        .await
        .expect_err("too long");
    assert_eq!(failure.code, Code::BadRequest);
    let unknown = fixture
        .acquire("a", with_lease(LeaseId(7), 0))
        .await
        .expect_err("unknown");
    assert_eq!(unknown.code, Code::LeaseNotFound);
    assert!(unknown.facts.named_elsewhere);
    fixture.put("a/2a", "mine", None).await;
    let leases = fixture
        .etcd
        .lease_grant(&caller(), 60, 0x2a)
        .await
        .expect("a lease");
    let conflict = fixture.acquire("a", with_lease(LeaseId(leases.1), 0)).await;
    assert_eq!(conflict.expect_err("an ordinary key").code, Code::Conflict);
    assert_eq!(fixture.keys("a/").await.len(), 1);
}
