//! Locks: acquired and released as etcd's own recipe does, found by themselves, followed live.
//!
//! [`place`] enters a queue, [`wait`] waits in it, [`recipe`] answers a request with it, [`hold`] keeps
//! it for a connection; [`claim`] cleans up behind whoever leaves, [`release`] removes one claim,
//! [`queue`] reads one lock as it is now; [`super::lock_index`] detects all of them and keeps them live.
//! What a key means is decided in [`names`] and [`shape`] alone. Elections are queues too and use the same parts.

mod budget;
mod claim;
pub(super) mod hold;
pub(super) mod names;
pub(super) mod place;
pub(super) mod queue;
pub(super) mod recipe;
mod release;
mod seen;
pub(super) mod shape;
#[cfg(test)]
pub(crate) mod tests;
pub(super) mod wait;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use shared::{Lock, LockAnswer, LockHoldRequest, LockList, LockRequest, Released};

use self::budget::Budget;
use self::claim::Attachments;
use self::names::Marks;
use self::seen::FirstSeen;
use crate::caller::{Caller, Identity};
use crate::etcd::Etcd;
use crate::failure::Result;
use crate::service::lease::Keepers;
use crate::service::lock_index::{self, Filter, Index, LockPage, LockStream, Place};
use crate::tasks::Tasks;

pub use self::claim::Standing;
pub use self::hold::PlaceHold;
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
    pub(super) marks: Marks,
    pub(super) budget: Budget,
    pub(super) seen: FirstSeen,
    /// When keys were first seen as holders.
    pub(super) held: FirstSeen,
    attachments: Attachments,
    pub(super) indexes: Mutex<HashMap<Place, Arc<Index>>>,
}

impl Inner {
    /// Says of a lock since when its holder holds it at least. `complete`: no key of its queue can be missing
    /// here; else the first may be one that waits. One that was seen to hold it before still does: who is
    /// first in a queue stays so.
    pub(super) fn note_held(&self, identity: &Identity, lock: &mut Lock, complete: bool) {
        shape::note_held(lock, |key, created| {
            if complete {
                Some(self.held.at(identity, key, created))
            } else {
                self.held.known(identity, key, created)
            }
        });
    }
}

impl LockService {
    /// Over a cluster's connections and its lease keepers. Leased keys below `lock_prefixes` are locks
    /// for certain.
    pub fn new(etcd: Etcd, tasks: Tasks, keepers: Keepers, lock_prefixes: Vec<Vec<u8>>) -> Self {
        Self {
            inner: Arc::new(Inner {
                etcd,
                tasks,
                keepers,
                marks: Marks::new(lock_prefixes),
                budget: Budget::default(),
                seen: FirstSeen::default(),
                held: FirstSeen::default(),
                attachments: Attachments::default(),
                indexes: Mutex::default(),
            }),
        }
    }

    /// Stands in the queue until it is the caller's turn, `wait` seconds at most.
    ///
    /// The claim is given up when the future is dropped, and when the [`Standing`] of the answer is
    /// dropped without having been kept.
    pub async fn acquire(
        &self,
        caller: &Caller,
        name: Vec<u8>,
        request: LockRequest,
    ) -> Result<Acquisition> {
        recipe::acquire(&self.inner, caller, name, request).await
    }

    /// Stands in the queue, and holds the lock once it is its turn, until what this returns is dropped.
    pub async fn hold(
        &self,
        caller: &Caller,
        name: Vec<u8>,
        request: LockHoldRequest,
    ) -> Result<PlaceHold> {
        hold::hold(&self.inner, caller, name, request).await
    }

    /// The parts that elections are made of, too.
    pub(super) fn parts(&self) -> &Arc<Inner> {
        &self.inner
    }

    /// Removes one claim of a queue.
    pub async fn release(
        &self,
        caller: &Caller,
        name: Vec<u8>,
        release: Release,
    ) -> Result<Released> {
        release::release(&self.inner, caller, name, release).await
    }

    /// One lock as it is now.
    pub async fn one(&self, caller: &Caller, name: &[u8]) -> Result<LockAnswer> {
        queue::answer(&self.inner, caller, name).await
    }

    /// A page of all locks, by name.
    pub async fn list(&self, caller: &Caller, page: LockPage) -> Result<LockList> {
        lock_index::list(&self.inner, caller, page).await
    }

    /// Locks as they change, beginning with all there are.
    pub async fn follow(&self, caller: &Caller, filter: Filter) -> Result<LockStream> {
        lock_index::follow(&self.inner, caller, filter).await
    }
}
