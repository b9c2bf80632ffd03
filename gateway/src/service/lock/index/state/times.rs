//! Times of the leases that keep locks: what etcd said, what is left of it, whom to ask next.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::super::super::names::{queue_of, queue_prefix, rw_of};
use super::super::super::shape::LeaseTime;
use super::State;

/// Leases are asked again after a third of their TTL, within these bounds.
const ASK_AGAIN: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(2)..=Duration::from_secs(10);

/// What is known of a lease that keeps a lock key.
#[derive(Debug, Default)]
pub(super) struct Lease {
    pub(super) keys: BTreeSet<Vec<u8>>,
    time: Option<LeaseTime>,
    asked: Option<Instant>,
    pub(super) asking: bool,
}

impl State {
    /// Seconds left of a lease by our own count since it was last asked about.
    pub(super) fn lease_time(&self, lease: i64, now: Instant) -> Option<LeaseTime> {
        let lease = self.leases.get(&lease)?;
        let (time, asked) = (lease.time?, lease.asked?);
        let passed = now.saturating_duration_since(asked).as_secs() as i64;
        Some(LeaseTime {
            ttl: (time.ttl - passed).max(0),
            ..time
        })
    }

    /// etcd answered about a lease; −1 is a lease that is no more. Whether it keeps a lock.
    pub(in super::super::super) fn lease_answered(
        &mut self,
        id: i64,
        time: LeaseTime,
        now: Instant,
    ) -> bool {
        let before = self.lease_time(id, now);
        let Some(lease) = self.leases.get_mut(&id) else {
            return false;
        };
        // Both numbers are whole seconds rounded down: a difference of one says nothing.
        let renewed = before.is_none_or(|before| time.ttl > before.ttl + 1);
        lease.time = Some(if time.ttl < 0 {
            let granted = lease.time.map_or(0, |time| time.granted);
            LeaseTime { ttl: 0, granted }
        } else {
            time
        });
        lease.asked = Some(now);
        lease.asking = false;
        if renewed {
            let keys: Vec<_> = lease.keys.iter().cloned().collect();
            for key in keys {
                self.mark_dirty(&key);
            }
        }
        true
    }

    /// Leases of these locks that were asked about longer than `fresh` ago, or never; `most` at most.
    pub(in super::super::super) fn stale_leases<'a>(
        &'a self,
        names: impl Iterator<Item = &'a [u8]>,
        now: Instant,
        fresh: Duration,
        most: usize,
    ) -> BTreeSet<i64> {
        let stale = |lease: &i64| {
            self.leases.get(lease).is_some_and(|lease| {
                lease
                    .asked
                    .is_none_or(|asked| now.saturating_duration_since(asked) > fresh)
            })
        };
        let of = |name: &'a [u8]| -> Vec<i64> {
            let own = self
                .entries
                .get(name)
                .into_iter()
                .map(|entry| entry.held.lease);
            if self.queues.contains_key(name) {
                let prefix = queue_prefix(name);
                own.chain(self.under(&prefix).map(|entry| entry.held.lease))
                    .collect()
            } else {
                own.collect()
            }
        };
        names.flat_map(of).filter(stale).take(most).collect()
    }

    /// The question about a lease failed: it will be asked again.
    pub(in super::super::super) fn lease_unanswered(&mut self, id: i64, now: Instant) {
        if let Some(lease) = self.leases.get_mut(&id) {
            lease.asking = false;
            lease.asked.get_or_insert(now);
        }
    }

    /// Leases to ask about now, `most` at most: new ones first, then those of holders, then those of
    /// waiters; of locks nobody looks at (`wanted`) only new ones.
    pub(in super::super::super) fn take_due(
        &mut self,
        now: Instant,
        most: usize,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Vec<i64> {
        let due = |lease: &Lease| {
            let wait = lease.time.map_or(*ASK_AGAIN.start(), |time| {
                let third = Duration::from_secs(time.granted.max(0) as u64) / 3;
                third.clamp(*ASK_AGAIN.start(), *ASK_AGAIN.end())
            });
            !lease.asking
                && lease
                    .asked
                    .is_none_or(|asked| now.duration_since(asked) >= wait)
        };
        let mut ranked: Vec<(u8, Option<Instant>, i64)> = Vec::new();
        for (id, lease) in self.leases.iter().filter(|(_, lease)| due(lease)) {
            if lease.asked.is_none() {
                ranked.push((0, None, *id));
                continue;
            }
            let names = || lease.keys.iter().map(|key| (key, name_of(key, *id)));
            if names().any(|(_, name)| wanted(name)) {
                let waits = names().all(|(key, name)| self.waits(key, name));
                ranked.push((1 + u8::from(waits), lease.asked, *id));
            }
        }
        ranked.sort_unstable();
        ranked.truncate(most);
        let due: Vec<i64> = ranked.into_iter().map(|(_, _, id)| id).collect();
        for id in &due {
            if let Some(lease) = self.leases.get_mut(id) {
                lease.asking = true;
            }
        }
        due
    }

    /// Whether another claim of the queue is older than this key.
    fn waits(&self, key: &[u8], name: &[u8]) -> bool {
        let Some(own) = self.entries.get(key) else {
            return false;
        };
        if key == name {
            return false;
        }
        let prefix = queue_prefix(name);
        self.under(&prefix)
            .any(|other| other.held.create_revision < own.held.create_revision)
    }
}

/// The lock that a key belongs to.
fn name_of(key: &[u8], lease: i64) -> &[u8] {
    queue_of(key, lease)
        .or_else(|| rw_of(key).map(|rw| rw.name))
        .unwrap_or(key)
}
