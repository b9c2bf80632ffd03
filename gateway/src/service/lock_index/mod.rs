//! Every lock of a keyspace, found by itself and kept live: one for each identity.
//!
//! [`state`] is what is known, [`keeper`] the task that keeps it so, [`follower`] what a client follows.
//! An account that may not list leases has the keys it may read, range by range ([`limited`]), and is told
//! so by `partial`.
//! An index is started by its first use and stops when nobody has used it for a minute. Only leased
//! keys are held, and values only of those that are locks.

mod follower;
mod keeper;
mod limited;
mod reading;
pub(super) mod state;
#[cfg(test)]
mod tests;

use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use shared::{Bytes, Code, LockList};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};

use self::follower::Subscribers;
pub use self::follower::{Filter, LockStream};
use self::reading::Reading;
use self::state::{Scope, State};
use crate::caller::{Caller, Identity};
use crate::failure::{Failure, Result};
use crate::service::cursor;
use crate::service::lock::names::Marks;
use crate::service::lock::wait::passing;
use crate::service::lock::{Inner, queue};

/// Locks of a page without `limit`.
const PAGE: usize = 100;
/// How long a list waits for the first listing, and for the revision it answers for.
const PATIENCE: Duration = Duration::from_secs(2);
/// The same for an account whose streams never say how far they are: it is there at once, or elsewhere.
const BRIEFLY: Duration = Duration::from_millis(100);
/// Reads of one lock before it is left to the listing.
const READS: usize = 3;
/// How old what is known of a lease may be on a page.
const FRESH: Duration = Duration::from_secs(1);
/// Leases of a page asked about again.
const REFRESHED: usize = 100;
/// Identities whose locks are followed at the same time.
const MOST: usize = 64;

/// Where a page of locks begins, and which locks it is about.
#[derive(Clone, Debug, Default)]
pub struct LockPage {
    /// Names that begin so.
    pub prefix: Option<Vec<u8>>,
    /// Locks at most; 100 without it.
    pub limit: Option<usize>,
    /// The `next` of the page before; it carries the prefix.
    pub cursor: Option<String>,
}

/// What a cursor carries.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    prefix: Bytes,
    after: Bytes,
}

/// Whose view of the locks, and of which.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Place {
    identity: Identity,
    /// Only below this prefix: all that is known to be readable of an account that nobody knows.
    below: Option<Vec<u8>>,
}

impl Place {
    /// All that the identity may see.
    pub(super) fn of(identity: &Identity) -> Self {
        Self {
            identity: identity.clone(),
            below: None,
        }
    }
}

/// How far the index is.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// Everything up to this revision has been applied.
    revision: i64,
    /// The first listing is complete.
    listed: bool,
    /// The account may not list leases: there may be locks that it cannot see.
    limited: bool,
    /// Why there is no listing yet.
    failure: Option<Failure>,
    /// The task has ended.
    ended: bool,
}

/// One identity's view of all locks.
#[derive(Debug)]
pub(super) struct Index {
    shared: Mutex<Shared>,
    progress: watch::Sender<Progress>,
}

#[derive(Debug)]
struct Shared {
    state: State,
    subscribers: Subscribers,
    last_used: Instant,
    /// The task is about to end: nobody may begin to use this index.
    closed: bool,
}

impl Index {
    fn new(marks: Marks) -> Self {
        Self {
            shared: Mutex::new(Shared {
                state: State::new(marks),
                subscribers: Subscribers::default(),
                last_used: Instant::now(),
                closed: false,
            }),
            progress: watch::Sender::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes what is known and tells whoever follows it.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut shared = self.lock();
        let changed = change(&mut shared.state);
        let dirty = shared.state.take_dirty();
        shared.subscribers.tell(&dirty);
        changed
    }
}

/// The index of a place, running.
pub(super) fn running(inner: &Arc<Inner>, place: &Place) -> Result<Arc<Index>> {
    let mut indexes = inner.indexes.lock().unwrap_or_else(PoisonError::into_inner);
    let full = indexes.len() >= MOST;
    let slot = match indexes.entry(place.clone()) {
        Entry::Occupied(slot) => {
            let index = slot.get();
            let mut shared = index.lock();
            if !shared.closed {
                shared.last_used = Instant::now();
                drop(shared);
                return Ok(Arc::clone(index));
            }
            drop(shared);
            Entry::Occupied(slot)
        }
        Entry::Vacant(_) if full => {
            let detail = "too many accounts follow locks at the same time";
            return Err(Failure::new(Code::RateLimited, detail));
        }
        vacant @ Entry::Vacant(_) => vacant,
    };
    let index = Arc::new(Index::new(inner.marks.clone()));
    inner.tasks.spawn(keeper::run(
        Arc::clone(inner),
        place.clone(),
        Arc::clone(&index),
    ));
    slot.insert_entry(Arc::clone(&index));
    Ok(index)
}

/// Ends an index that nobody has used for a while; whether it is to end.
pub(super) fn close_unused(inner: &Inner, place: &Place, index: &Index, idle: Duration) -> bool {
    // In this order everywhere: the map, then the index.
    let mut indexes = inner.indexes.lock().unwrap_or_else(PoisonError::into_inner);
    let mut shared = index.lock();
    if !shared.subscribers.is_empty() || shared.last_used.elapsed() < idle {
        return false;
    }
    if !std::mem::replace(&mut shared.closed, true) {
        indexes.remove(place);
    }
    true
}

/// Forgets an index that has ended by itself.
fn remove(inner: &Inner, place: &Place, index: &Arc<Index>) {
    let mut indexes = inner.indexes.lock().unwrap_or_else(PoisonError::into_inner);
    if indexes
        .get(place)
        .is_some_and(|one| Arc::ptr_eq(one, index))
    {
        indexes.remove(place);
    }
}

/// See [`super::lock::LockService::list`].
pub(super) async fn list(inner: &Arc<Inner>, caller: &Caller, page: LockPage) -> Result<LockList> {
    let (prefix, after) = match page
        .cursor
        .as_deref()
        .map(cursor::decode::<Cursor>)
        .transpose()?
    {
        Some(cursor) => (cursor.prefix.0, Some(cursor.after.0)),
        None => (page.prefix.unwrap_or_default(), None),
    };
    let limit = page.limit.unwrap_or(PAGE);
    // Every change before this answer counts: the index has to reach its revision.
    let (place, header) = limited::place(&inner.etcd, caller, &prefix).await?;
    let index = running(inner, &place)?;
    let mut progress = index.progress.subscribe();
    let over =
        |progress: &Progress| progress.ended || (!progress.listed && progress.failure.is_some());
    let listed = |progress: &Progress| progress.listed || over(progress);
    let reached = |progress: &Progress| {
        (progress.listed && progress.revision >= header.revision) || over(progress)
    };
    // What is not there in time is said by `partial`.
    let mut until = Instant::now() + PATIENCE;
    let _ = timeout_at(until, progress.wait_for(listed)).await;
    // Its streams bring nothing of what others write elsewhere, so that they may never get there.
    if progress.borrow().limited {
        until = until.min(Instant::now() + BRIEFLY);
    }
    let _ = timeout_at(until, progress.wait_for(reached)).await;
    let progress = index.progress.borrow().clone();
    if let Some(failure) = progress.failure.filter(|_| !progress.listed) {
        return Err(failure);
    }
    let behind = !progress.listed || progress.revision < header.revision;
    let partial = behind || progress.limited;
    refresh(inner, caller, &index, (&prefix, after.as_deref(), limit)).await;
    let at = Instant::now();
    let shared = index.lock();
    let mut names = shared.state.names(&prefix, after.as_deref());
    let page: Vec<&[u8]> = names.by_ref().take(limit).collect();
    let next = page.last().filter(|_| names.next().is_some()).map(|last| {
        cursor::encode(&Cursor {
            prefix: prefix.as_slice().into(),
            after: (*last).into(),
        })
    });
    let locks = page
        .into_iter()
        .filter_map(|name| shared.state.lock(name, at))
        .collect();
    drop(names);
    Ok(LockList {
        header,
        locks,
        partial,
        next,
    })
}

/// Asks about the leases of a page again, where the last answer is old.
async fn refresh(
    inner: &Arc<Inner>,
    caller: &Caller,
    index: &Index,
    (prefix, after, limit): (&[u8], Option<&[u8]>, usize),
) {
    let stale = {
        let shared = index.lock();
        let names = shared.state.names(prefix, after).take(limit);
        shared
            .state
            .stale_leases(names, Instant::now(), FRESH, REFRESHED)
    };
    let questions = stream::iter(stale).map(|lease| {
        let question = keeper::ask(inner, caller.clone(), lease, false);
        async move { (lease, question.await) }
    });
    let mut answers = questions.buffer_unordered(16);
    // A page with older times is better than none.
    let _ = timeout(PATIENCE, async {
        while let Some((lease, answer)) = answers.next().await {
            if let Ok(answer) = answer {
                let (time, now) = (keeper::time(&answer), Instant::now());
                index.change(|state| state.lease_answered(lease, time, now));
            }
        }
    })
    .await;
}

/// See [`super::lock::LockService::follow`].
pub(super) async fn follow(
    inner: &Arc<Inner>,
    caller: &Caller,
    filter: Filter,
) -> Result<LockStream> {
    let place = match limited::place(&inner.etcd, caller, filter.prefix()).await {
        Ok((place, _)) => place,
        // A stream opens also while etcd is away.
        Err(failure) if passing(&failure) => Place::of(&caller.identity),
        Err(failure) => return Err(failure),
    };
    let index = running(inner, &place)?;
    let known = match &filter {
        Filter::Name(name) => prime(inner, caller, &index, name).await?,
        Filter::Prefix(_) => true,
    };
    Ok(LockStream::open(index, filter, known))
}

/// Reads one lock into the index, so that a stream about it need not wait for the whole listing. Whether
/// that was possible: a stream opens also while etcd is away.
async fn prime(inner: &Inner, caller: &Caller, index: &Arc<Index>, name: &[u8]) -> Result<bool> {
    watched(index).await;
    let seen = |key: &[u8], created: i64| inner.seen.at(&caller.identity, key, created);
    for _ in 0..READS {
        let reading = Reading::begin(index, Scope::Name(name.to_vec()));
        let asked = caller.within(Duration::from_secs(5));
        let queue = match queue::read(inner, &asked, name, None).await {
            Ok(queue) => queue,
            Err(failure) if passing(&failure) => return Ok(false),
            Err(failure) => return Err(failure),
        };
        let found = (queue.header.revision, queue.into_entries());
        if reading.end(|state, id| state.end_read(id, Some(found), seen)) {
            return Ok(true);
        }
        // A listing has begun meanwhile, whose watch brings only what comes behind this read.
    }
    Ok(false)
}

/// Waits until the keyspace is watched, or cannot be: a change between a read and the watch that begins
/// behind it would never be heard of.
async fn watched(index: &Index) {
    let mut progress = index.progress.subscribe();
    let begun =
        |progress: &Progress| progress.revision > 0 || progress.failure.is_some() || progress.ended;
    let _ = timeout(PATIENCE, progress.wait_for(begun)).await;
}
