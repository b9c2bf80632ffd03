//! The pure part of the index: it turns leased keys into locks, and keeps the TTLs of their leases: the
//! last response of etcd, what is left of it, and which lease to refresh next.
//!
//! The module uses no etcd and no task. Late and duplicate input has no effect: every key is ordered by its mod
//! revision, and events of a key take precedence over a read of it that is in flight (a [`Flight`]).

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::time::{Duration, SystemTime};

use shared::{Entry as Found, Lock};
use tokio::time::Instant;

use crate::etcd::Range;
use crate::service::lock::names::{SingleKeyRules, blocked_names, queue_of, queue_prefix, rw_of};
use crate::service::lock::shape::{self, LeaseTime, LeasedKey};

/// The role of a leased key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Role {
    /// A claim in the queue of this name.
    Claim(Vec<u8>),
    /// A claim on the readers-writer lock of this name; whether it is a writer's.
    Rw(Vec<u8>, bool),
    /// A single-key lock; whether that is certain.
    Single(bool),
    /// Not a lock, but it may block one.
    Other,
}

#[derive(Debug)]
struct Entry {
    leased: LeasedKey,
    role: Role,
    /// The listing that found it, or during which it arrived.
    epoch: u32,
}

/// Keys that are being read while events arrive.
#[derive(Debug)]
struct Flight {
    id: u64,
    scope: Scope,
    /// Keys of the scope that changed meanwhile, with the revisions.
    touched: HashMap<Vec<u8>, i64>,
}

/// The keys that a read covers.
#[derive(Clone, Debug)]
pub(in crate::service) enum Scope {
    /// These keys.
    Keys(HashSet<Vec<u8>>),
    /// The queue of a name, everything nested in it, and the key of that name.
    Name(Vec<u8>),
    /// Every key of a range.
    Range(Range),
}

impl Scope {
    fn contains(&self, key: &[u8]) -> bool {
        match self {
            Self::Keys(keys) => keys.contains(key),
            Self::Name(name) => key
                .strip_prefix(&name[..])
                .is_some_and(|rest| rest.is_empty() || rest[0] == b'/'),
            Self::Range(range) => range.contains(key),
        }
    }
}

/// Every leased key of a keyspace, organised as locks.
#[derive(Debug, Default)]
pub(in crate::service) struct State {
    single_key_rules: SingleKeyRules,
    entries: BTreeMap<Vec<u8>, Entry>,
    /// Queues and readers-writer locks by name, with the number of keys directly in them.
    queues: BTreeMap<Vec<u8>, u32>,
    /// Single-key locks.
    singles: BTreeSet<Vec<u8>>,
    leases: HashMap<i64, Lease>,
    flights: Vec<Flight>,
    next_flight: u64,
    dirty: BTreeSet<Vec<u8>>,
    revision: i64,
    /// Events are delivered after this revision.
    base: i64,
    epoch: u32,
}

impl State {
    pub(in crate::service) fn new(single_key_rules: SingleKeyRules) -> Self {
        Self {
            single_key_rules,
            ..Self::default()
        }
    }

    /// Everything up to this revision has been applied.
    pub(in crate::service) fn revision(&self) -> i64 {
        self.revision
    }

    pub(in crate::service) fn reached(&mut self, revision: i64) {
        self.revision = self.revision.max(revision);
    }

    /// Clears everything: it is a different keyspace.
    pub(in crate::service) fn clear(&mut self) {
        let names: Vec<_> = self.names(b"", None).map(<[u8]>::to_vec).collect();
        self.dirty.extend(names);
        self.entries.clear();
        self.queues.clear();
        self.singles.clear();
        self.leases.clear();
        self.flights.clear();
    }

    /// A listing starts, with events after `base`: entries not confirmed by its end are dropped.
    pub(in crate::service) fn begin_listing(&mut self, base: i64) {
        self.epoch += 1;
        self.base = base;
        self.revision = base;
        for lease in self.leases.values_mut() {
            lease.in_flight = false;
        }
    }

    pub(in crate::service) fn end_listing(&mut self) {
        let stale = self.entries.iter().filter(|(_, e)| e.epoch != self.epoch);
        let stale: Vec<_> = stale.map(|(key, _)| key.clone()).collect();
        for key in stale {
            self.forget(&key);
        }
    }

    /// A key was put. `seen` returns when this gateway first saw it.
    pub(in crate::service) fn put(&mut self, kv: Found, seen: impl Fn(&[u8], i64) -> SystemTime) {
        self.touch(&kv.key.0, kv.mod_revision);
        self.store(kv, seen);
    }

    /// A key was deleted, explicitly or with its lease.
    pub(in crate::service) fn delete(&mut self, key: &[u8], revision: i64) {
        self.touch(key, revision);
        self.drop_until(key, revision);
    }

    /// A read of these keys starts.
    pub(in crate::service) fn begin_read(&mut self, scope: Scope) -> u64 {
        let id = self.next_flight;
        self.next_flight += 1;
        self.flights.push(Flight {
            id,
            scope,
            touched: HashMap::new(),
        });
        id
    }

    /// A read returned the keys at `revision`; `None` if it failed. Keys it did not find are left
    /// to the events, which arrive in any case. Returns whether the read was used: one older than
    /// this listing is not.
    pub(in crate::service) fn end_read(
        &mut self,
        id: u64,
        response: Option<(i64, Vec<Found>)>,
        seen: impl Fn(&[u8], i64) -> SystemTime,
    ) -> bool {
        let Some(at) = self.flights.iter().position(|flight| flight.id == id) else {
            return false;
        };
        let flight = self.flights.swap_remove(at);
        let Some((revision, kvs)) = response else {
            return false;
        };
        // A key that this listing's watch does not cover could stay forever.
        if revision < self.base {
            return false;
        }
        let newer = |key: &[u8]| flight.touched.get(key).is_some_and(|at| *at > revision);
        for kv in kvs.into_iter().filter(|kv| !newer(&kv.key.0)) {
            self.store(kv, &seen);
        }
        true
    }

    /// Reads in flight.
    #[cfg(test)]
    pub(super) fn reads(&self) -> usize {
        self.flights.len()
    }

    fn touch(&mut self, key: &[u8], revision: i64) {
        for flight in &mut self.flights {
            if flight.scope.contains(key) {
                flight.touched.insert(key.to_vec(), revision);
            }
        }
    }

    fn store(&mut self, found: Found, seen: impl Fn(&[u8], i64) -> SystemTime) {
        let key = found.key.0;
        if let Some(entry) = self.entries.get_mut(&key)
            && entry.leased.mod_revision >= found.mod_revision
        {
            entry.epoch = self.epoch;
            return;
        }
        self.forget(&key);
        let Some(lease) = found.lease else {
            return;
        };
        let role = match (queue_of(&key, lease.0), rw_of(&key)) {
            (Some(name), _) => Role::Claim(name.to_vec()),
            (None, Some(rw)) => Role::Rw(rw.name.to_vec(), rw.writes),
            (None, None) => {
                let value = found.value.as_ref().map_or(&[][..], |value| &value.0);
                self.single_key_rules
                    .single(&key, value)
                    .map_or(Role::Other, Role::Single)
            }
        };
        match &role {
            Role::Claim(name) | Role::Rw(name, _) => {
                *self.queues.entry(name.clone()).or_default() += 1;
            }
            Role::Single(_) => {
                self.singles.insert(key.clone());
            }
            Role::Other => {}
        }
        let value = found.value.map(|value| value.0);
        if role != Role::Other {
            self.leases
                .entry(lease.0)
                .or_default()
                .keys
                .insert(key.clone());
        }
        let leased = LeasedKey {
            create_revision: found.create_revision,
            mod_revision: found.mod_revision,
            version: found.version,
            lease: lease.0,
            value: value.filter(|_| role != Role::Other),
            // Values of keys that are not locks are dropped to save memory.
            first_seen: if role == Role::Other {
                SystemTime::now()
            } else {
                seen(&key, found.create_revision)
            },
            key: key.clone(),
        };
        let epoch = self.epoch;
        self.entries.insert(
            key.clone(),
            Entry {
                leased,
                role,
                epoch,
            },
        );
        self.mark_dirty(&key);
    }

    /// Drops a key that no longer existed at `revision`.
    fn drop_until(&mut self, key: &[u8], revision: i64) {
        if self
            .entries
            .get(key)
            .is_some_and(|entry| entry.leased.mod_revision <= revision)
        {
            self.forget(key);
        }
    }

    fn forget(&mut self, key: &[u8]) {
        if !self.entries.contains_key(key) {
            return;
        }
        self.mark_dirty(key);
        let Some(entry) = self.entries.remove(key) else {
            return;
        };
        match &entry.role {
            Role::Claim(name) | Role::Rw(name, _) => {
                if let Some(claims) = self.queues.get_mut(name) {
                    *claims -= 1;
                    if *claims == 0 {
                        self.queues.remove(name);
                    }
                }
            }
            Role::Single(_) => {
                self.singles.remove(key);
            }
            Role::Other => return,
        }
        if let Some(lease) = self.leases.get_mut(&entry.leased.lease) {
            lease.keys.remove(key);
            if lease.keys.is_empty() {
                self.leases.remove(&entry.leased.lease);
            }
        }
    }

    /// Marks the locks affected by a change of this key: its own, and the queues that it blocks.
    fn mark_dirty(&mut self, key: &[u8]) {
        let blocked = blocked_names(key).filter(|name| self.queues.contains_key(*name));
        self.dirty.extend(blocked.map(<[u8]>::to_vec));
        if self.singles.contains(key) {
            self.dirty.insert(key.to_vec());
        }
    }

    /// Takes the names of the changed locks.
    pub(in crate::service) fn take_dirty(&mut self) -> BTreeSet<Vec<u8>> {
        std::mem::take(&mut self.dirty)
    }

    fn under<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = &'a Entry> {
        self.entries
            .range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(_, entry)| entry)
    }

    /// A lock as it is now.
    pub(in crate::service) fn lock(&self, name: &[u8], now: Instant) -> Option<Lock> {
        let time = |lease| self.lease_time(lease, now);
        if self.queues.contains_key(name) {
            let prefix = queue_prefix(name);
            let is_direct = |entry: &&Entry| matches!(&entry.role, Role::Claim(of) if of == name);
            let (direct, nested): (Vec<_>, Vec<_>) = self.under(&prefix).partition(is_direct);
            if !direct.is_empty() {
                return shape::queue(name, &leased(&direct), &leased(&nested), time);
            }
            let of_rw = |entry: &Entry| match &entry.role {
                Role::Rw(of, writes) if of == name => Some(*writes),
                _ => None,
            };
            let claims = nested
                .iter()
                .filter_map(|entry| Some((&entry.leased, of_rw(entry)?)));
            let (claims, mut nested): (Vec<_>, _) = (claims.collect(), nested.clone());
            nested.retain(|entry| of_rw(entry).is_none());
            return shape::rwmutex(name, &claims, &leased(&nested), time);
        }
        let entry = self.entries.get(name)?;
        let Role::Single(certain) = entry.role else {
            return None;
        };
        Some(shape::single(
            &entry.leased,
            certain,
            time(entry.leased.lease),
        ))
    }

    /// Names of locks with `prefix`, in order, after `after`.
    pub(in crate::service) fn names<'a>(
        &'a self,
        prefix: &'a [u8],
        after: Option<&'a [u8]>,
    ) -> impl Iterator<Item = &'a [u8]> {
        let from = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let bounds = (from, Bound::Unbounded);
        let mut queues = self
            .queues
            .range::<[u8], _>(bounds)
            .map(|(name, _)| &name[..])
            .peekable();
        let mut singles = self
            .singles
            .range::<[u8], _>(bounds)
            .map(|name| &name[..])
            .peekable();
        std::iter::from_fn(move || match (queues.peek(), singles.peek()) {
            (Some(a), Some(b)) if a == b => {
                singles.next();
                queues.next()
            }
            (Some(a), Some(b)) if a > b => singles.next(),
            (None, Some(_)) => singles.next(),
            _ => queues.next(),
        })
        .take_while(move |name| name.starts_with(prefix))
    }
}

fn leased<'a>(entries: &[&'a Entry]) -> Vec<&'a LeasedKey> {
    entries.iter().map(|entry| &entry.leased).collect()
}

/// Leases are refreshed after a third of their TTL, within these bounds.
const REFRESH_AFTER: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(2)..=Duration::from_secs(10);

/// The known state of a lock key's lease.
#[derive(Debug, Default)]
struct Lease {
    keys: BTreeSet<Vec<u8>>,
    time: Option<LeaseTime>,
    read_at: Option<Instant>,
    in_flight: bool,
}

impl State {
    /// The remaining TTL of a lease in seconds, counted down since it was last refreshed.
    fn lease_time(&self, lease: i64, now: Instant) -> Option<LeaseTime> {
        let lease = self.leases.get(&lease)?;
        let (time, read_at) = (lease.time?, lease.read_at?);
        let passed = now.saturating_duration_since(read_at).as_secs() as i64;
        Some(LeaseTime {
            ttl: (time.ttl - passed).max(0),
            ..time
        })
    }

    /// etcd's response about a lease; a TTL of −1 means that it no longer exists. Returns whether
    /// the lease keeps a lock.
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
        for (id, lease) in self.leases.iter().filter(|(_, lease)| due(lease)) {
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

#[cfg(test)]
mod tests;
