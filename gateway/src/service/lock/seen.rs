//! When this gateway first saw a lock key: etcd stores no times.

use std::collections::{HashMap, VecDeque};
use std::sync::{Mutex, PoisonError};
use std::time::SystemTime;

use crate::caller::Identity;

/// Keys remembered; the oldest are forgotten first.
const MOST: usize = 20_000;

/// Remembers lock keys across reads and restarts of the index, for each identity apart: that a key
/// was seen tells that it is there.
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
    /// The time of the first sight of a key as created at that revision; now, if this is it.
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

    /// The time of the first sight of that key, where there was one.
    pub(super) fn known(
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
    fn a_key_keeps_its_time_and_a_new_life_gets_a_new_one() {
        let seen = FirstSeen::default();
        assert_eq!(seen.known(&Identity::Gateway, b"k", 1), None);
        let first = seen.at(&Identity::Gateway, b"k", 1);
        assert_eq!(seen.known(&Identity::Gateway, b"k", 1), Some(first));
        assert_eq!(seen.at(&Identity::Gateway, b"k", 1), first);
        assert!(seen.at(&Identity::Gateway, b"k", 2) >= first);
    }

    #[test]
    fn memory_is_bounded() {
        let seen = FirstSeen::default();
        for revision in 0..MOST as i64 + 10 {
            seen.at(&Identity::Gateway, b"k", revision);
        }
        let memory = seen.memory.lock().expect("no panic holds it");
        assert_eq!((memory.times.len(), memory.order.len()), (MOST, MOST));
    }
}
