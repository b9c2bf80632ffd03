//! Leases: the keys of each, what they show, its TTL, and which lease to refresh next.

use std::collections::{BTreeSet, HashSet};
use std::time::Duration;

use shared::LeaseKind;
use tokio::time::Instant;

use super::{Role, State};
use crate::service::lock::names::{queue_of, queue_prefix, rw_of};
use crate::service::lock::shape::{self, LeaseTime};

/// Leases are refreshed after a third of their TTL, within these bounds.
const REFRESH_AFTER: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(2)..=Duration::from_secs(10);

/// The known state of a lease that has keys.
#[derive(Debug, Default)]
pub(super) struct Lease {
    /// Keys of locks.
    keys: BTreeSet<Vec<u8>>,
    /// Registrations of services.
    services: BTreeSet<Vec<u8>>,
    others: BTreeSet<Vec<u8>>,
    time: Option<LeaseTime>,
    read_at: Option<Instant>,
    pub(super) in_flight: bool,
}

impl Lease {
    pub(super) fn keys_mut(&mut self, role: &Role) -> &mut BTreeSet<Vec<u8>> {
        match role {
            Role::Claim(_) | Role::Rw(..) | Role::Single(_) => &mut self.keys,
            Role::Service => &mut self.services,
            Role::Other => &mut self.others,
        }
    }

    pub(super) fn key_count(&self) -> usize {
        self.keys.len() + self.services.len() + self.others.len()
    }
}

/// Leases whose keys changed, if anybody wants to know.
#[derive(Debug, Default)]
pub(super) struct Changes {
    followed: bool,
    leases: HashSet<i64>,
}

impl Changes {
    pub(super) fn add(&mut self, lease: i64) {
        if self.followed {
            self.leases.insert(lease);
        }
    }
}

/// What the keys of a lease show.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(in crate::service) struct LeaseFacts {
    /// The number of keys.
    pub(in crate::service) keys: i64,
    /// What it is.
    pub(in crate::service) kinds: Vec<LeaseKind>,
    /// The first key, of the first of these kinds.
    pub(in crate::service) first_key: Option<Vec<u8>>,
    /// The lock or election that the key is a claim of.
    pub(in crate::service) queue: Option<Vec<u8>>,
    /// The owner that the key names.
    pub(in crate::service) holder: Option<String>,
}

/// Keys of locks of one lease that are examined for its kinds.
const EXAMINED: usize = 64;

impl State {
    /// The listing has read a lease, which had so many keys.
    pub(in crate::service) fn lease_listed(&mut self, id: i64, keys: usize) {
        self.listed.insert(id, keys);
        self.lease_changes.add(id);
    }

    /// Leases whose keys changed since the last call; the first one starts to record them.
    pub(in crate::service) fn take_lease_changes(&mut self) -> HashSet<i64> {
        self.lease_changes.followed = true;
        std::mem::take(&mut self.lease_changes.leases)
    }

    /// Nobody wants to know of changed leases any more.
    pub(in crate::service) fn end_lease_changes(&mut self) {
        self.lease_changes = Changes::default();
    }

    /// Leases with keys.
    pub(in crate::service) fn leases(&self) -> impl Iterator<Item = i64> {
        self.leases.keys().copied()
    }

    /// What the keys of a lease show; `None` while they have not been read. `complete` says that every lease has been
    /// listed.
    pub(in crate::service) fn lease_facts(&self, id: i64, complete: bool) -> Option<LeaseFacts> {
        let lease = self.leases.get(&id);
        let keys = lease.map_or(0, Lease::key_count);
        let expected = self.listed.get(&id);
        if !complete && expected.is_none_or(|expected| keys < *expected) {
            return None;
        }
        let Some(lease) = lease else {
            return Some(LeaseFacts::default());
        };
        let kind_of = |key: &Vec<u8>| {
            let entry = self.entries.get(key)?;
            let value = entry.leased.value.as_deref().unwrap_or_default();
            let proclaims = matches!(entry.role, Role::Claim(_)) && shape::is_proclamation(value);
            Some(if proclaims {
                LeaseKind::Election
            } else {
                LeaseKind::Lock
            })
        };
        let mut kinds: Vec<LeaseKind> = lease
            .keys
            .iter()
            .take(EXAMINED)
            .filter_map(kind_of)
            .collect();
        kinds.extend((!lease.services.is_empty()).then_some(LeaseKind::Service));
        kinds.extend((!lease.others.is_empty()).then_some(LeaseKind::Plain));
        kinds.sort_unstable();
        kinds.dedup();
        let claim = lease
            .keys
            .iter()
            .take(EXAMINED)
            .find(|key| kind_of(key).as_ref() == kinds.first());
        let first = claim.or(lease.services.first()).or(lease.others.first());
        let entry = claim.and_then(|key| self.entries.get(key));
        Some(LeaseFacts {
            keys: keys as i64,
            first_key: first.cloned(),
            queue: entry.and_then(|entry| match &entry.role {
                Role::Claim(name) | Role::Rw(name, _) => Some(name.clone()),
                _ => None,
            }),
            holder: entry.and_then(|entry| {
                shape::owner_name(entry.leased.value.as_deref().unwrap_or_default())
            }),
            kinds,
        })
    }

    /// The last response about a lease, and when it came.
    pub(in crate::service) fn lease_time_read(&self, id: i64) -> Option<(LeaseTime, Instant)> {
        let lease = self.leases.get(&id)?;
        Some((lease.time?, lease.read_at?))
    }

    /// The remaining TTL of a lease in seconds, counted down since it was last refreshed.
    pub(super) fn lease_time(&self, lease: i64, now: Instant) -> Option<LeaseTime> {
        let lease = self.leases.get(&lease)?;
        let (time, read_at) = (lease.time?, lease.read_at?);
        let passed = now.saturating_duration_since(read_at).as_secs() as i64;
        Some(LeaseTime {
            ttl: (time.ttl - passed).max(0),
            ..time
        })
    }

    /// etcd's response about a lease; a TTL of −1 means that it no longer exists. Returns whether
    /// the lease is known to have keys.
    pub(in crate::service) fn lease_response(
        &mut self,
        id: i64,
        time: LeaseTime,
        now: Instant,
    ) -> bool {
        let before = self.lease_time(id, now);
        let Some(lease) = self.leases.get_mut(&id) else {
            return false;
        };
        // Both numbers are whole seconds rounded down: a difference of one is not a renewal.
        let renewed = before.is_none_or(|before| time.ttl > before.ttl + 1);
        lease.time = Some(if time.ttl < 0 {
            let granted = lease.time.map_or(0, |time| time.granted);
            LeaseTime { ttl: 0, granted }
        } else {
            time
        });
        lease.read_at = Some(now);
        lease.in_flight = false;
        if renewed {
            let keys: Vec<_> = lease.keys.iter().cloned().collect();
            for key in keys {
                self.mark_dirty(&key);
            }
        }
        true
    }

    /// Leases of these locks last refreshed longer than `fresh` ago, or never; at most `most`.
    pub(in crate::service) fn stale_leases<'a>(
        &'a self,
        names: impl Iterator<Item = &'a [u8]>,
        now: Instant,
        fresh: Duration,
        most: usize,
    ) -> BTreeSet<i64> {
        let stale = |lease: &i64| {
            self.leases.get(lease).is_some_and(|lease| {
                lease
                    .read_at
                    .is_none_or(|read_at| now.saturating_duration_since(read_at) > fresh)
            })
        };
        let of = |name: &'a [u8]| -> Vec<i64> {
            let own = self
                .entries
                .get(name)
                .into_iter()
                .map(|entry| entry.leased.lease);
            if self.queues.contains_key(name) {
                let prefix = queue_prefix(name);
                own.chain(self.under(&prefix).map(|entry| entry.leased.lease))
                    .collect()
            } else {
                own.collect()
            }
        };
        names.flat_map(of).filter(stale).take(most).collect()
    }

    /// The request about a lease failed: it will be retried.
    pub(in crate::service) fn lease_request_failed(&mut self, id: i64, now: Instant) {
        if let Some(lease) = self.leases.get_mut(&id) {
            lease.in_flight = false;
            lease.read_at.get_or_insert(now);
        }
    }

    /// Leases to refresh now, at most `most`: new ones first, then those of holders, then those of
    /// waiters; of locks that no stream follows (`wanted`) only new ones.
    pub(in crate::service) fn take_due(
        &mut self,
        now: Instant,
        most: usize,
        wanted: impl Fn(&[u8]) -> bool,
    ) -> Vec<i64> {
        let due = |lease: &Lease| {
            let wait = lease.time.map_or(*REFRESH_AFTER.start(), |time| {
                let third = Duration::from_secs(time.granted.max(0) as u64) / 3;
                third.clamp(*REFRESH_AFTER.start(), *REFRESH_AFTER.end())
            });
            !lease.in_flight
                && lease
                    .read_at
                    .is_none_or(|read_at| now.duration_since(read_at) >= wait)
        };
        let mut ranked: Vec<(u8, Option<Instant>, i64)> = Vec::new();
        let of_locks = self
            .leases
            .iter()
            .filter(|(_, lease)| !lease.keys.is_empty());
        for (id, lease) in of_locks.filter(|(_, lease)| due(lease)) {
            if lease.read_at.is_none() {
                ranked.push((0, None, *id));
                continue;
            }
            let names = || lease.keys.iter().map(|key| (key, name_of(key, *id)));
            if names().any(|(_, name)| wanted(name)) {
                let waits = names().all(|(key, name)| self.waits(key, name));
                ranked.push((1 + u8::from(waits), lease.read_at, *id));
            }
        }
        ranked.sort_unstable();
        ranked.truncate(most);
        let due: Vec<i64> = ranked.into_iter().map(|(_, _, id)| id).collect();
        for id in &due {
            if let Some(lease) = self.leases.get_mut(id) {
                lease.in_flight = true;
            }
        }
        due
    }

    /// Whether an older claim precedes this key in the queue.
    fn waits(&self, key: &[u8], name: &[u8]) -> bool {
        let Some(own) = self.entries.get(key) else {
            return false;
        };
        if key == name {
            return false;
        }
        let prefix = queue_prefix(name);
        self.under(&prefix)
            .any(|other| other.leased.create_revision < own.leased.create_revision)
    }
}

/// The lock that a key belongs to.
fn name_of(key: &[u8], lease: i64) -> &[u8] {
    queue_of(key, lease)
        .or_else(|| rw_of(key).map(|rw| rw.name))
        .unwrap_or(key)
}
