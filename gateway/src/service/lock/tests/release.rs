//! Releasing, and the keys that it never touches.

use shared::{Code, LeaseId, LockKind, Released};

use super::support::{Fixture, caller, waiting, with_lease};
use crate::etcd::{Op, Put, Txn};
use crate::failure::Result;
use crate::service::lock::{Release, Which};

async fn release(fixture: &Fixture, name: &str, which: Which) -> Result<Released> {
    let release = Release {
        which,
        revoke: false,
        dry_run: false,
    };
    fixture.locks.release(&caller(), name.into(), release).await
}

#[tokio::test]
async fn a_claim_is_released_by_lease_or_by_token() {
    let fixture = Fixture::start().await;
    let first = fixture.acquire("a", waiting(0)).await.expect("free");
    first.claim.keep();
    let first = first.response;
    let released = release(&fixture, "a", Which::Lease(first.lease))
        .await
        .expect("released");
    assert_eq!((released.key, released.lease), (first.key, first.lease));
    assert!(fixture.keys("a/").await.is_empty());
    assert!(fixture.lease_exists(first.lease).await, "the lease stays");
    let lease = fixture.grant(60).await;
    let second = fixture
        .acquire("a", with_lease(lease, 0))
        .await
        .expect("free");
    second.claim.keep();
    let token = second.response.fencing_token;
    release(&fixture, "a", Which::Token(token))
        .await
        .expect("released");
    assert!(fixture.keys("a/").await.is_empty());
}

#[tokio::test]
async fn a_waiter_can_be_released() {
    let fixture = Fixture::start().await;
    let (holder, waiter) = (fixture.grant(60).await, fixture.grant(60).await);
    fixture.put(&format!("a/{holder}"), "", Some(holder)).await;
    fixture.put(&format!("a/{waiter}"), "", Some(waiter)).await;
    let token = fixture.keys("a/").await[1].create_revision;
    let released = release(&fixture, "a", Which::Token(token))
        .await
        .expect("released");
    assert_eq!(released.lease, waiter);
    assert_eq!(fixture.keys("a/").await.len(), 1);
}

#[tokio::test]
async fn other_keys_are_never_deleted() {
    let fixture = Fixture::start().await;
    let (lease, other) = (fixture.grant(60).await, fixture.grant(60).await);
    fixture.put(&format!("a/{lease}"), "", Some(lease)).await;
    fixture.put(&format!("a/b/{other}"), "", Some(other)).await;
    fixture.put("a/config", "ordinary", None).await;
    fixture.put("a/leased", "ordinary", Some(other)).await;
    for kv in fixture.keys("a/").await.iter().skip(1) {
        let failure = release(&fixture, "a", Which::Token(kv.create_revision)).await;
        assert_eq!(failure.expect_err("not in the queue").code, Code::NotHolder);
    }
    for lease in [other, LeaseId(7)] {
        let failure = release(&fixture, "a", Which::Lease(lease)).await;
        assert_eq!(failure.expect_err("not in the queue").code, Code::NotHolder);
    }
    let failure = release(&fixture, "c", Which::Token(2))
        .await
        .expect_err("no lock");
    assert_eq!(failure.code, Code::LockNotFound);
    let failure = release(&fixture, "a/config", Which::Token(4))
        .await
        .expect_err("no lock");
    assert_eq!(failure.code, Code::LockNotFound);
    assert_eq!(fixture.keys("a/").await.len(), 4);
}

#[tokio::test]
async fn a_single_key_lock_is_released_by_its_name() {
    let fixture = Fixture::start().await;
    let lease = fixture.grant(60).await;
    fixture
        .put("/cron/lock/ado", "duzhenxun", Some(lease))
        .await;
    let response = fixture
        .locks
        .get(&caller(), b"/cron/lock/ado")
        .await
        .expect("a lock");
    assert_eq!(
        (response.lock.kind, response.lock.certain),
        (LockKind::SingleKey, false)
    );
    assert_eq!(response.lock.waiters, None);
    let holder = response.lock.holder.expect("a holder");
    assert_eq!(
        (holder.lease, holder.value),
        (lease, Some("duzhenxun".into()))
    );
    let which = Which::Token(holder.fencing_token + 1);
    let failure = release(&fixture, "/cron/lock/ado", which)
        .await
        .expect_err("another token");
    assert_eq!(failure.code, Code::NotHolder);
    let which = Which::Token(holder.fencing_token);
    release(&fixture, "/cron/lock/ado", which)
        .await
        .expect("released");
    assert!(fixture.keys("/cron/").await.is_empty());
}

#[tokio::test]
async fn a_claim_takes_precedence_over_the_key_of_the_queues_name() {
    let fixture = Fixture::start().await;
    let lease = fixture.grant(60).await;
    let claim = format!("/app/lock/{lease}");
    // Both in one revision, so that the token matches both.
    let put = |key: &str| {
        Op::Put(Put {
            key: key.into(),
            lease: lease.0,
            ..Put::default()
        })
    };
    for by_token in [false, true] {
        let txn = Txn {
            then: vec![put("/app/lock"), put(&claim)],
            ..Txn::default()
        };
        let done = fixture.etcd.txn(&caller(), txn).await.expect("put");
        let which = if by_token {
            Which::Token(done.header.revision)
        } else {
            Which::Lease(lease)
        };
        let released = release(&fixture, "/app/lock", which).await;
        assert_eq!(released.expect("a claim").key, claim.as_str().into());
        assert_eq!(fixture.keys("/app/").await[0].key, b"/app/lock");
        // The queue is empty: now the key itself is the lock.
        let released = release(&fixture, "/app/lock", which).await;
        assert_eq!(released.expect("the key").key, "/app/lock".into());
        assert!(fixture.keys("/app/").await.is_empty());
    }
}

#[tokio::test]
async fn revoking_lists_the_deleted_keys() {
    let fixture = Fixture::start().await;
    let lease = fixture.grant(60).await;
    fixture.put(&format!("a/{lease}"), "", Some(lease)).await;
    fixture.put("session", "x", Some(lease)).await;
    let mut request = Release {
        which: Which::Lease(lease),
        revoke: true,
        dry_run: true,
    };
    let dry = fixture
        .locks
        .release(&caller(), b"a".to_vec(), request)
        .await
        .expect("a claim");
    let revoked = dry.revoked_keys.expect("requested");
    assert_eq!(revoked, [format!("a/{lease}").into(), "session".into()]);
    assert_eq!(fixture.keys("a/").await.len(), 1);
    request.dry_run = false;
    fixture
        .locks
        .release(&caller(), b"a".to_vec(), request)
        .await
        .expect("a claim");
    assert!(fixture.keys("a/").await.is_empty() && fixture.keys("session").await.is_empty());
    assert!(!fixture.lease_exists(lease).await);
}

#[tokio::test]
async fn a_readers_writer_claim_is_released_by_its_token_only() {
    let fixture = Fixture::start().await;
    let (reader, writer) = (fixture.grant(60).await, fixture.grant(60).await);
    let (read, write) = (
        "rw/read/1700000000000000001",
        "rw/write/1700000000000000002",
    );
    fixture.put(read, "", Some(reader)).await;
    fixture.put(write, "", Some(writer)).await;
    // A lease may have several claims, and no key contains it.
    let by_lease = release(&fixture, "rw", Which::Lease(reader)).await;
    let refused = by_lease.expect_err("not by lease");
    assert_eq!(refused.code, Code::NotHolder);
    assert!(
        refused
            .hint
            .is_some_and(|hint| hint.contains("fencing_token"))
    );
    let token = fixture.keys("rw/").await[0].create_revision;
    let released = release(&fixture, "rw", Which::Token(token)).await;
    let released = released.expect("a claim");
    assert_eq!(
        (released.key.0.as_slice(), released.lease),
        (read.as_bytes(), reader)
    );
    let tried = fixture.acquire("rw", waiting(0)).await;
    let held = tried.expect_err("a writer holds it");
    let lock = held.facts.lock.as_ref().expect("the lock");
    assert_eq!(lock.kind, LockKind::Rwmutex);
}
