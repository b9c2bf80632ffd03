//! Every lock of a keyspace, detected automatically and kept up to date: one index per identity.
//!
//! [`state`] is the data, [`keeper`] the task that maintains it, [`follower`] a client's stream of it, [`leases`]
//! what it knows of leases.
//! An account that may not list leases gets the keys it may read, range by range ([`limited`]), marked
//! `partial`.
//!
//! An index starts on first use and stops after a minute without use. It holds leased keys only, and
//! the values of locks only.

mod follower;
mod keeper;
mod leases;
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
pub(super) use self::leases::{Listing, index_of};
use self::reading::Reading;
pub(super) use self::state::LeaseFacts;
use self::state::{Scope, State};
use crate::failure::{Failure, Result};
use crate::identity::{Caller, Identity};
use crate::service::cursor;
use crate::service::lock::names::SingleKeyRules;
use crate::service::lock::wait::is_transient;
use crate::service::lock::{Inner, queue};

/// Default locks on a page.
const PAGE: usize = 100;
/// How long a list request waits for the first listing, and for the revision it must reflect.
const LIST_TIMEOUT: Duration = Duration::from_secs(2);
/// How long a list request of an account waits whose streams report no progress: they reach the revision at
/// once or never.
const LIMITED_TIMEOUT: Duration = Duration::from_millis(100);
/// Attempts to read one lock before it is left to the listing.
const ATTEMPTS: usize = 3;
/// How old a lease's TTL may be on a page.
const FRESH: Duration = Duration::from_secs(1);
/// The limit on leases refreshed per page.
const REFRESHED: usize = 100;
/// The limit on identities with an index at the same time.
const MAX_INDEXES: usize = 64;

/// A request for a page of locks.
#[derive(Clone, Debug, Default)]
pub struct LockPage {
    /// The prefix of the names.
    pub prefix: Option<Vec<u8>>,
    /// The limit on locks; 100 by default.
    pub limit: Option<usize>,
    /// `next` of the previous page; it includes the prefix.
    pub cursor: Option<String>,
}

/// The content of a cursor.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    prefix: Bytes,
    after: Bytes,
}

/// The key of an index: the identity, and the part of the keyspace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct IndexKey {
    identity: Identity,
    /// Only below this prefix, which is all that an account of unknown name is known to be able to read.
    below: Option<Vec<u8>>,
}

impl IndexKey {
    /// Everything that the identity may see.
    pub(super) fn of(identity: &Identity) -> Self {
        Self {
            identity: identity.clone(),
            below: None,
        }
    }
}

/// The progress of the index.
#[derive(Clone, Debug, Default)]
pub(super) struct Progress {
    /// Everything up to this revision has been applied.
    revision: i64,
    /// The first listing is complete.
    listed: bool,
    /// The account may not list leases, so there may be locks it cannot see.
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
    /// The task is about to end: this index must not be used any more.
    closed: bool,
}

impl Index {
    fn new(single_key_rules: SingleKeyRules) -> Self {
        Self {
            shared: Mutex::new(Shared {
                state: State::new(single_key_rules),
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

    /// Changes the state and notifies the streams.
    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let mut shared = self.lock();
        let changed = change(&mut shared.state);
        let dirty = shared.state.take_dirty();
        shared.subscribers.notify(&dirty);
        changed
    }
}

/// The running index of a key, started if there is none.
pub(super) fn get_or_start(inner: &Arc<Inner>, index_key: &IndexKey) -> Result<Arc<Index>> {
    let mut indexes = inner.indexes.lock().unwrap_or_else(PoisonError::into_inner);
    let full = indexes.len() >= MAX_INDEXES;
    let slot = match indexes.entry(index_key.clone()) {
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
    let index = Arc::new(Index::new(inner.single_key_rules.clone()));
    inner.tasks.spawn(keeper::run(
        Arc::clone(inner),
        index_key.clone(),
        Arc::clone(&index),
    ));
    slot.insert_entry(Arc::clone(&index));
    Ok(index)
}

/// Ends an index that has been unused for a while; returns whether it did.
pub(super) fn close_unused(
    inner: &Inner,
    index_key: &IndexKey,
    index: &Index,
    idle: Duration,
) -> bool {
    // Lock order everywhere: the map, then the index.
    let mut indexes = inner.indexes.lock().unwrap_or_else(PoisonError::into_inner);
    let mut shared = index.lock();
    if !shared.subscribers.is_empty() || shared.last_used.elapsed() < idle {
        return false;
    }
    if !std::mem::replace(&mut shared.closed, true) {
        indexes.remove(index_key);
    }
    true
}

/// Removes an index whose task has ended.
fn remove(inner: &Inner, index_key: &IndexKey, index: &Arc<Index>) {
    let mut indexes = inner.indexes.lock().unwrap_or_else(PoisonError::into_inner);
    if indexes
        .get(index_key)
        .is_some_and(|current| Arc::ptr_eq(current, index))
    {
        indexes.remove(index_key);
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
    // The list must reflect every change up to this response's revision.
    let (index_key, header) = limited::index_key(&inner.etcd, caller, &prefix).await?;
    let index = get_or_start(inner, &index_key)?;
    let mut progress = index.progress.subscribe();
    let over =
        |progress: &Progress| progress.ended || (!progress.listed && progress.failure.is_some());
    let listed = |progress: &Progress| progress.listed || over(progress);
    let reached = |progress: &Progress| {
        (progress.listed && progress.revision >= header.revision) || over(progress)
    };
    // If it is not reached in time, the list is marked `partial`.
    let mut until = Instant::now() + LIST_TIMEOUT;
    let _ = timeout_at(until, progress.wait_for(listed)).await;
    // Its streams do not see writes to other ranges, so they may never reach the revision.
    if progress.borrow().limited {
        until = until.min(Instant::now() + LIMITED_TIMEOUT);
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
        .map(|mut lock| {
            inner.set_held_since(&caller.identity, &mut lock, progress.listed);
            lock
        })
        .collect();
    drop(names);
    Ok(LockList {
        header,
        locks,
        partial,
        next,
    })
}

/// Refreshes the leases of a page whose TTL is old.
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
    let requests = stream::iter(stale).map(|lease| {
        let request = keeper::lease_request(inner, caller.clone(), lease, false);
        async move { (lease, request.await) }
    });
    let mut responses = requests.buffer_unordered(16);
    // A page with older TTLs is better than an error.
    let _ = timeout(LIST_TIMEOUT, async {
        while let Some((lease, response)) = responses.next().await {
            if let Ok(response) = response {
                let (time, now) = (keeper::time(&response), Instant::now());
                index.change(|state| state.lease_response(lease, time, now));
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
    let index_key = match limited::index_key(&inner.etcd, caller, filter.prefix()).await {
        Ok((index_key, _)) => index_key,
        // A stream opens even while etcd is unavailable.
        Err(failure) if is_transient(&failure) => IndexKey::of(&caller.identity),
        Err(failure) => return Err(failure),
    };
    let index = get_or_start(inner, &index_key)?;
    let known = match &filter {
        Filter::Name(name) => prime(inner, caller, &index, name).await?,
        Filter::Prefix(_) => true,
    };
    let identity = caller.identity.clone();
    Ok(LockStream::open(
        Arc::clone(inner),
        identity,
        index,
        filter,
        known,
    ))
}

/// Reads one lock into the index, so that a stream of it need not wait for the whole listing. Returns
/// whether that worked: a stream opens even while etcd is unavailable.
async fn prime(inner: &Inner, caller: &Caller, index: &Arc<Index>, name: &[u8]) -> Result<bool> {
    wait_until_watched(index).await;
    let seen = |key: &[u8], created: i64| inner.seen.at(&caller.identity, key, created);
    for _ in 0..ATTEMPTS {
        let reading = Reading::begin(index, Scope::Name(name.to_vec()));
        let caller_in_time = caller.with_timeout(Duration::from_secs(5));
        let queue = match queue::read(inner, &caller_in_time, name, None).await {
            Ok(queue) => queue,
            Err(failure) if is_transient(&failure) => return Ok(false),
            Err(failure) => return Err(failure),
        };
        let found = (queue.header.revision, queue.into_entries());
        if reading.end(|state, id| state.end_read(id, Some(found), seen)) {
            return Ok(true);
        }
        // A listing has started meanwhile, whose watch delivers only changes after this read.
    }
    Ok(false)
}

/// Waits until the keyspace is watched, or cannot be: a change between a read and a watch that starts
/// after it would be missed.
async fn wait_until_watched(index: &Index) {
    let mut progress = index.progress.subscribe();
    let begun =
        |progress: &Progress| progress.revision > 0 || progress.failure.is_some() || progress.ended;
    let _ = timeout(LIST_TIMEOUT, progress.wait_for(begun)).await;
}
