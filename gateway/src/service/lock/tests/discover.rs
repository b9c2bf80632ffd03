//! Detecting locks, and following them live.

use std::time::Duration;

use shared::{LeaseId, Lock, LockKind, ServerMessage};
use tokio::time::timeout;

use super::support::{Fixture, caller, eventually, waiting};
use crate::etcd::{Delete, Range};
use crate::identity::Identity;
use crate::service::lock_index::{self, Filter, LockPage, LockStream};

async fn list(fixture: &Fixture, page: LockPage) -> shared::LockList {
    fixture.locks.list(&caller(), page).await.expect("a list")
}

async fn follow(fixture: &Fixture, filter: Filter) -> LockStream {
    fixture
        .locks
        .follow(&caller(), filter)
        .await
        .expect("a stream")
}

/// The next lock message that `wanted` accepts.
async fn until(stream: &mut LockStream, what: &str, wanted: impl Fn(&Lock) -> bool) -> Lock {
    let found = async {
        loop {
            match stream.next().await.expect("the stream continues") {
                ServerMessage::Lock(lock) if wanted(&lock) => return lock,
                _ => {}
            }
        }
    };
    let found = timeout(Duration::from_secs(20), found).await;
    found.unwrap_or_else(|_| panic!("not in time: {what}"))
}

/// Waits until the stream reports that etcd is unavailable.
async fn unavailable(stream: &mut LockStream) {
    let reported = timeout(Duration::from_secs(20), async {
        loop {
            if let Some(ServerMessage::Error { id: None, .. }) = stream.next().await {
                return;
            }
        }
    });
    reported
        .await
        .expect("the stream reports that etcd is unavailable");
}

fn is_free(lock: &Lock) -> bool {
    lock.holder.is_none() && lock.waiters.as_deref() == Some(&[])
}

fn holder_is(lease: LeaseId) -> impl Fn(&Lock) -> bool {
    move |lock| {
        lock.holder
            .as_ref()
            .is_some_and(|holder| holder.lease == lease)
    }
}

async fn claim(fixture: &Fixture, name: &str, value: &str, ttl: i64) -> LeaseId {
    let lease = fixture.grant(ttl).await;
    fixture
        .put(&format!("{name}/{lease}"), value, Some(lease))
        .await;
    lease
}

#[tokio::test]
async fn locks_are_detected_automatically() {
    let fixture = Fixture::start().await;
    let lease = fixture.grant(60).await;
    fixture
        .put("/services/checkout/10.0.0.1:80", "{}", Some(lease))
        .await;
    fixture.put("/config/lock", "ordinary", None).await;
    fixture.put("/dev/lock", "node1", Some(lease)).await;
    claim(&fixture, "deploy/prod", r#"{"holder":"api-7"}"#, 60).await;
    claim(&fixture, "deploy/prod", "", 60).await;
    claim(&fixture, "/my-election/", "e1", 60).await;
    let found = list(&fixture, LockPage::default()).await;
    assert!(!found.partial && found.next.is_none());
    let locks: Vec<_> = found
        .locks
        .iter()
        .map(|lock| (lock.name.as_str().expect("text"), lock.kind, lock.certain))
        .collect();
    assert_eq!(
        locks,
        [
            ("/dev/lock", LockKind::SingleKey, false),
            ("/my-election/", LockKind::Election, false),
            ("deploy/prod", LockKind::Mutex, true),
        ]
    );
    let mutex = &found.locks[2];
    let holder = mutex.holder.as_ref().expect("a holder");
    assert_eq!(
        (holder.name.as_deref(), holder.granted_ttl),
        (Some("api-7"), Some(60))
    );
    assert_eq!(mutex.waiters.as_ref().map(Vec::len), Some(1));
    assert!(holder.ttl.is_some_and(|ttl| ttl > 50));
}

#[tokio::test]
async fn a_page_includes_every_earlier_write() {
    let fixture = Fixture::start().await;
    assert!(list(&fixture, LockPage::default()).await.locks.is_empty());
    for round in 0..20 {
        let lease = claim(&fixture, &format!("lock-{round:02}"), "", 60).await;
        let found = list(&fixture, LockPage::default()).await;
        assert!(!found.partial);
        let last = found.locks.last().expect("the new one");
        assert_eq!(last.holder.as_ref().expect("a holder").lease, lease);
    }
    let first = LockPage {
        prefix: Some(b"lock-1".to_vec()),
        limit: Some(6),
        cursor: None,
    };
    let first = list(&fixture, first).await;
    let rest = LockPage {
        cursor: first.next,
        ..LockPage::default()
    };
    let rest = list(&fixture, rest).await;
    assert_eq!(
        (first.locks.len(), rest.locks.len(), rest.next),
        (6, 4, None)
    );
}

#[tokio::test]
async fn a_page_after_a_large_value_is_complete() {
    let fixture = Fixture::start().await;
    list(&fixture, LockPage::default()).await;
    // Larger than a chunk of etcd's response: the event is delivered first, then the end on its own.
    let large = "x".repeat(600 << 10);
    for key in ["large", "larger"] {
        fixture.put(key, &large, None).await;
        assert!(!list(&fixture, LockPage::default()).await.partial);
    }
}

#[tokio::test]
async fn a_stream_follows_a_queue() {
    let fixture = Fixture::start().await;
    let first = claim(&fixture, "deploy", "", 60).await;
    let mut stream = follow(&fixture, Filter::Prefix(Vec::new())).await;
    until(&mut stream, "the present locks", holder_is(first)).await;
    let progress = timeout(Duration::from_secs(20), async {
        loop {
            if let Some(ServerMessage::LocksProgress { partial, .. }) = stream.next().await {
                return partial;
            }
        }
    });
    assert!(!progress.await.expect("progress"));
    let second = claim(&fixture, "deploy", "", 60).await;
    let both = |lock: &Lock| {
        lock.waiters
            .as_ref()
            .is_some_and(|waiters| waiters.len() == 1)
    };
    until(&mut stream, "a waiter", both).await;
    fixture
        .etcd
        .lease_revoke(&caller(), first.0)
        .await
        .expect("revoked");
    until(&mut stream, "the next holder", holder_is(second)).await;
    fixture
        .etcd
        .lease_revoke(&caller(), second.0)
        .await
        .expect("revoked");
    until(&mut stream, "no holder", is_free).await;
    let third = claim(&fixture, "other", "", 60).await;
    let timed = |lock: &Lock| {
        lock.holder
            .as_ref()
            .is_some_and(|holder| holder.ttl.is_some())
    };
    let other = until(&mut stream, "a new lock with its time", timed).await;
    assert!(holder_is(third)(&other));
}

#[tokio::test]
async fn a_stream_of_a_free_lock_starts_with_its_state() {
    let fixture = Fixture::start().await;
    claim(&fixture, "other", "", 60).await;
    let mut stream = follow(&fixture, Filter::Name(b"deploy".to_vec())).await;
    until(&mut stream, "no holder", is_free).await;
    let lease = claim(&fixture, "deploy", "", 60).await;
    until(&mut stream, "the holder", holder_is(lease)).await;
    fixture
        .put("deploy/x", "blocks no waiter", Some(lease))
        .await;
    fixture
        .etcd
        .lease_revoke(&caller(), lease.0)
        .await
        .expect("revoked");
    until(&mut stream, "no holder", is_free).await;
}

#[tokio::test]
async fn a_renewed_lease_is_reported() {
    let fixture = Fixture::start().await;
    let lease = claim(&fixture, "deploy", "", 6).await;
    let mut stream = follow(&fixture, Filter::Name(b"deploy".to_vec())).await;
    let ttl = |lock: &Lock| lock.holder.as_ref().and_then(|holder| holder.ttl);
    let known = |lock: &Lock| ttl(lock).is_some();
    until(&mut stream, "its TTL", known).await;
    eventually("the TTL runs down", || async {
        let left = fixture
            .etcd
            .lease_time_to_live(&caller(), lease.0, false)
            .await;
        left.expect("a response").ttl <= 2
    })
    .await;
    fixture
        .etcd
        .lease_keep_alive(&caller(), lease.0)
        .await
        .expect("renewed");
    until(&mut stream, "the renewal", |lock| {
        ttl(lock).is_some_and(|ttl| ttl >= 3)
    })
    .await;
}

#[tokio::test]
async fn the_index_survives_a_restart() {
    let mut fixture = Fixture::start().await;
    let first = claim(&fixture, "deploy", "", 600).await;
    let mut stream = follow(&fixture, Filter::Prefix(Vec::new())).await;
    until(&mut stream, "the present locks", holder_is(first)).await;
    fixture.stop_etcd();
    unavailable(&mut stream).await;
    fixture.restart_etcd().await;
    let second = claim(&fixture, "deploy", "", 600).await;
    let range = Range::prefix(format!("deploy/{first}").as_bytes());
    let delete = Delete { range, prev: false };
    fixture
        .etcd
        .delete(&caller(), delete)
        .await
        .expect("deleted");
    until(&mut stream, "the next holder", holder_is(second)).await;
}

#[tokio::test]
async fn the_index_lists_again_after_a_compaction() {
    let fixture = Fixture::start().await;
    let (proxy, locks) = fixture.through_proxy().await;
    let first = claim(&fixture, "deploy", "", 600).await;
    let other = claim(&fixture, "other", "", 600).await;
    let stream = locks.follow(&caller(), Filter::Prefix(Vec::new())).await;
    let mut stream = stream.expect("a stream");
    until(&mut stream, "the present locks", holder_is(other)).await;
    proxy.cut();
    unavailable(&mut stream).await;
    let second = claim(&fixture, "deploy", "", 600).await;
    for lease in [first, other] {
        fixture
            .etcd
            .lease_revoke(&caller(), lease.0)
            .await
            .expect("revoked");
    }
    fixture.compact().await;
    proxy.restore();
    let mut freed = false;
    let mut next = false;
    while !(freed && next) {
        let changed = |lock: &Lock| is_free(lock) || holder_is(second)(lock);
        let lock = until(&mut stream, "the changes meanwhile", changed).await;
        freed |= is_free(&lock) && lock.name == "other".into();
        next |= lock.name == "deploy".into();
    }
    let third = claim(&fixture, "third", "", 600).await;
    until(&mut stream, "the index is live again", holder_is(third)).await;
}

#[tokio::test]
async fn a_long_listing_is_partial_until_it_is_complete() {
    const LEASES: usize = 500;
    let fixture = Fixture::start().await;
    for at in 0..LEASES {
        claim(&fixture, &format!("lock-{at:03}"), "", 600).await;
    }
    let page = || LockPage {
        limit: Some(LEASES + 1),
        ..LockPage::default()
    };
    let first = list(&fixture, page()).await;
    assert!(first.partial && first.locks.len() < LEASES);
    eventually("all are listed", || async {
        let found = list(&fixture, page()).await;
        !found.partial && found.locks.len() == LEASES
    })
    .await;
}

#[tokio::test]
async fn an_unused_index_is_closed_and_started_again() {
    let fixture = Fixture::start().await;
    let lease = claim(&fixture, "deploy", "", 600).await;
    let stream = follow(&fixture, Filter::Prefix(Vec::new())).await;
    let inner = &fixture.locks.inner;
    let index_key = lock_index::IndexKey::of(&Identity::Gateway);
    let index = lock_index::get_or_start(inner, &index_key).expect("an index");
    let close = || lock_index::close_unused(inner, &index_key, &index, Duration::ZERO);
    assert!(!close(), "a stream follows it");
    drop(stream);
    assert!(close());
    let mut stream = follow(&fixture, Filter::Prefix(Vec::new())).await;
    until(&mut stream, "the present locks", holder_is(lease)).await;
}

#[tokio::test]
async fn first_seen_does_not_change() {
    let fixture = Fixture::start().await;
    let acquired = fixture.acquire("deploy", waiting(0)).await.expect("free");
    acquired.claim.keep();
    let one = fixture
        .locks
        .get(&caller(), b"deploy")
        .await
        .expect("a lock")
        .lock;
    let seen = one.holder.expect("a holder").first_seen;
    let found = list(&fixture, LockPage::default()).await.locks;
    assert_eq!(found[0].holder.as_ref().expect("a holder").first_seen, seen);
}
