//! A semaphore that is fair between identities, however many requests each of them sends.
//!
//! An identity has at most one request that runs or waits in the common queue; its other requests wait for
//! that one first. So the common queue is no longer than the number of identities, and no identity can
//! occupy all of it.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The slots, shared fairly. `K` identifies the caller.
#[derive(Debug)]
pub(super) struct FairSlots<K> {
    slots: Arc<Semaphore>,
    /// One permit for each identity that runs or waits.
    own: Mutex<HashMap<K, Weak<Semaphore>>>,
}

/// A slot, released when dropped.
#[derive(Debug)]
pub(super) struct Slot {
    _slot: OwnedSemaphorePermit,
    _own: OwnedSemaphorePermit,
}

impl<K: Clone + Eq + Hash> FairSlots<K> {
    /// `slots` concurrent requests, one of each identity.
    pub(super) fn new(slots: usize) -> Self {
        Self {
            slots: Arc::new(Semaphore::new(slots)),
            own: Mutex::default(),
        }
    }

    /// Waits for a slot. Cancel safe: dropping the future leaves the queue.
    pub(super) async fn acquire(&self, identity: &K) -> Slot {
        let own = self.own(identity).acquire_owned().await;
        let slot = Arc::clone(&self.slots).acquire_owned().await;
        Slot {
            _slot: slot.expect("the semaphore is never closed"),
            _own: own.expect("the semaphore is never closed"),
        }
    }

    fn own(&self, identity: &K) -> Arc<Semaphore> {
        let mut all = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(own) = all.get(identity).and_then(Weak::upgrade) {
            return own;
        }
        all.retain(|_, own| own.strong_count() > 0);
        let own = Arc::new(Semaphore::new(1));
        all.insert(identity.clone(), Arc::downgrade(&own));
        own
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn one_identity_never_occupies_all_slots() {
        let slots = FairSlots::new(2);
        let first = slots.acquire(&"alice").await;
        let mut second = Box::pin(slots.acquire(&"alice"));
        assert!((&mut second).now_or_never().is_none());
        let other = slots.acquire(&"bob").now_or_never();
        assert!(other.is_some(), "a slot is free");
        drop(first);
        assert!(second.now_or_never().is_some());
    }

    #[tokio::test]
    async fn an_identity_has_one_request_in_the_common_queue() {
        let slots = FairSlots::new(1);
        let first = slots.acquire(&"alice").await;
        let mut waiting: Vec<_> = (0..20).map(|_| Box::pin(slots.acquire(&"alice"))).collect();
        for request in &mut waiting {
            assert!(request.now_or_never().is_none());
        }
        let mut other = Box::pin(slots.acquire(&"bob"));
        assert!((&mut other).now_or_never().is_none());
        drop(first);
        // alice's next request enters the common queue after bob's.
        assert!((&mut waiting[0]).now_or_never().is_none());
        let other = other.now_or_never().expect("the slot is bob's");
        drop(other);
        assert!((&mut waiting[0]).now_or_never().is_some());
    }

    #[tokio::test]
    async fn cancelled_requests_are_removed_from_the_queue() {
        let slots = FairSlots::new(1);
        let first = slots.acquire(&1).await;
        for identity in 2..100 {
            let mut waiting = Box::pin(slots.acquire(&identity));
            assert!((&mut waiting).now_or_never().is_none());
        }
        assert!(slots.own.lock().expect("not poisoned").len() <= 2);
        drop(first);
        assert!(slots.acquire(&2).now_or_never().is_some());
    }
}
