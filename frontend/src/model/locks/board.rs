//! All locks of the live stream.

use std::collections::{BTreeMap, BTreeSet};

use shared::{Lock, LockKind, LockList, ServerMessage};

use super::claim;
use super::list::is_guess;
use super::tracked::Tracked;
use crate::model::key_text::KeyFilter;
use crate::model::live::Millis;
use crate::model::stream::contains;

/// Limit of remembered free locks. They are remembered since they are often acquired again.
const MAX_FREE_LOCKS: usize = 500;

/// The numbers of locks by kind.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// All except guesses.
    pub(crate) locks: usize,
    /// Mutexes.
    pub(crate) mutexes: usize,
    /// Elections.
    pub(crate) elections: usize,
    /// Readers-writer locks.
    pub(crate) rwmutexes: usize,
    /// Single keys that are locks for certain.
    pub(crate) single_keys: usize,
    /// Keys that may be locks (guesses).
    pub(crate) guesses: usize,
}

/// The locks as observed by this page, by name.
#[derive(Debug, Default)]
pub(crate) struct Board {
    locks: BTreeMap<Vec<u8>, Tracked>,
    /// Locks named so far by the listing after a new connection; the others are free when it ends.
    listing: Option<BTreeSet<Vec<u8>>>,
    lost_at: Option<Millis>,
    listed: bool,
    partial: bool,
    /// Whether plain requests could not list all locks.
    more: bool,
    opened_at: Option<Millis>,
}

impl Board {
    /// A new connection: the stream lists all locks again.
    pub(crate) fn on_connect(&mut self, now: Millis) {
        self.listing = Some(BTreeSet::new());
        self.opened_at.get_or_insert(now);
    }

    /// The connection was lost; the known locks are kept.
    pub(crate) fn on_loss(&mut self, now: Millis) {
        self.lost_at.get_or_insert(now);
    }

    /// Applies a message; returns whether it changed anything that is shown.
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

    /// Whether the first listing is complete.
    pub(crate) fn listed(&self) -> bool {
        self.listed
    }

    /// Whether the gateway is still reading leases from etcd.
    pub(crate) fn partial(&self) -> bool {
        self.partial
    }

    /// Applies a list read by plain requests, where there is no stream. `list` has the locks of all pages that were
    /// read, and a `next` if there are more.
    pub(crate) fn apply_list(&mut self, list: LockList, now: Millis) {
        self.on_connect(now);
        for lock in list.locks {
            self.lock(lock, now);
        }
        self.progress(list.partial, now);
        self.more = list.next.is_some();
    }

    /// Whether there are more locks than listed.
    pub(crate) fn more(&self) -> bool {
        self.more
    }

    /// When this page started to observe locks.
    pub(crate) fn opened_at(&self) -> Option<Millis> {
        self.opened_at
    }

    /// A lock by name; also a free one, if this page has observed it.
    pub(crate) fn get(&self, name: &[u8]) -> Option<&Tracked> {
        self.locks.get(name)
    }

    /// The numbers of locks by kind.
    pub(crate) fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for tracked in self.active() {
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

    /// The locks whose name, holder or waiter contains `text`, ordered by name. Escapes in `text` apply to names.
    pub(crate) fn matching(&self, text: &str) -> impl Iterator<Item = &Lock> {
        let text = text.trim();
        let (name, needle) = (KeyFilter::new(text), text.as_bytes().to_ascii_lowercase());
        self.active()
            .map(|tracked| &tracked.lock)
            .filter(move |lock| matches(lock, &name, &needle))
    }

    /// The names of locks whose holder's lease is about to expire, the soonest first. Guesses are excluded: many
    /// leased keys are meant to expire.
    pub(crate) fn expiring(&self, now: Millis) -> Vec<Vec<u8>> {
        let mut found: Vec<(i64, &Tracked)> = self
            .active()
            .filter(|tracked| !is_guess(&tracked.lock))
            .filter_map(|tracked| Some((tracked.ttl()?, tracked)))
            .filter(|(ttl, _)| ttl.is_expiring(now))
            .map(|(ttl, tracked)| (ttl.seconds_left(now), tracked))
            .collect();
        found.sort_by_key(|(left, _)| *left);
        found
            .into_iter()
            .map(|(_, tracked)| tracked.lock.name.0.clone())
            .collect()
    }

    fn active(&self) -> impl Iterator<Item = &Tracked> {
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
            // The listing is incomplete: the other locks may still be named.
            return changed;
        }
        let lost_at = self.lost_at.take();
        if let Some(named) = self.listing.take() {
            for (name, tracked) in &mut self.locks {
                if !named.contains(name) && !tracked.is_free() {
                    let free = Lock {
                        holder: None,
                        held_since: None,
                        waiters: Some(Vec::new()),
                        readers: Vec::new(),
                        ..tracked.lock.clone()
                    };
                    tracked.update(free, now, lost_at);
                    changed = true;
                }
            }
        }
        changed
    }

    /// Drops the lock that has been free the longest, if there are too many.
    fn forget_oldest(&mut self) {
        let free: Vec<(Millis, &Vec<u8>)> = self
            .locks
            .iter()
            .filter(|(_, tracked)| tracked.is_free())
            .map(|(name, tracked)| (tracked.received, name))
            .collect();
        if free.len() > MAX_FREE_LOCKS {
            let oldest = free.into_iter().min_by(|a, b| a.0.total_cmp(&b.0));
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
