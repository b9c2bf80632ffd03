//! The pure part of the index: it turns leased keys into locks, and keeps the TTLs of their leases: the
//! last response of etcd, what is left of it, and which lease to refresh next.
//!
//! The module uses no etcd and no task. Late and duplicate input has no effect: every key is ordered by its mod
//! revision, and events of a key take precedence over a read of it that is in flight (a [`Flight`]).
//!
//! [`leases`] is the part about leases.

mod leases;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::time::SystemTime;

use shared::{Entry as Found, Lock};
use tokio::time::Instant;

pub(in crate::service) use self::leases::LeaseFacts;
use self::leases::{Changes, Lease};
use crate::etcd::Range;
use crate::service::lock::names::{
    SingleKeyRules, blocked_names, is_registration, queue_of, queue_prefix, rw_of,
};
use crate::service::lock::shape::{self, LeasedKey};

/// The role of a leased key.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Role {
    /// A claim in the queue of this name.
    Claim(Vec<u8>),
    /// A claim on the readers-writer lock of this name; whether it is a writer's.
    Rw(Vec<u8>, bool),
    /// A single-key lock; whether that is certain.
    Single(bool),
    /// Not a lock, but it may block one: a registration of a service.
    Service,
    /// Not a lock, but it may block one.
    Other,
}

impl Role {
    fn is_lock(&self) -> bool {
        !matches!(self, Self::Service | Self::Other)
    }
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
    /// Leases that the listing has read, with their number of keys then; empty once it is complete.
    listed: HashMap<i64, usize>,
    lease_changes: Changes,
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
        self.listed.clear();
        self.flights.clear();
    }

    /// A listing starts, with events after `base`: entries not confirmed by its end are dropped.
    pub(in crate::service) fn begin_listing(&mut self, base: i64) {
        self.epoch += 1;
        self.base = base;
        self.revision = base;
        self.listed.clear();
        for lease in self.leases.values_mut() {
            lease.in_flight = false;
        }
    }

    pub(in crate::service) fn end_listing(&mut self) {
        self.listed.clear();
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
                match self.single_key_rules.single(&key, value) {
                    Some(certain) => Role::Single(certain),
                    None if is_registration(&key, value) => Role::Service,
                    None => Role::Other,
                }
            }
        };
        match &role {
            Role::Claim(name) | Role::Rw(name, _) => {
                *self.queues.entry(name.clone()).or_default() += 1;
            }
            Role::Single(_) => {
                self.singles.insert(key.clone());
            }
            Role::Service | Role::Other => {}
        }
        let value = found.value.map(|value| value.0);
        let of_lease = self.leases.entry(lease.0).or_default();
        of_lease.keys_mut(&role).insert(key.clone());
        self.lease_changes.add(lease.0);
        let leased = LeasedKey {
            create_revision: found.create_revision,
            mod_revision: found.mod_revision,
            version: found.version,
            lease: lease.0,
            value: value.filter(|_| role.is_lock()),
            // Values of keys that are not locks are dropped to save memory.
            first_seen: if role.is_lock() {
                seen(&key, found.create_revision)
            } else {
                SystemTime::now()
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
            Role::Service | Role::Other => {}
        }
        self.lease_changes.add(entry.leased.lease);
        if let Some(lease) = self.leases.get_mut(&entry.leased.lease) {
            lease.keys_mut(&entry.role).remove(key);
            if lease.key_count() == 0 {
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

#[cfg(test)]
mod tests;
