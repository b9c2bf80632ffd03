//! Waiting for one's turn: until every older key of the queue's prefix is gone.

use std::time::Duration;

use shared::{Code, Event, EventType};
use tokio::time::{Instant, sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::names::queue_prefix;
use crate::caller::Caller;
use crate::etcd::{Etcd, Get, Order, Range, Sort, Update, WatchOptions};
use crate::failure::{Failure, Result};

/// Between two attempts while etcd is away.
const PAUSE: Duration = Duration::from_millis(250);

/// One's own key in a queue.
#[derive(Debug)]
pub(super) struct Place<'a> {
    pub(super) name: &'a [u8],
    pub(super) key: &'a [u8],
    /// Its create revision.
    pub(super) created: i64,
    pub(super) lease: i64,
    /// Seconds of the lease, where the gateway granted it and renews it while waiting.
    pub(super) renew: Option<i64>,
}

/// How the waiting ended.
#[derive(Debug)]
pub(super) enum Turn {
    /// Nothing older is left.
    Mine,
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
    place: &Place<'_>,
    until: Instant,
    gone: &CancellationToken,
) -> Result<Turn> {
    let etcd = &inner.etcd;
    let stream_caller = Caller::new(caller.identity.clone(), None);
    let own = until_gone(
        etcd,
        &stream_caller,
        place.key,
        place.created,
        place.created + 1,
    );
    let renewing = renew(etcd, caller, place);
    tokio::select! {
        biased;
        () = gone.cancelled() => Ok(Turn::Gone),
        turn = follow(etcd, caller, &stream_caller, place, until) => turn,
        () = own => Ok(Turn::Expired),
        () = renewing => Ok(Turn::Expired),
    }
}

/// Watches one older key after the other. etcd's own recipe does the same: the newest of them is the
/// one to wait for, since nobody can come in between.
async fn follow(
    etcd: &Etcd,
    caller: &Caller,
    stream_caller: &Caller,
    place: &Place<'_>,
    until: Instant,
) -> Result<Turn> {
    let range = Range::prefix(&queue_prefix(place.name));
    let ahead = Get {
        limit: 1,
        sort: Some((Sort::CreateRevision, Order::Desc)),
        keys_only: true,
        max_create_revision: place.created - 1,
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
            return Ok(Turn::Mine);
        };
        let removed = until_gone(etcd, stream_caller, &older.key, older.create_revision, from);
        tokio::select! {
            () = removed => {}
            () = sleep_until(until) => return Ok(Turn::TimedOut),
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
async fn until_gone(etcd: &Etcd, caller: &Caller, key: &[u8], created: i64, mut from: i64) {
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

/// Renews the gateway's own lease; resolves when etcd says that it is no more.
async fn renew(etcd: &Etcd, caller: &Caller, place: &Place<'_>) {
    let Some(granted) = place.renew else {
        return std::future::pending().await;
    };
    let third = Duration::from_millis((granted.max(1) as u64).saturating_mul(1000) / 3);
    loop {
        sleep(third).await;
        // A lost answer says nothing about the lease.
        if let Ok(ttl) = etcd.lease_keep_alive(&caller.renewed(), place.lease).await
            && ttl <= 0
        {
            return;
        }
    }
}
