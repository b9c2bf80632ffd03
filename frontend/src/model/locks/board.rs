//! All locks of the stream.

use std::collections::{BTreeMap, BTreeSet};

use shared::{Lock, LockKind, LockList, ServerMessage};

use super::claim;
use super::list::is_guess;
use super::tracked::Tracked;
use crate::model::key_text::KeyFilter;
use crate::model::live::Millis;
use crate::model::stream::contains;

/// Locks that are gone are remembered, for they often come back; so many.
const MAX_FREE_LOCKS: usize = 500;

/// How many locks there are of each kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// All but the guesses.
    pub(crate) locks: usize,
    /// Mutexes.
    pub(crate) mutexes: usize,
    /// Elections.
    pub(crate) elections: usize,
    /// Readers-writer locks.
    pub(crate) rwmutexes: usize,
    /// Single keys that are locks for certain.
    pub(crate) single_keys: usize,
    /// Keys that may be locks.
    pub(crate) guesses: usize,
}

/// The locks as this page has seen them, by name.
#[derive(Debug, Default)]
pub(crate) struct Board {
    locks: BTreeMap<Vec<u8>, Tracked>,
    /// What the listing after a new connection has named so far; the rest is gone when it ends.
    listing: Option<BTreeSet<Vec<u8>>>,
    lost_at: Option<Millis>,
    listed: bool,
    partial: bool,
    /// There are more than could be asked for by plain requests.
    more: bool,
    opened_at: Option<Millis>,
}

impl Board {
    /// A new connection: the stream lists everything again.
    pub(crate) fn connected(&mut self, now: Millis) {
        self.listing = Some(BTreeSet::new());
        self.opened_at.get_or_insert(now);
    }

    /// The connection is lost; what is known stays.
    pub(crate) fn lost(&mut self, now: Millis) {
        self.lost_at.get_or_insert(now);
    }

    /// Takes a message; whether it changed anything that is shown.
    pub(crate) fn apply(&mut self, message: ServerMessage, now: Millis) -> bool {
        match message {
            ServerMessage::Lock(lock) => {
                self.lock(lock, now);
                true
            }
            ServerMessage::LocksProgress { partial, .. } => self.progress(partial, now),
            _ => false,
        }
    }

    /// Whether a first listing is complete.
    pub(crate) fn listed(&self) -> bool {
        self.listed
    }

    /// Whether the gateway still asks etcd about leases.
    pub(crate) fn partial(&self) -> bool {
        self.partial
    }

    /// Takes what plain requests listed, where there is no stream: `list` has the locks of all their pages,
    /// and a `next` where there are more.
    pub(crate) fn apply_list(&mut self, list: LockList, now: Millis) {
        self.connected(now);
        for lock in list.locks {
            self.lock(lock, now);
        }
        self.progress(list.partial, now);
        self.more = list.next.is_some();
    }

    /// Whether there are more locks than are known here.
    pub(crate) fn more(&self) -> bool {
        self.more
    }

    /// When this page began to look.
    pub(crate) fn opened_at(&self) -> Option<Millis> {
        self.opened_at
    }

    /// A lock by name; one that is gone too, if this page has seen it.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&Tracked> {
        self.locks.get(name)
    }

    /// How many locks there are.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for tracked in self.present() {
            if is_guess(&tracked.lock) {
                counts.guesses += 1;
                continue;
            }
            counts.locks += 1;
            *match tracked.lock.kind {
                LockKind::Mutex => &mut counts.mutexes,
                LockKind::Election => &mut counts.elections,
                LockKind::Rwmutex => &mut counts.rwmutexes,
                LockKind::SingleKey => &mut counts.single_keys,
            } += 1;
        }
        counts
    }

    /// The locks whose name, holder or waiter contains `text`, by name; in a name its escapes count.
    pub(crate) fn matching(&self, text: &str) -> impl Iterator<Item = &Lock> {
        let text = text.trim();
        let (name, needle) = (KeyFilter::new(text), text.as_bytes().to_ascii_lowercase());
        self.present()
            .map(|tracked| &tracked.lock)
            .filter(move |lock| matches(lock, &name, &needle))
    }

    /// The names of locks whose holder's lease is nearly out, the shortest first. Of a key that may be no
    /// lock nothing follows from that: many are meant to run out.
    pub(crate) fn expiring(&self, now: Millis) -> Vec<Vec<u8>> {
        let mut found: Vec<(i64, &Tracked)> = self
            .present()
            .filter(|tracked| !is_guess(&tracked.lock))
            .filter_map(|tracked| Some((tracked.ttl()?, tracked)))
            .filter(|(ttl, _)| ttl.is_expiring(now))
            .map(|(ttl, tracked)| (ttl.left(now), tracked))
            .collect();
        found.sort_by_key(|(left, _)| *left);
        found
            .into_iter()
            .map(|(_, tracked)| tracked.lock.name.0.clone())
            .collect()
    }

    fn present(&self) -> impl Iterator<Item = &Tracked> {
        self.locks.values().filter(|tracked| !tracked.is_free())
    }

    fn lock(&mut self, lock: Lock, now: Millis) {
        let lost_at = self.lost_at.filter(|_| self.listing.is_some());
        let name = lock.name.0.clone();
        if let Some(listing) = &mut self.listing {
            listing.insert(name.clone());
        }
        if let Some(tracked) = self.locks.get_mut(&name) {
            tracked.update(lock, now, lost_at);
        } else {
            self.locks.insert(name, Tracked::new(lock, now));
            self.forget_oldest();
        }
    }

    fn progress(&mut self, partial: bool, now: Millis) -> bool {
        let mut changed = !self.listed || self.partial != partial || self.more;
        self.listed = true;
        self.partial = partial;
        self.more = false;
        if partial {
            // The listing goes on: what it has not named so far may still come.
            return changed;
        }
        let lost_at = self.lost_at.take();
        if let Some(named) = self.listing.take() {
            for (name, tracked) in &mut self.locks {
                if !named.contains(name) && !tracked.is_free() {
                    let gone = Lock {
                        holder: None,
                        held_since: None,
                        waiters: Some(Vec::new()),
                        readers: Vec::new(),
                        ..tracked.lock.clone()
                    };
                    tracked.update(gone, now, lost_at);
                    changed = true;
                }
            }
        }
        changed
    }

    /// Forgets the locks that have been gone longest, where there are too many.
    fn forget_oldest(&mut self) {
        let gone: Vec<(Millis, &Vec<u8>)> = self
            .locks
            .iter()
            .filter(|(_, tracked)| tracked.is_free())
            .map(|(name, tracked)| (tracked.received, name))
            .collect();
        if gone.len() > MAX_FREE_LOCKS {
            let oldest = gone.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
            if let Some(name) = oldest.map(|(_, name)| name.clone()) {
                self.locks.remove(&name);
            }
        }
    }
}

fn matches(lock: &Lock, name: &KeyFilter, needle: &[u8]) -> bool {
    let claims = lock.holder.iter().chain(lock.waiters.iter().flatten());
    name.matches(&lock.name.0)
        || claims
            .into_iter()
            .any(|owner| contains(claim::label(owner).0.as_bytes(), needle))
}
