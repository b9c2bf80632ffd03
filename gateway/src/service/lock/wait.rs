//! Waiting for one's turn: until every older key of the queue's prefix is gone.

use std::time::Duration;

use shared::{Code, Event, EventType, Header};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::names::queue_prefix;
use super::place::Place;
use crate::caller::Caller;
use crate::etcd::{Etcd, Get, Order, Range, Sort, Update, WatchOptions};
use crate::failure::{Failure, Result};
use crate::service::lease::Kept;

/// Between two attempts while etcd is away.
const PAUSE: Duration = Duration::from_millis(250);

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
        () = own => return Ok(Turn::Expired),
        () = lost => return Ok(Turn::Expired),
    };
    if !first {
        return Ok(Turn::TimedOut);
    }
    let header = still_there(etcd, &caller.renewed(), key, created).await?;
    Ok(header.map_or(Turn::Expired, Turn::Mine))
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
    caller: &Caller,
    key: &[u8],
    created: i64,
) -> Result<Option<Header>> {
    let answer = etcd
        .range(caller, &Range::one(key), &Get::keys_only())
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
        let answer = match etcd.range(&caller.renewed(), &range, &ahead).await {
            Ok(answer) => answer,
            // The place is kept while etcd is away; the lease decides whether it still counts.
            Err(failure) if passing(&failure) && Instant::now() + PAUSE < until => {
                sleep(PAUSE).await;
                continue;
            }
            Err(failure) => return Err(failure),
        };
        let from = answer.header.revision + 1;
        let Some(older) = answer.kvs.into_iter().next() else {
            return Ok(true);
        };
        let removed = until_gone(etcd, stream_caller, &older.key, older.create_revision, from);
        tokio::select! {
            () = removed => {}
            () = sleep_until(until) => return Ok(false),
        }
    }
}

fn passing(failure: &Failure) -> bool {
    matches!(
        failure.code,
        Code::Unavailable | Code::NoLeader | Code::Timeout
    )
}

/// Resolves when the key, as created at `created`, is no more. Everything before `from` is known.
/// Never gives up: the time of whoever waits bounds it.
pub(super) async fn until_gone(
    etcd: &Etcd,
    caller: &Caller,
    key: &[u8],
    created: i64,
    mut from: i64,
) {
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
                        let deleted = |event: &Event| event.kind() == EventType::Delete;
                        if events.iter().any(deleted) {
                            return;
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
            if let Ok(answer) = etcd.range(&asked, &range, &Get::keys_only()).await {
                if answer
                    .kvs
                    .first()
                    .is_none_or(|kv| kv.create_revision != created)
                {
                    return;
                }
                from = answer.header.revision + 1;
                break;
            }
            sleep(PAUSE).await;
        }
        sleep(PAUSE).await;
    }
}
