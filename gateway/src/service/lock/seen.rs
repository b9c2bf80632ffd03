//! When this gateway first saw a lock key: etcd stores no times.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::identity::Identity;

/// The limit on remembered keys; the oldest are dropped first.
const MOST: usize = 20_000;

/// Remembers lock keys across reads and restarts of the index. Each identity has its own: that a key was
/// seen reveals that it exists.
#[derive(Debug, Default)]
pub(in crate::service) struct FirstSeen {
    memory: Mutex<Memory>,
}

#[derive(Debug, Default)]
struct Memory {
    times: HashMap<(Identity, i64, Vec<u8>), SystemTime>,
    order: VecDeque<(Identity, i64, Vec<u8>)>,
}

impl FirstSeen {
    /// When a key, as created at that revision, was first seen; now if it never was.
    pub(in crate::service) fn at(
        &self,
        identity: &Identity,
        key: &[u8],
        create_revision: i64,
    ) -> SystemTime {
        let id = (identity.clone(), create_revision, key.to_vec());
        let mut memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(time) = memory.times.get(&id) {
            return *time;
        }
        let now = SystemTime::now();
        if memory.order.len() == MOST
            && let Some(oldest) = memory.order.pop_front()
        {
            memory.times.remove(&oldest);
        }
        memory.order.push_back(id.clone());
        memory.times.insert(id, now);
        now
    }

    /// When a key was first seen, if it was.
    pub(super) fn get(
        &self,
        identity: &Identity,
        key: &[u8],
        create_revision: i64,
    ) -> Option<SystemTime> {
        let id = (identity.clone(), create_revision, key.to_vec());
        let memory = self.memory.lock().unwrap_or_else(PoisonError::into_inner);
        memory.times.get(&id).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_recreated_key_gets_a_new_time() {
        let seen = FirstSeen::default();
        assert_eq!(seen.get(&Identity::Gateway, b"k", 1), None);
        let first = seen.at(&Identity::Gateway, b"k", 1);
        assert_eq!(seen.get(&Identity::Gateway, b"k", 1), Some(first));
        assert_eq!(seen.at(&Identity::Gateway, b"k", 1), first);
        assert!(seen.at(&Identity::Gateway, b"k", 2) >= first);
    }

    #[test]
    fn remembered_keys_are_bounded() {
        let seen = FirstSeen::default();
        for revision in 0..MOST as i64 + 10 {
            seen.at(&Identity::Gateway, b"k", revision);
        }
        let memory = seen.memory.lock().expect("not poisoned");
        assert_eq!((memory.times.len(), memory.order.len()), (MOST, MOST));
    }
}
