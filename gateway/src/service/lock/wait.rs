//! Waiting for one's turn: until every older key of the queue's prefix is gone.

use std::time::Duration;

use shared::{Code, Event, EventType, Header};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::names::queue_prefix;
use super::place::Place;
use crate::caller::{Caller, Identity};
use crate::etcd::{Etcd, Get, Order, Range, Sort, Update, WatchOptions};
use crate::failure::{Failure, Result};
use crate::service::lease::Kept;

/// Between two attempts while etcd is away.
const PAUSE: Duration = Duration::from_millis(250);
/// How long whoever's turn has come is kept from it by an etcd that is away, though the time is up.
const GRACE: Duration = Duration::from_secs(4);

/// How the waiting ended.
#[derive(Debug)]
pub(super) enum Turn {
    /// Nothing older is left; the header of the look that found it so.
    Mine(Header),
    /// The time is up.
    TimedOut,
    /// The own key is gone: its lease ended, or somebody removed it.
    Expired,
    /// Whoever waited is gone.
    Gone,
}

/// Waits until `until` for the turn of a place in a queue.
pub(super) async fn for_turn(
    inner: &Inner,
    caller: &Caller,
    place: &mut Place,
    until: Instant,
    gone: &CancellationToken,
) -> Result<Turn> {
    let etcd = &inner.etcd;
    let stream_caller = Caller::new(caller.identity.clone(), None);
    let (name, key, created) = (&place.name[..], &place.key[..], place.created);
    let own = until_gone(etcd, &stream_caller, key, created, created + 1);
    let lost = lost(&mut place.kept);
    let first = tokio::select! {
        biased;
        () = gone.cancelled() => return Ok(Turn::Gone),
        first = follow(etcd, caller, &stream_caller, (name, created), until) => first?,
        own = own => return own.map(|()| Turn::Expired),
        () = lost => return Ok(Turn::Expired),
    };
    if !first {
        return Ok(Turn::TimedOut);
    }
    let look = || still_there(etcd, caller.renewed(), key, created);
    let header = tokio::select! {
        biased;
        () = gone.cancelled() => return Ok(Turn::Gone),
        header = patiently(in_grace(until), look) => header?,
    };
    Ok(header.map_or(Turn::Expired, Turn::Mine))
}

/// When whoever's turn has come is given up at last: not by one leader that changes at that moment.
pub(super) fn in_grace(until: Instant) -> Instant {
    until.max(Instant::now() + GRACE)
}

/// Asks until etcd answers, `until` at most: the place is kept while etcd is away, and the lease decides
/// whether it still counts.
pub(super) async fn patiently<T, F>(until: Instant, mut ask: impl FnMut() -> F) -> Result<T>
where
    F: Future<Output = Result<T>>,
{
    loop {
        match ask().await {
            Err(failure) if passing(&failure) && Instant::now() + PAUSE < until => {
                sleep(PAUSE).await;
            }
            answer => return answer,
        }
    }
}

/// Resolves when the gateway's own lease is no more.
async fn lost(kept: &mut Option<Kept>) {
    match kept {
        Some(kept) => drop(kept.lost().await),
        None => std::future::pending().await,
    }
}

/// The header of a look at the own key after the waiting: it may have gone with its lease meanwhile.
async fn still_there(
    etcd: &Etcd,
    caller: Caller,
    key: &[u8],
    created: i64,
) -> Result<Option<Header>> {
    let answer = etcd
        .range(&caller, &Range::one(key), &Get::keys_only())
        .await?;
    let there = answer
        .kvs
        .first()
        .is_some_and(|kv| kv.create_revision == created);
    Ok(there.then_some(answer.header))
}

/// Watches one older key after the other. etcd's own recipe does the same: the newest of them is the
/// one to wait for, since nobody can come in between. Whether nothing older is left before `until`.
async fn follow(
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
        let look = || async { etcd.range(&caller.renewed(), &range, &ahead).await };
        let answer = patiently(until, look).await?;
        let from = answer.header.revision + 1;
        let Some(older) = answer.kvs.into_iter().next() else {
            return Ok(true);
        };
        let removed = until_gone(etcd, stream_caller, &older.key, older.create_revision, from);
        tokio::select! {
            removed = removed => removed?,
            () = sleep_until(until) => return Ok(false),
        }
    }
}

/// Worth another attempt: etcd is away, rather than refusing.
pub(in crate::service) fn passing(failure: &Failure) -> bool {
    matches!(
        failure.code,
        Code::Unavailable | Code::NoLeader | Code::Timeout
    )
}

/// Whether etcd will not tell the caller any more: the role or the account is gone.
pub(in crate::service) fn refused(caller: &Caller, failure: &Failure) -> bool {
    match failure.code {
        Code::Forbidden => true,
        // The gateway's own password may be put right; nobody brings another for the others.
        Code::Unauthenticated => caller.identity != Identity::Gateway,
        _ => false,
    }
}

/// Resolves when the key, as created at `created`, is no more. Everything before `from` is known.
/// Gives up only where the caller may not look any more: the time of whoever waits bounds it.
pub(super) async fn until_gone(
    etcd: &Etcd,
    caller: &Caller,
    key: &[u8],
    created: i64,
    mut from: i64,
) -> Result<()> {
    let range = Range::one(key);
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
                        if events.iter().any(|event| is_deletion(event, from)) {
                            return Ok(());
                        }
                    }
                    Ok(Update::Created(_) | Update::Progress(_)) => {}
                    // Compacted, cancelled or lost: look, and watch from there.
                    Ok(Update::Compacted(_) | Update::Cancelled(_)) | Err(_) => break,
                }
            }
        }
        loop {
            let asked = Caller::new(caller.identity.clone(), Some(Duration::from_secs(10)));
            match etcd.range(&asked, &range, &Get::keys_only()).await {
                Ok(answer) => {
                    let own = answer.kvs.first();
                    if own.is_none_or(|kv| kv.create_revision != created) {
                        return Ok(());
                    }
                    from = answer.header.revision + 1;
                    break;
                }
                Err(failure) if refused(caller, &failure) => return Err(failure),
                Err(_) => sleep(PAUSE).await,
            }
        }
        sleep(PAUSE).await;
    }
}

/// A deletion that was not known: some servers send what lies before the revision asked for.
fn is_deletion(event: &Event, from: i64) -> bool {
    event.kind() == EventType::Delete && event.mod_revision() >= from
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deletion_before_the_revision_asked_for_is_an_old_one() {
        let deleted = |mod_revision| Event::Delete {
            key: "a/2a".into(),
            mod_revision,
            prev: None,
        };
        assert!(!is_deletion(&deleted(6), 7));
        assert!(is_deletion(&deleted(7), 7));
    }

    #[tokio::test]
    async fn a_leader_that_changes_costs_nobody_the_turn() {
        let passing = [Code::NoLeader, Code::Unavailable, Code::Timeout];
        let ask = |answers: Vec<Code>| {
            let mut answers = answers.into_iter();
            move || {
                let failure = answers.next().map(|code| Failure::new(code, "away"));
                std::future::ready(failure.map_or(Ok(7), Err))
            }
        };
        let now = Instant::now();
        let found = patiently(in_grace(now), ask(passing.to_vec())).await;
        assert_eq!(found.expect("etcd is back"), 7);
        let late = patiently(now, ask(passing.to_vec())).await;
        assert_eq!(late.expect_err("no time is left").code, Code::NoLeader);
        let final_one = patiently(in_grace(now), ask(vec![Code::Forbidden])).await;
        assert_eq!(final_one.expect_err("refused").code, Code::Forbidden);
    }
}
