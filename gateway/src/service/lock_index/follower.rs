//! What a client follows: locks as they change, the latest state of each.
//!
//! A slow client misses states in between, never the last one: each stream keeps the names that
//! changed, not messages.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use shared::{LockKind, ServerMessage};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::{Index, Progress};
use crate::service::lock::shape;

/// Longest silence; clients count on ten seconds.
const HEARTBEAT: Duration = Duration::from_secs(8);
/// How soon a stream says how far the first listing is, if that is still going on.
const FIRST_WORD: Duration = Duration::from_secs(1);
/// Locks described in one go.
const BATCH: usize = 64;

/// Which locks a stream is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Names that begin so; all of them for an empty one.
    Prefix(Vec<u8>),
    /// This name.
    Name(Vec<u8>),
}

impl Filter {
    /// What every key it is about begins with.
    pub(super) fn prefix(&self) -> &[u8] {
        match self {
            Self::Prefix(prefix) => prefix,
            Self::Name(name) => name,
        }
    }

    pub(super) fn wants(&self, name: &[u8]) -> bool {
        match self {
            Self::Prefix(prefix) => name.starts_with(prefix),
            Self::Name(only) => name == only,
        }
    }
}

/// The streams of one index.
#[derive(Debug, Default)]
pub(super) struct Subscribers {
    next: u64,
    all: HashMap<u64, Subscriber>,
}

#[derive(Debug)]
struct Subscriber {
    filter: Filter,
    dirty: BTreeSet<Vec<u8>>,
    wake: Arc<Notify>,
}

impl Subscribers {
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// Whether any stream is about this lock.
    pub(super) fn want(&self, name: &[u8]) -> bool {
        self.all.values().any(|one| one.filter.wants(name))
    }

    /// These locks changed.
    pub(super) fn tell(&mut self, names: &BTreeSet<Vec<u8>>) {
        for one in self.all.values_mut() {
            let before = one.dirty.len();
            one.dirty
                .extend(names.iter().filter(|name| one.filter.wants(name)).cloned());
            if one.dirty.len() > before {
                one.wake.notify_one();
            }
        }
    }
}

/// A client's view of an index. Begins with every lock there is.
#[derive(Debug)]
pub struct LockStream {
    index: Arc<Index>,
    id: u64,
    filter: Filter,
    wake: Arc<Notify>,
    progress: watch::Receiver<Progress>,
    ready: VecDeque<ServerMessage>,
    /// Locks the client knows of, with what it was told they are.
    known: BTreeMap<Vec<u8>, (LockKind, bool)>,
    /// The lock that could not be read when the stream began: until the listing is complete nobody knows
    /// whether it is held.
    unknown: Option<Vec<u8>>,
    /// The client was told that the listing is complete.
    told_listed: bool,
    /// The client was told that etcd cannot be followed.
    told_failure: bool,
    heartbeat: Instant,
}

impl Drop for LockStream {
    fn drop(&mut self) {
        let mut shared = self.index.lock();
        shared.subscribers.all.remove(&self.id);
        shared.last_used = Instant::now();
    }
}

impl LockStream {
    /// `read` says whether the one lock that it is about has been read.
    pub(super) fn open(index: Arc<Index>, filter: Filter, read: bool) -> Self {
        let wake = Arc::new(Notify::new());
        let mut known = BTreeMap::new();
        let mut unknown = None;
        let mut shared = index.lock();
        let dirty = match &filter {
            Filter::Prefix(prefix) => shared
                .state
                .names(prefix, None)
                .map(<[u8]>::to_vec)
                .collect(),
            Filter::Name(name) => {
                // Whoever follows one lock is told also that nobody holds it.
                known.insert(name.clone(), (LockKind::Mutex, false));
                if read {
                    BTreeSet::from([name.clone()])
                } else {
                    unknown = Some(name.clone());
                    BTreeSet::new()
                }
            }
        };
        let id = shared.subscribers.next;
        shared.subscribers.next += 1;
        let subscriber = Subscriber {
            filter: filter.clone(),
            dirty,
            wake: Arc::clone(&wake),
        };
        shared.subscribers.all.insert(id, subscriber);
        drop(shared);
        wake.notify_one();
        Self {
            progress: index.progress.subscribe(),
            index,
            id,
            filter,
            wake,
            ready: VecDeque::new(),
            known,
            unknown,
            told_listed: false,
            told_failure: false,
            heartbeat: Instant::now() + FIRST_WORD,
        }
    }

    /// The next message: a `lock`, or `locks_progress` once all have been said and then at least
    /// every ten seconds, or `error` when etcd cannot be followed for now. `None` when the gateway stops. Loses nothing when dropped in between.
    pub async fn next(&mut self) -> Option<ServerMessage> {
        loop {
            if let Some(message) = self.ready.pop_front() {
                return Some(message);
            }
            if self.describe() {
                continue;
            }
            let progress = self.progress.borrow_and_update().clone();
            if progress.ended {
                let failure = progress.failure.filter(|_| !self.told_failure)?;
                self.told_failure = true;
                return Some(ServerMessage::Error {
                    id: None,
                    code: failure.code,
                    detail: failure.detail,
                });
            }
            if progress.listed && !self.told_listed {
                if let Some(name) = self.unknown.take() {
                    self.index.lock().subscribers.tell(&BTreeSet::from([name]));
                }
                // What was listed before this was seen may not have been said yet.
                if self.describe() {
                    continue;
                }
                self.told_listed = true;
                return Some(self.locks_progress(&progress));
            }
            if progress.failure.is_some() != self.told_failure {
                self.told_failure = progress.failure.is_some();
                if let Some(failure) = progress.failure {
                    return Some(ServerMessage::Error {
                        id: None,
                        code: failure.code,
                        detail: failure.detail,
                    });
                }
                return Some(self.locks_progress(&progress));
            }
            let told = (self.told_listed, self.told_failure);
            tokio::select! {
                () = self.wake.notified() => {}
                () = sleep_until(self.heartbeat) => {
                    let progress = self.progress.borrow().clone();
                    return Some(self.locks_progress(&progress));
                }
                changed = until_noteworthy(&mut self.progress, told) => {
                    changed?;
                }
            }
        }
    }

    fn locks_progress(&mut self, progress: &Progress) -> ServerMessage {
        self.heartbeat = Instant::now() + HEARTBEAT;
        ServerMessage::LocksProgress {
            revision: progress.revision,
            partial: !progress.listed || progress.limited,
        }
    }

    /// Turns names that changed into messages; whether there was any.
    fn describe(&mut self) -> bool {
        let now = Instant::now();
        let mut shared = self.index.lock();
        let Some(own) = shared.subscribers.all.get_mut(&self.id) else {
            return false;
        };
        let mut names = Vec::new();
        while names.len() < BATCH
            && let Some(name) = own.dirty.pop_first()
        {
            names.push(name);
        }
        let any = !names.is_empty();
        for name in names {
            let message = if let Some(lock) = shared.state.lock(&name, now) {
                self.known.insert(name, (lock.kind, lock.certain));
                lock
            } else {
                // Gone: said once, and only to whoever knows it; a single name stays known.
                let Some((kind, certain)) = self.known.get(&name).copied() else {
                    continue;
                };
                let gone = shape::gone(&name, kind, certain);
                if matches!(self.filter, Filter::Prefix(_)) {
                    self.known.remove(&name);
                }
                gone
            };
            self.ready.push_back(ServerMessage::Lock(message));
        }
        any
    }
}

/// Resolves when the first listing is complete, a failure comes or goes, as far as the client has not
/// been told, or the index has ended; `None` when none of it can happen any more.
async fn until_noteworthy(
    progress: &mut watch::Receiver<Progress>,
    (listed, failed): (bool, bool),
) -> Option<()> {
    let noteworthy = |progress: &Progress| {
        progress.ended || (progress.listed && !listed) || progress.failure.is_some() != failed
    };
    progress.wait_for(noteworthy).await.ok().map(|_| ())
}
