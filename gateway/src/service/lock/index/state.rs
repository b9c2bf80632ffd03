//! Leased keys in, locks out: the pure part of the index.
//!
//! It knows no etcd and no task. Whatever reaches it late or twice changes
//! nothing: every key goes by its mod revision, and a read that ran while events of its keys came in
//! (a [`Flight`]) yields to them.

mod times;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::ops::Bound;
use std::time::SystemTime;

use shared::{Entry as Found, Lock};
use tokio::time::Instant;

use self::times::Lease;
use super::super::names::{Marks, names_blocked, queue_of, queue_prefix, rw_of};
use super::super::shape::{self, Held};
use crate::etcd::Range;

/// What a leased key is.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Role {
    /// It stands in the queue of this name.
    Claim(Vec<u8>),
    /// It belongs to the readers-writer lock of this name; whether it asks to write.
    Rw(Vec<u8>, bool),
    /// It is a lock by itself; whether that is certain.
    Single(bool),
    /// No lock, but it may block one.
    Other,
}

#[derive(Debug)]
struct Entry {
    held: Held,
    role: Role,
    /// The listing that saw it, or during which it came.
    epoch: u32,
}

/// Keys that are being read while events come in.
#[derive(Debug)]
struct Flight {
    id: u64,
    scope: Scope,
    /// Keys of the scope that changed since, at these revisions.
    touched: HashMap<Vec<u8>, i64>,
}

/// Which keys a read covers.
#[derive(Clone, Debug)]
pub(in super::super) enum Scope {
    /// These keys.
    Keys(HashSet<Vec<u8>>),
    /// The queue of a name, with all that is nested in it, and the key of that name.
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

/// Every leased key of a keyspace, arranged as locks.
#[derive(Debug, Default)]
pub(in super::super) struct State {
    marks: Marks,
    entries: BTreeMap<Vec<u8>, Entry>,
    /// Queues and readers-writer locks by name, with how many keys stand directly in them.
    queues: BTreeMap<Vec<u8>, u32>,
    /// Keys that are locks by themselves.
    singles: BTreeSet<Vec<u8>>,
    leases: HashMap<i64, Lease>,
    flights: Vec<Flight>,
    next_flight: u64,
    dirty: BTreeSet<Vec<u8>>,
    revision: i64,
    /// Events come from behind this revision.
    base: i64,
    epoch: u32,
}

impl State {
    pub(in super::super) fn new(marks: Marks) -> Self {
        Self {
            marks,
            ..Self::default()
        }
    }

    /// Everything up to this revision has been applied.
    pub(in super::super) fn revision(&self) -> i64 {
        self.revision
    }

    pub(in super::super) fn reached(&mut self, revision: i64) {
        self.revision = self.revision.max(revision);
    }

    /// Forgets everything: the keyspace is another one.
    pub(in super::super) fn clear(&mut self) {
        let names: Vec<_> = self.names(b"", None).map(<[u8]>::to_vec).collect();
        self.dirty.extend(names);
        self.entries.clear();
        self.queues.clear();
        self.singles.clear();
        self.leases.clear();
        self.flights.clear();
    }

    /// A listing begins, and events come from behind `base`: what is not confirmed is gone at its end.
    pub(in super::super) fn begin_listing(&mut self, base: i64) {
        self.epoch += 1;
        self.base = base;
        self.revision = base;
        for lease in self.leases.values_mut() {
            lease.asking = false;
        }
    }

    pub(in super::super) fn end_listing(&mut self) {
        let stale = self.entries.iter().filter(|(_, e)| e.epoch != self.epoch);
        let stale: Vec<_> = stale.map(|(key, _)| key.clone()).collect();
        for key in stale {
            self.forget(&key);
        }
    }

    /// A key was put. `seen` says when this gateway first saw it.
    pub(in super::super) fn put(&mut self, kv: Found, seen: impl Fn(&[u8], i64) -> SystemTime) {
        self.touch(&kv.key.0, kv.mod_revision);
        self.store(kv, seen);
    }

    /// A key was deleted, by hand or with its lease.
    pub(in super::super) fn delete(&mut self, key: &[u8], revision: i64) {
        self.touch(key, revision);
        self.drop_until(key, revision);
    }

    /// A read of these keys begins.
    pub(in super::super) fn begin_read(&mut self, scope: Scope) -> u64 {
        let id = self.next_flight;
        self.next_flight += 1;
        self.flights.push(Flight {
            id,
            scope,
            touched: HashMap::new(),
        });
        id
    }

    /// A read came back with what there was at `revision`; without it, it failed. What it did not find
    /// is left to the events, which come in any case. Whether it counts: what is older than this listing
    /// does not.
    pub(in super::super) fn end_read(
        &mut self,
        id: u64,
        answer: Option<(i64, Vec<Found>)>,
        seen: impl Fn(&[u8], i64) -> SystemTime,
    ) -> bool {
        let Some(at) = self.flights.iter().position(|flight| flight.id == id) else {
            return false;
        };
        let flight = self.flights.swap_remove(at);
        let Some((revision, kvs)) = answer else {
            return false;
        };
        // What this listing's watch does not cover could stay for ever.
        if revision < self.base {
            return false;
        }
        let newer = |key: &[u8]| flight.touched.get(key).is_some_and(|at| *at > revision);
        for kv in kvs.into_iter().filter(|kv| !newer(&kv.key.0)) {
            self.store(kv, &seen);
        }
        true
    }

    /// Reads under way.
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
            && entry.held.mod_revision >= found.mod_revision
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
            (None, None) => self.marks.single(&key).map_or(Role::Other, Role::Single),
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
        let held = Held {
            create_revision: found.create_revision,
            mod_revision: found.mod_revision,
            version: found.version,
            lease: lease.0,
            value: value.filter(|_| role != Role::Other),
            // Keys that are no locks would crowd the locks out of the memory.
            first_seen: if role == Role::Other {
                SystemTime::now()
            } else {
                seen(&key, found.create_revision)
            },
            key: key.clone(),
        };
        let epoch = self.epoch;
        self.entries
            .insert(key.clone(), Entry { held, role, epoch });
        self.mark_dirty(&key);
    }

    /// Drops a key that was no more at `revision`.
    fn drop_until(&mut self, key: &[u8], revision: i64) {
        if self
            .entries
            .get(key)
            .is_some_and(|entry| entry.held.mod_revision <= revision)
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
        if let Some(lease) = self.leases.get_mut(&entry.held.lease) {
            lease.keys.remove(key);
            if lease.keys.is_empty() {
                self.leases.remove(&entry.held.lease);
            }
        }
    }

    /// The locks that a change of this key changes: its own, and the queues it stands in the way of.
    fn mark_dirty(&mut self, key: &[u8]) {
        let blocked = names_blocked(key).filter(|name| self.queues.contains_key(*name));
        self.dirty.extend(blocked.map(<[u8]>::to_vec));
        if self.singles.contains(key) {
            self.dirty.insert(key.to_vec());
        }
    }

    /// Takes the names of the locks that changed.
    pub(in super::super) fn take_dirty(&mut self) -> BTreeSet<Vec<u8>> {
        std::mem::take(&mut self.dirty)
    }

    fn under<'a>(&'a self, prefix: &'a [u8]) -> impl Iterator<Item = &'a Entry> {
        self.entries
            .range::<[u8], _>((Bound::Included(prefix), Bound::Unbounded))
            .take_while(move |(key, _)| key.starts_with(prefix))
            .map(|(_, entry)| entry)
    }

    /// A lock as it is now.
    pub(in super::super) fn lock(&self, name: &[u8], now: Instant) -> Option<Lock> {
        let time = |lease| self.lease_time(lease, now);
        if self.queues.contains_key(name) {
            let prefix = queue_prefix(name);
            let is_direct = |entry: &&Entry| matches!(&entry.role, Role::Claim(of) if of == name);
            let (direct, nested): (Vec<_>, Vec<_>) = self.under(&prefix).partition(is_direct);
            if !direct.is_empty() {
                return shape::queue(name, &held(&direct), &held(&nested), time);
            }
            let of_rw = |entry: &Entry| match &entry.role {
                Role::Rw(of, writes) if of == name => Some(*writes),
                _ => None,
            };
            let claims = nested
                .iter()
                .filter_map(|entry| Some((&entry.held, of_rw(entry)?)));
            let (claims, mut nested): (Vec<_>, _) = (claims.collect(), nested.clone());
            nested.retain(|entry| of_rw(entry).is_none());
            return shape::rwmutex(name, &claims, &held(&nested), time);
        }
        let entry = self.entries.get(name)?;
        let Role::Single(certain) = entry.role else {
            return None;
        };
        Some(shape::single(&entry.held, certain, time(entry.held.lease)))
    }

    /// Names of locks that begin with `prefix`, in order, behind `after`.
    pub(in super::super) fn names<'a>(
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

fn held<'a>(entries: &[&'a Entry]) -> Vec<&'a Held> {
    entries.iter().map(|entry| &entry.held).collect()
}
