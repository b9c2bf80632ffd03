//! Reads concurrent with the watch, against a real etcd.

use std::sync::Arc;

use futures_util::poll;

use super::{Index, prime};
use crate::service::lock::tests::support::{Fixture, caller, eventually, waiting};

fn unwatched(fixture: &Fixture) -> Arc<Index> {
    Arc::new(Index::new(fixture.locks.inner.single_key_rules.clone()))
}

/// Marks the keyspace as watched after this revision, as the keeper does.
fn watch_from(index: &Index, revision: i64) {
    index.change(|state| state.begin_listing(revision));
    index
        .progress
        .send_modify(|progress| progress.revision = revision);
}

#[tokio::test]
async fn a_lock_is_read_only_once_the_keyspace_is_watched() {
    let fixture = Fixture::start().await;
    let held = fixture.acquire("deploy", waiting(0)).await.expect("free");
    let token = held.response.fencing_token;
    held.claim.keep();
    let index = unwatched(&fixture);
    let caller = caller();
    let mut priming = Box::pin(prime(&fixture.locks.inner, &caller, &index, b"deploy"));
    assert!(poll!(priming.as_mut()).is_pending());
    assert_eq!(
        index.lock().state.reads(),
        0,
        "the read waits for the watch"
    );
    watch_from(&index, token);
    assert!(priming.await.expect("etcd responds"));
    let lock = index
        .lock()
        .state
        .lock(b"deploy", tokio::time::Instant::now());
    let holder = lock.and_then(|lock| lock.holder).expect("a holder");
    assert_eq!(holder.fencing_token, token);
}

#[tokio::test]
async fn a_dropped_read_leaves_no_mark() {
    let fixture = Fixture::start().await;
    let index = unwatched(&fixture);
    watch_from(&index, 1);
    let caller = caller();
    let mut priming = Box::pin(prime(&fixture.locks.inner, &caller, &index, b"deploy"));
    assert!(poll!(priming.as_mut()).is_pending());
    assert_eq!(index.lock().state.reads(), 1);
    drop(priming);
    assert_eq!(index.lock().state.reads(), 0);
}

#[tokio::test]
async fn a_read_older_than_the_listing_is_repeated() {
    let fixture = Fixture::start().await;
    let index = unwatched(&fixture);
    watch_from(&index, i64::MAX);
    let known = prime(&fixture.locks.inner, &caller(), &index, b"deploy").await;
    assert!(!known.expect("etcd responds"), "none is recent enough");
    watch_from(&index, 1);
    let prime_now = || async {
        let known = prime(&fixture.locks.inner, &caller(), &index, b"deploy").await;
        known.expect("etcd responds")
    };
    eventually("a read counts", prime_now).await;
}
