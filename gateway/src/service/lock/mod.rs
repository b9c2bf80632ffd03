//! Locks: acquired and released as by etcd's own recipe, detected automatically, followed live.
//!
//! [`queue_entry`] enters a queue, [`wait`] waits in it, [`recipe`] acquires a lock for one request, [`hold`]
//! holds it for a connection; [`claim`] cleans up after a request that ends early, [`release`] removes
//! one claim, [`queue`] reads one lock as it is now; [`super::lock_index`] detects all of them and keeps
//! them live. Only [`names`] and [`shape`] decide what a key means. Elections are queues too and use the
//! same parts.

mod claim;
pub(super) mod hold;
pub(super) mod names;
mod query_rate;
pub(super) mod queue;
pub(super) mod queue_entry;
pub(super) mod recipe;
mod release;
mod seen;
pub(super) mod shape;
#[cfg(test)]
pub(crate) mod tests;
pub(super) mod wait;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use shared::{Lock, LockHoldRequest, LockList, LockRequest, LockResponse, Released};

use self::claim::Attachments;
use self::names::SingleKeyRules;
use self::query_rate::QueryRate;
use self::seen::FirstSeen;
use crate::etcd::Etcd;
use crate::failure::Result;
use crate::identity::{Caller, Identity};
use crate::service::lease::Keepers;
use crate::service::lock_index::{self, Filter, Index, IndexKey, LockPage, LockStream};
use crate::tasks::Tasks;

pub use self::claim::ClaimGuard;
pub use self::hold::QueueHold;
pub use self::recipe::Acquisition;
pub use self::release::{Release, Which};

/// Locks of one cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LockService {
    pub(super) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) etcd: Etcd,
    pub(super) tasks: Tasks,
    pub(super) keepers: Keepers,
    pub(super) single_key_rules: SingleKeyRules,
    pub(super) query_rate: QueryRate,
    pub(super) seen: FirstSeen,
    /// When a key was first seen as the holder.
    pub(super) held: FirstSeen,
    attachments: Attachments,
    pub(super) indexes: Mutex<HashMap<IndexKey, Arc<Index>>>,
}

impl Inner {
    /// Sets since when the holder has held the lock at least. `complete` says that no key of the queue is
    /// missing; otherwise the first key here may be a waiter. A key that was seen holding the lock before
    /// still holds it: the first in a queue stays first.
    pub(super) fn set_held_since(&self, identity: &Identity, lock: &mut Lock, complete: bool) {
        shape::set_held_since(lock, |key, created| {
            if complete {
                Some(self.held.at(identity, key, created))
            } else {
                self.held.get(identity, key, created)
            }
        });
    }
}

impl LockService {
    /// The service over a cluster and its lease keepers. Leased keys below `lock_prefixes` are certainly
    /// locks.
    pub fn new(etcd: Etcd, tasks: Tasks, keepers: Keepers, lock_prefixes: Vec<Vec<u8>>) -> Self {
        Self {
            inner: Arc::new(Inner {
                etcd,
                tasks,
                keepers,
                single_key_rules: SingleKeyRules::new(lock_prefixes),
                query_rate: QueryRate::default(),
                seen: FirstSeen::default(),
                held: FirstSeen::default(),
                attachments: Attachments::default(),
                indexes: Mutex::default(),
            }),
        }
    }

    /// Waits in the queue until the lock is acquired, for at most `wait` seconds.
    ///
    /// The claim is removed when the future is dropped, and when the [`ClaimGuard`] of the result is dropped
    /// without [`ClaimGuard::keep`].
    pub async fn acquire(
        &self,
        caller: &Caller,
        name: Vec<u8>,
        request: LockRequest,
    ) -> Result<Acquisition> {
        recipe::acquire(&self.inner, caller, name, request).await
    }

    /// Waits in the queue, then holds the lock, until the returned hold is dropped.
    pub async fn hold(
        &self,
        caller: &Caller,
        name: Vec<u8>,
        request: LockHoldRequest,
    ) -> Result<QueueHold> {
        hold::hold(&self.inner, caller, name, request).await
    }

    /// The parts shared with elections.
    pub(super) fn parts(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// Removes one claim from a queue.
    pub async fn release(
        &self,
        caller: &Caller,
        name: Vec<u8>,
        release: Release,
    ) -> Result<Released> {
        release::release(&self.inner, caller, name, release).await
    }

    /// One lock as it is now.
    pub async fn get(&self, caller: &Caller, name: &[u8]) -> Result<LockResponse> {
        queue::get(&self.inner, caller, name).await
    }

    /// A page of all locks, ordered by name.
    pub async fn list(&self, caller: &Caller, page: LockPage) -> Result<LockList> {
        lock_index::list(&self.inner, caller, page).await
    }

    /// All locks, then each change to them.
    pub async fn follow(&self, caller: &Caller, filter: Filter) -> Result<LockStream> {
        lock_index::follow(&self.inner, caller, filter).await
    }
}
