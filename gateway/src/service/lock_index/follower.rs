//! Streams of lock changes, with the latest state of each lock.
//!
//! A slow reader misses intermediate states, never the last one: each stream keeps the names that
//! changed, not messages.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use shared::{LockKind, ServerMessage};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::{Index, Progress};
use crate::identity::Identity;
use crate::service::lock::{Inner, shape};

/// The heartbeat interval; clients rely on ten seconds at most.
const HEARTBEAT: Duration = Duration::from_secs(8);
/// How soon a stream reports the progress of the first listing, if that is still running.
const FIRST_PROGRESS: Duration = Duration::from_secs(1);
/// Locks described per batch.
const BATCH: usize = 64;

/// Which locks a stream follows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Filter {
    /// Names with this prefix; all names if it is empty.
    Prefix(Vec<u8>),
    /// One name.
    Name(Vec<u8>),
}

impl Filter {
    /// The prefix of every key that it covers.
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

    /// Whether any stream follows this lock.
    pub(super) fn want(&self, name: &[u8]) -> bool {
        self.all
            .values()
            .any(|subscriber| subscriber.filter.wants(name))
    }

    /// These locks changed.
    pub(super) fn notify(&mut self, names: &BTreeSet<Vec<u8>>) {
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

/// A client's view of an index. It starts with every existing lock.
#[derive(Debug)]
pub struct LockStream {
    inner: Arc<Inner>,
    identity: Identity,
    index: Arc<Index>,
    id: u64,
    filter: Filter,
    wake: Arc<Notify>,
    progress: watch::Receiver<Progress>,
    ready: VecDeque<ServerMessage>,
    /// Locks the client knows, in the state last sent.
    known: BTreeMap<Vec<u8>, (LockKind, bool)>,
    /// The lock that could not be read when the stream started: whether it is held is unknown until the
    /// listing is complete.
    unknown: Option<Vec<u8>>,
    /// Whether the client has received the completion of the listing.
    sent_listed: bool,
    /// Whether the client has received that etcd cannot be watched.
    sent_failure: bool,
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
    /// `read` says whether the one lock that it follows has been read.
    pub(super) fn open(
        inner: Arc<Inner>,
        identity: Identity,
        index: Arc<Index>,
        filter: Filter,
        read: bool,
    ) -> Self {
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
                // A stream of one lock also reports that it is free.
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
            inner,
            identity,
            index,
            id,
            filter,
            wake,
            ready: VecDeque::new(),
            known,
            unknown,
            sent_listed: false,
            sent_failure: false,
            heartbeat: Instant::now() + FIRST_PROGRESS,
        }
    }

    /// The next message: a `lock`, or `locks_progress` once all locks have been sent and then at least
    /// every ten seconds, or `error` while etcd cannot be watched. `None` when the gateway shuts down.
    /// Cancel safe.
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
                let failure = progress.failure.filter(|_| !self.sent_failure)?;
                self.sent_failure = true;
                return Some(ServerMessage::Error {
                    id: None,
                    code: failure.code,
                    detail: failure.detail,
                });
            }
            if progress.listed && !self.sent_listed {
                if let Some(name) = self.unknown.take() {
                    self.index
                        .lock()
                        .subscribers
                        .notify(&BTreeSet::from([name]));
                }
                // Locks listed before this was noticed may not have been sent yet.
                if self.describe() {
                    continue;
                }
                self.sent_listed = true;
                return Some(self.locks_progress(&progress));
            }
            if progress.failure.is_some() != self.sent_failure {
                self.sent_failure = progress.failure.is_some();
                if let Some(failure) = progress.failure {
                    return Some(ServerMessage::Error {
                        id: None,
                        code: failure.code,
                        detail: failure.detail,
                    });
                }
                return Some(self.locks_progress(&progress));
            }
            let sent = (self.sent_listed, self.sent_failure);
            tokio::select! {
                () = self.wake.notified() => {}
                () = sleep_until(self.heartbeat) => {
                    let progress = self.progress.borrow().clone();
                    return Some(self.locks_progress(&progress));
                }
                changed = until_noteworthy(&mut self.progress, sent) => {
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

    /// Turns changed names into messages; returns whether there were any.
    fn describe(&mut self) -> bool {
        let now = Instant::now();
        let listed = self.index.progress.borrow().listed;
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
            let message = if let Some(mut lock) = shared.state.lock(&name, now) {
                self.inner.set_held_since(&self.identity, &mut lock, listed);
                self.known.insert(name, (lock.kind, lock.certain));
                lock
            } else {
                // No longer held: sent once, and only to a client that knows the lock; a single name stays known.
                let Some((kind, certain)) = self.known.get(&name).copied() else {
                    continue;
                };
                let unheld = shape::unheld(&name, kind, certain);
                if matches!(self.filter, Filter::Prefix(_)) {
                    self.known.remove(&name);
                }
                unheld
            };
            self.ready.push_back(ServerMessage::Lock(message));
        }
        any
    }
}

/// Resolves when something not yet sent to the client happens: the first listing completes, a failure
/// starts or ends, or the index has ended; `None` when none of it can happen any more.
async fn until_noteworthy(
    progress: &mut watch::Receiver<Progress>,
    (listed, failed): (bool, bool),
) -> Option<()> {
    let noteworthy = |progress: &Progress| {
        progress.ended || (progress.listed && !listed) || progress.failure.is_some() != failed
    };
    progress.wait_for(noteworthy).await.ok().map(|_| ())
}
