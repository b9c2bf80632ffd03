//! Locks: acquired and released as etcd's own recipe does, found by themselves, followed live.
//!
//! [`recipe`] queues, [`claim`] cleans up behind whoever leaves, [`release`] removes one claim,
//! [`queue`] reads one lock as it is now, [`index`] finds all of them and keeps them live. What a key
//! means is decided in [`names`] and [`shape`] alone.

mod budget;
mod claim;
mod index;
mod names;
mod queue;
mod recipe;
mod release;
mod seen;
mod shape;
#[cfg(test)]
pub(crate) mod tests;
mod wait;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use shared::{LockAnswer, LockList, LockRequest, Released};

use self::budget::Budget;
use self::claim::Attachments;
use self::index::Index;
use self::names::Marks;
use self::seen::FirstSeen;
use crate::caller::{Caller, Identity};
use crate::etcd::Etcd;
use crate::failure::Result;
use crate::tasks::Tasks;

pub use self::claim::Standing;
pub use self::index::{Filter, LockPage, LockStream};
pub use self::recipe::Acquisition;
pub use self::release::{Release, Which};

/// Locks of one cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub struct LockService {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    etcd: Etcd,
    tasks: Tasks,
    marks: Marks,
    budget: Budget,
    seen: FirstSeen,
    attachments: Attachments,
    indexes: Mutex<HashMap<Identity, Arc<Index>>>,
}

impl LockService {
    /// Over a cluster's connections. Leased keys below `lock_prefixes` are locks for certain.
    pub fn new(etcd: Etcd, tasks: Tasks, lock_prefixes: Vec<Vec<u8>>) -> Self {
        Self {
            inner: Arc::new(Inner {
                etcd,
                tasks,
                marks: Marks::new(lock_prefixes),
                budget: Budget::default(),
                seen: FirstSeen::default(),
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
        index::list(&self.inner, caller, page).await
    }

    /// Locks as they change, beginning with all there are.
    pub async fn follow(&self, caller: &Caller, filter: Filter) -> Result<LockStream> {
        index::follow(&self.inner, caller, filter).await
    }
}
