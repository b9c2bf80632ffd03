//! The pure part of a board: its leases, which of them to read next, and what each viewer has not received yet.
//!
//! A lease that is missing from one list may still exist: each member of etcd lists what it has applied so far. So it
//! is read, and ends here only when etcd responds that there is no such lease.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use shared::{LeaseChanges, LeaseId, LiveLease};
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::service::lock::shape::LeaseTime;
use crate::service::lock_index::LeaseFacts;

/// The limit on leases of a board; of more, the first by id.
pub(super) const MAX_LEASES: usize = 10_000;
/// The limit on leases in one message.
const BATCH: usize = 256;
/// A visible lease is read again after a third of its TTL, within these bounds.
const VISIBLE_AFTER: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(2)..=Duration::from_secs(10);
/// Another lease is read again after this long,
const REST_AFTER: Duration = Duration::from_mins(1);
/// or once its TTL has passed, which shows that it was renewed, but not before this long.
const EXPIRED_AFTER: Duration = Duration::from_secs(10);
/// How long a lease that has ended is ignored in lists: a member that lags behind may still list it.
const LAG: Duration = Duration::from_secs(5);

/// A lease.
#[derive(Debug, Default)]
struct Row {
    time: Option<Reading>,
    facts: Option<LeaseFacts>,
    in_flight: bool,
    /// Missing from the last list.
    absent: bool,
}

/// A reading of a TTL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) time: LeaseTime,
    pub(super) at: Instant,
    /// The same time, in milliseconds since the Unix epoch.
    pub(super) at_ms: i64,
}

impl Reading {
    /// The TTL that is left, in seconds; negative after its end.
    fn left(&self, now: Instant) -> i64 {
        self.time.ttl - now.saturating_duration_since(self.at).as_secs() as i64
    }
}

/// Why a lease leaves the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Left {
    /// etcd responds that there is no such lease.
    Gone,
    /// The account may read none of its keys any more.
    Hidden,
}

/// A viewer's state.
#[derive(Debug, Default)]
struct Viewer {
    visible: HashSet<i64>,
    /// Leases to send: new or changed.
    dirty: BTreeSet<i64>,
    /// Leases that the client has received.
    known: HashSet<i64>,
    left: BTreeMap<i64, Left>,
    wake: Arc<Notify>,
}

/// The leases of a board and its viewers.
#[derive(Debug, Default)]
pub(super) struct State {
    rows: BTreeMap<i64, Row>,
    ended: HashMap<i64, Instant>,
    viewers: HashMap<u64, Viewer>,
    next_viewer: u64,
}

impl State {
    /// Adds a viewer, who is to receive every lease.
    pub(super) fn open(&mut self, wake: Arc<Notify>) -> u64 {
        let id = self.next_viewer;
        self.next_viewer += 1;
        let viewer = Viewer {
            dirty: self.rows.keys().copied().collect(),
            wake,
            ..Viewer::default()
        };
        viewer.wake.notify_one();
        self.viewers.insert(id, viewer);
        id
    }

    pub(super) fn close(&mut self, viewer: u64) {
        self.viewers.remove(&viewer);
    }

    pub(super) fn has_viewers(&self) -> bool {
        !self.viewers.is_empty()
    }

    /// The leases that a viewer shows now.
    pub(super) fn show(&mut self, viewer: u64, ids: &[LeaseId]) {
        if let Some(viewer) = self.viewers.get_mut(&viewer) {
            viewer.visible = ids.iter().map(|id| id.0).collect();
        }
    }

    /// The next message to a viewer, if there is anything to send.
    pub(super) fn take_changes(&mut self, viewer: u64, now_ms: i64) -> Option<LeaseChanges> {
        let viewer = self.viewers.get_mut(&viewer)?;
        let mut changes = LeaseChanges {
            now: now_ms,
            ..LeaseChanges::default()
        };
        for (id, left) in std::mem::take(&mut viewer.left) {
            match left {
                Left::Gone => changes.gone.push(LeaseId(id)),
                Left::Hidden => changes.hidden.push(LeaseId(id)),
            }
        }
        while changes.leases.len() < BATCH
            && let Some(id) = viewer.dirty.pop_first()
        {
            if let Some(row) = self.rows.get(&id) {
                viewer.known.insert(id);
                changes.leases.push(row.lease(id));
            }
        }
        let any =
            !(changes.leases.is_empty() && changes.gone.is_empty() && changes.hidden.is_empty());
        any.then_some(changes)
    }

    fn mark(&mut self, id: i64) {
        for viewer in self.viewers.values_mut() {
            viewer.dirty.insert(id);
            viewer.wake.notify_one();
        }
    }

    fn remove(&mut self, id: i64, left: Left) {
        self.rows.remove(&id);
        for viewer in self.viewers.values_mut() {
            viewer.dirty.remove(&id);
            if viewer.known.remove(&id) {
                viewer.left.insert(id, left);
                viewer.wake.notify_one();
            }
        }
    }

    /// The leases of a list, in order and at most [`MAX_LEASES`]; only of a `complete` one others are missing. Returns
    /// the new ones.
    pub(super) fn list(&mut self, ids: &[i64], complete: bool, now: Instant) -> Vec<i64> {
        self.ended
            .retain(|_, at| now.saturating_duration_since(*at) < LAG);
        let listed: HashSet<i64> = ids.iter().copied().collect();
        for (id, row) in &mut self.rows {
            row.absent = complete && !listed.contains(id);
        }
        let mut new = Vec::new();
        for id in ids {
            if self.rows.len() < MAX_LEASES
                && !self.rows.contains_key(id)
                && !self.ended.contains_key(id)
            {
                self.rows.insert(*id, Row::default());
                self.mark(*id);
                new.push(*id);
            }
        }
        new
    }

    /// Every lease leaves the list: the account's permissions have changed.
    pub(super) fn hide_all(&mut self) {
        let ids: Vec<i64> = self.rows.keys().copied().collect();
        for id in ids {
            self.remove(id, Left::Hidden);
        }
    }

    /// What the keys of a lease show, and a reading that was made elsewhere.
    pub(super) fn learn(&mut self, id: i64, facts: Option<LeaseFacts>, reading: Option<Reading>) {
        let Some(row) = self.rows.get_mut(&id) else {
            return;
        };
        // What was known stays until it is known again: the index may be listing again.
        let changed = facts.is_some() && row.facts != facts;
        if changed {
            row.facts = facts;
        }
        let renewed = reading.is_some_and(|reading| row.read(reading));
        if changed || renewed {
            self.mark(id);
        }
    }

    /// etcd's response about a lease. `listed_by_keys` says that a lease is visible only by its keys: without any, it
    /// is hidden.
    pub(super) fn read(&mut self, id: i64, reading: Reading, listed_by_keys: bool) {
        let Some(row) = self.rows.get_mut(&id) else {
            return;
        };
        row.in_flight = false;
        if reading.time.ttl < 0 {
            self.ended.insert(id, reading.at);
            self.remove(id, Left::Gone);
        } else if row.absent && listed_by_keys {
            self.remove(id, Left::Hidden);
        } else if row.read(reading) {
            self.mark(id);
        }
    }

    /// The request about a lease failed: it is due again.
    pub(super) fn read_failed(&mut self, id: i64) {
        if let Some(row) = self.rows.get_mut(&id) {
            row.in_flight = false;
        }
    }

    /// Leases to read now, at most `most`: those that are missing from a list, those that a viewer shows, those that
    /// were never read, and `rest` of the others. `skip_new` leaves out the third: another reader will read them.
    pub(super) fn take_due(
        &mut self,
        now: Instant,
        most: usize,
        rest: usize,
        skip_new: bool,
    ) -> Vec<i64> {
        let visible: HashSet<i64> = self
            .viewers
            .values()
            .flat_map(|viewer| viewer.visible.iter().copied())
            .collect();
        let mut shown: Vec<(bool, Option<Instant>, i64)> = Vec::new();
        let (mut new, mut others) = (Vec::new(), Vec::new());
        for (id, row) in self.rows.iter().filter(|(_, row)| !row.in_flight) {
            let at = row.time.map(|reading| reading.at);
            if row.absent {
                shown.push((false, at, *id));
            } else if visible.contains(id) {
                if row.is_due(now) {
                    shown.push((true, at, *id));
                }
            } else if at.is_none() {
                if !skip_new {
                    new.push(*id);
                }
            } else if row.is_rarely_due(now) {
                others.push((at, *id));
            }
        }
        shown.sort_unstable();
        others.sort_unstable();
        let shown = shown.into_iter().map(|(_, _, id)| id);
        let others = others.into_iter().map(|(_, id)| id).take(rest);
        let due: Vec<i64> = shown.chain(new).chain(others).take(most).collect();
        for id in &due {
            if let Some(row) = self.rows.get_mut(id) {
                row.in_flight = true;
            }
        }
        due
    }

    pub(super) fn ids(&self) -> impl Iterator<Item = i64> {
        self.rows.keys().copied()
    }

    pub(super) fn len(&self) -> usize {
        self.rows.len()
    }

    /// Whether some TTL was never read.
    pub(super) fn any_unread(&self) -> bool {
        self.rows.values().any(|row| row.time.is_none())
    }
}

impl Row {
    /// Takes a reading; returns whether a client would notice: one that counts down knows it already otherwise.
    fn read(&mut self, reading: Reading) -> bool {
        let before = self.time;
        if before.is_some_and(|before| before.at >= reading.at) {
            return false;
        }
        self.time = Some(reading);
        // Seconds are rounded down: a difference of one is none.
        before.is_none_or(|before| {
            before.time.granted != reading.time.granted
                || before.left(reading.at).abs_diff(reading.time.ttl) > 1
        })
    }

    fn age(&self, now: Instant) -> Option<Duration> {
        self.time
            .map(|reading| now.saturating_duration_since(reading.at))
    }

    fn is_due(&self, now: Instant) -> bool {
        let granted = self.time.map_or(0, |reading| reading.time.granted.max(0));
        let third = Duration::from_secs(granted as u64) / 3;
        let wait = third.clamp(*VISIBLE_AFTER.start(), *VISIBLE_AFTER.end());
        self.age(now).is_none_or(|age| age >= wait)
    }

    fn is_rarely_due(&self, now: Instant) -> bool {
        self.age(now).is_none_or(|age| {
            let expired = self.time.is_some_and(|reading| reading.left(now) < 0);
            age >= REST_AFTER || (expired && age >= EXPIRED_AFTER)
        })
    }

    fn lease(&self, id: i64) -> LiveLease {
        let facts = self.facts.as_ref();
        let key = |key: Option<&Vec<u8>>| key.map(|key| key.as_slice().into());
        LiveLease {
            id: LeaseId(id),
            ttl: self.time.map(|reading| reading.time.ttl),
            granted_ttl: self.time.map(|reading| reading.time.granted),
            read_at: self.time.map(|reading| reading.at_ms),
            key_count: facts.map(|facts| facts.keys),
            kinds: facts.map(|facts| facts.kinds.clone()),
            first_key: facts.and_then(|facts| key(facts.first_key.as_ref())),
            queue: facts.and_then(|facts| key(facts.queue.as_ref())),
            holder: facts.and_then(|facts| facts.holder.clone()),
        }
    }
}

#[cfg(test)]
mod tests;
