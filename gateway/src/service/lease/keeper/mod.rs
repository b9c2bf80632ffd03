//! Keeps leases alive: one keeper per identity, with one keep-alive stream for all of its leases.
//!
//! A keeper starts on first use and ends after a while without leases, or when etcd no longer accepts
//! the account; a later sign-in gets a new keeper. [`beats`] holds the leases and their times, [`run`] is
//! the task that sends the renewals. The holder of a lease learns from its [`Kept`] of every renewal
//! and of the loss: etcd reports no such lease, refuses to renew it, or has not responded for the
//! lease's whole TTL.

mod beats;
mod run;

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, watch};
use tokio::time::Instant;

use self::beats::{Beats, Status};
use crate::etcd::Etcd;
use crate::identity::Identity;
use crate::tasks::Tasks;

/// How long a keeper without leases stays alive.
const IDLE: Duration = Duration::from_secs(10);

/// The lease keepers of one cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Keepers {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    etcd: Etcd,
    tasks: Tasks,
    keepers: Mutex<HashMap<Identity, Arc<Keeper>>>,
}

/// One identity's leases.
#[derive(Debug)]
struct Keeper {
    shared: Mutex<Shared>,
    /// A lease was added, or the last one was removed.
    wake: Notify,
}

#[derive(Debug)]
struct Shared {
    beats: Beats,
    /// When the last lease was removed.
    idle_since: Instant,
    /// The task is about to end: no lease may be added.
    closed: bool,
}

impl Keeper {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.shared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Keepers {
    /// The keepers over a cluster's connections; they run as `tasks`.
    pub fn new(etcd: Etcd, tasks: Tasks) -> Self {
        Self {
            inner: Arc::new(Inner {
                etcd,
                tasks,
                keepers: Mutex::default(),
            }),
        }
    }

    pub(super) fn etcd(&self) -> &Etcd {
        &self.inner.etcd
    }

    pub(super) fn tasks(&self) -> &Tasks {
        &self.inner.tasks
    }

    /// Keeps a lease alive until the returned [`Kept`] is dropped. `ttl` seconds were granted, or
    /// renewed, by a call that began at `since`.
    pub fn keep(&self, identity: &Identity, lease: i64, ttl: i64, since: Instant) -> Kept {
        let mut keepers = self.inner.lock();
        let add = |keeper: &Arc<Keeper>| {
            let mut shared = keeper.lock();
            if shared.closed {
                return None;
            }
            let (serial, status) = shared.beats.add(lease, ttl, since);
            drop(shared);
            keeper.wake.notify_one();
            Some(Kept {
                keeper: Arc::clone(keeper),
                lease,
                serial,
                status,
            })
        };
        if let Some(kept) = keepers.get(identity).and_then(add) {
            return kept;
        }
        let keeper = Arc::new(Keeper {
            shared: Mutex::new(Shared {
                beats: Beats::default(),
                idle_since: Instant::now(),
                closed: false,
            }),
            wake: Notify::new(),
        });
        let kept = add(&keeper).expect("a new keeper accepts leases");
        self.inner.tasks.spawn(run::run(
            Arc::clone(&self.inner),
            identity.clone(),
            Arc::clone(&keeper),
        ));
        keepers.insert(identity.clone(), keeper);
        kept
    }
}

impl Inner {
    fn lock(&self) -> MutexGuard<'_, HashMap<Identity, Arc<Keeper>>> {
        self.keepers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends a keeper that has been without leases for a while; returns whether it did.
    fn close_unused(&self, identity: &Identity, keeper: &Arc<Keeper>) -> bool {
        self.close(identity, keeper, |shared| {
            shared.beats.is_empty() && shared.idle_since.elapsed() >= IDLE
        })
    }

    /// Ends a keeper whose account etcd no longer accepts: none of its leases can be renewed.
    fn close_refused(&self, identity: &Identity, keeper: &Arc<Keeper>, reason: &str) {
        self.close(identity, keeper, |shared| {
            shared.beats.lose_all(reason);
            true
        });
    }

    /// Ends a keeper, if it may end; returns whether it did.
    fn close(
        &self,
        identity: &Identity,
        keeper: &Arc<Keeper>,
        may_end: impl FnOnce(&mut Shared) -> bool,
    ) -> bool {
        // Lock order everywhere: the map, then the keeper.
        let mut keepers = self.lock();
        let mut shared = keeper.lock();
        if !may_end(&mut shared) {
            return false;
        }
        shared.closed = true;
        if let Entry::Occupied(slot) = keepers.entry(identity.clone())
            && Arc::ptr_eq(slot.get(), keeper)
        {
            slot.remove();
        }
        true
    }
}

/// An event of a kept lease.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Beat {
    /// Renewed, with this TTL in seconds.
    Renewed(i64),
    /// Lost, or possibly lost; the reason, as text.
    Lost(String),
}

/// A lease that is kept alive. Dropping it stops the renewals, unless another holder
/// keeps the lease too.
#[derive(Debug)]
pub struct Kept {
    keeper: Arc<Keeper>,
    lease: i64,
    /// Which registration of the lease in the keeper.
    serial: u64,
    status: watch::Receiver<Status>,
}

impl Kept {
    /// The next event; several unread renewals are merged. Cancel safe, and repeats `Lost` once the
    /// lease is lost.
    pub async fn next(&mut self) -> Beat {
        if let Some(reason) = &self.status.borrow().lost {
            return Beat::Lost(reason.clone());
        }
        if self.status.changed().await.is_err() {
            return Beat::Lost("the gateway is shutting down".to_owned());
        }
        let status = self.status.borrow_and_update();
        match &status.lost {
            Some(reason) => Beat::Lost(reason.clone()),
            None => Beat::Renewed(status.ttl),
        }
    }

    /// Resolves with the reason when the lease is lost.
    pub async fn lost(&mut self) -> String {
        loop {
            if let Beat::Lost(reason) = self.next().await {
                return reason;
            }
        }
    }
}

impl Drop for Kept {
    fn drop(&mut self) {
        let mut shared = self.keeper.lock();
        shared.beats.leave(self.lease, self.serial);
        if shared.beats.is_empty() {
            shared.idle_since = Instant::now();
            drop(shared);
            self.keeper.wake.notify_one();
        }
    }
}

#[cfg(test)]
mod tests;
