//! Waits in a queue until every older key below its prefix is deleted.

use std::time::Duration;

use shared::{Code, Event, EventType, Header};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::names::queue_prefix;
use super::queue_entry::QueueEntry;
use crate::etcd::{Etcd, Get, Order, Range, Sort, Update, WatchOptions};
use crate::failure::{Failure, Result};
use crate::identity::{Caller, Identity};
use crate::service::lease::Kept;

/// Timeout of one etcd call while a key is watched.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Delay between two attempts while etcd is unavailable.
const RETRY_DELAY: Duration = Duration::from_millis(250);
/// How long a claim that has become the first is retried after its time is up, while etcd is unavailable.
const GRACE: Duration = Duration::from_secs(4);

/// How a wait ended.
#[derive(Debug)]
pub(super) enum WaitOutcome {
    /// No older key is left; the header of the read that confirmed it.
    First(Header),
    /// The time is up.
    TimedOut,
    /// The own key was deleted, by a release or with its lease.
    Expired,
    /// The request was cancelled.
    Cancelled,
}

/// Waits until the entry is the first of its queue, at most until `until`.
pub(super) async fn until_first(
    inner: &Inner,
    caller: &Caller,
    entry: &mut QueueEntry,
    until: Instant,
    cancelled: &CancellationToken,
) -> Result<WaitOutcome> {
    let etcd = &inner.etcd;
    let stream_caller = Caller::new(caller.identity.clone(), None);
    let (name, key, created) = (&entry.name[..], &entry.key[..], entry.created);
    let own = until_deleted(etcd, &stream_caller, key, created, created + 1);
    let lost = until_lost(&mut entry.kept);
    let first = tokio::select! {
        biased;
        () = cancelled.cancelled() => return Ok(WaitOutcome::Cancelled),
        first = wait_for_older(etcd, caller, &stream_caller, (name, created), until) => first?,
        own = own => return own.map(|()| WaitOutcome::Expired),
        () = lost => return Ok(WaitOutcome::Expired),
    };
    if !first {
        return Ok(WaitOutcome::TimedOut);
    }
    let read = || read_own_key(etcd, caller.renewed(), key, created);
    let header = tokio::select! {
        biased;
        () = cancelled.cancelled() => return Ok(WaitOutcome::Cancelled),
        header = retry_until(with_grace(until), read) => header?,
    };
    Ok(header.map_or(WaitOutcome::Expired, WaitOutcome::First))
}

/// The deadline of a claim that has become the first: a leader election at that moment must not cost it
/// the lock.
pub(super) fn with_grace(until: Instant) -> Instant {
    until.max(Instant::now() + GRACE)
}

/// Retries a call while etcd is unavailable, at most until `until`: the claim stays in the queue
/// meanwhile, and its lease decides whether it still counts.
pub(super) async fn retry_until<T, F>(until: Instant, mut call: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    loop {
        match call().await {
            Err(failure) if is_transient(&failure) && Instant::now() + RETRY_DELAY < until => {
                sleep(RETRY_DELAY).await;
            }
            response => return response,
        }
    }
}

/// Resolves when the lease that the gateway granted is lost.
async fn until_lost(kept: &mut Option<Kept>) {
    match kept {
        Some(kept) => drop(kept.lost().await),
        None => std::future::pending().await,
    }
}

/// Reads the own key after the wait, and returns the header if it still exists: it may have been deleted
/// with its lease meanwhile.
async fn read_own_key(
    etcd: &Etcd,
    caller: Caller,
    key: &[u8],
    created: i64,
) -> Result<Option<Header>> {
    let response = etcd
        .range(&caller, &Range::single(key), &Get::keys_only())
        .await?;
    let exists = response
        .kvs
        .first()
        .is_some_and(|kv| kv.create_revision == created);
    Ok(exists.then_some(response.header))
}

/// Watches one older key after the other, as etcd's own recipe does: the newest of them is the one to
/// wait for, since no key can be inserted between it and the own one. Returns whether no older key is
/// left before `until`.
async fn wait_for_older(
    etcd: &Etcd,
    caller: &Caller,
    stream_caller: &Caller,
    (name, created): (&[u8], i64),
    until: Instant,
) -> Result<bool> {
    let range = Range::prefix(&queue_prefix(name));
    let ahead = Get {
        limit: 1,
        sort: Some((Sort::CreateRevision, Order::Desc)),
        keys_only: true,
        max_create_revision: created - 1,
        ..Get::default()
    };
    loop {
        let read = || async { etcd.range(&caller.renewed(), &range, &ahead).await };
        let response = retry_until(until, read).await?;
        let from = response.header.revision + 1;
        let Some(older) = response.kvs.into_iter().next() else {
            return Ok(true);
        };
        let removed = until_deleted(etcd, stream_caller, &older.key, older.create_revision, from);
        tokio::select! {
            removed = removed => removed?,
            () = sleep_until(until) => return Ok(false),
        }
    }
}

/// Whether to retry: etcd is unavailable, and did not refuse.
pub(in crate::service) fn is_transient(failure: &Failure) -> bool {
    matches!(
        failure.code,
        Code::Unavailable | Code::NoLeader | Code::Timeout
    )
}

/// Whether the caller has lost access permanently: its role or its account was removed.
pub(in crate::service) fn access_lost(caller: &Caller, failure: &Failure) -> bool {
    match failure.code {
        Code::Forbidden => true,
        // The gateway's own password may be corrected; other callers cannot send a new one here.
        Code::Unauthenticated => caller.identity != Identity::Gateway,
        _ => false,
    }
}

/// Resolves when the key, as created at `created`, is deleted. Everything before `from` is known. Fails
/// only when the caller has lost access; the waiting request's own timeout bounds it.
pub(super) async fn until_deleted(
    etcd: &Etcd,
    caller: &Caller,
    key: &[u8],
    created: i64,
    mut from: i64,
) -> Result<()> {
    let range = Range::single(key);
    loop {
        let options = WatchOptions {
            start_revision: from,
            only: Some(EventType::Delete),
            ..WatchOptions::default()
        };
        if let Ok(mut watch) = etcd.watch(caller, &range, options).await {
            loop {
                match watch.next().await {
                    Ok(Update::Batch { events, .. }) => {
                        if events.iter().any(|event| is_new_deletion(event, from)) {
                            return Ok(());
                        }
                    }
                    Ok(Update::Created(_) | Update::Progress(_)) => {}
                    // Compacted, cancelled or lost: read the key, and watch from there.
                    Ok(Update::Compacted(_) | Update::Cancelled(_)) | Err(_) => break,
                }
            }
        }
        loop {
            let caller_in_time = Caller::new(caller.identity.clone(), Some(CALL_TIMEOUT));
            match etcd.range(&caller_in_time, &range, &Get::keys_only()).await {
                Ok(response) => {
                    let own = response.kvs.first();
                    if own.is_none_or(|kv| kv.create_revision != created) {
                        return Ok(());
                    }
                    from = response.header.revision + 1;
                    break;
                }
                Err(failure) if access_lost(caller, &failure) => return Err(failure),
                Err(_) => sleep(RETRY_DELAY).await,
            }
        }
        sleep(RETRY_DELAY).await;
    }
}

/// Whether the event is a deletion at `from` or later: some servers also send events before the start
/// revision.
fn is_new_deletion(event: &Event, from: i64) -> bool {
    event.kind() == EventType::Delete && event.mod_revision() >= from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn deletions_before_the_start_revision_are_ignored() {
        let deleted = |mod_revision| Event::Delete {
            key: "a/2a".into(),
            mod_revision,
            prev: None,
        };
        assert!(!is_new_deletion(&deleted(6), 7));
        assert!(is_new_deletion(&deleted(7), 7));
    }

    #[tokio::test]
    async fn a_leader_change_does_not_end_a_won_wait() {
        let transient = [Code::NoLeader, Code::Unavailable, Code::Timeout];
        let calls = |codes: Vec<Code>| {
            let mut codes = codes.into_iter();
            move || {
                let failure = codes.next().map(|code| Failure::new(code, "unavailable"));
                std::future::ready(failure.map_or(Ok(7), Err))
            }
        };
        let now = Instant::now();
        let found = retry_until(with_grace(now), calls(transient.to_vec())).await;
        assert_eq!(found.expect("etcd is back"), 7);
        let timed_out = retry_until(now, calls(transient.to_vec())).await;
        assert_eq!(timed_out.expect_err("no time is left").code, Code::NoLeader);
        let final_one = retry_until(with_grace(now), calls(vec![Code::Forbidden])).await;
        assert_eq!(final_one.expect_err("refused").code, Code::Forbidden);
    }
}
