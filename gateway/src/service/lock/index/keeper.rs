//! The task that keeps an index: lists leases, reads their keys, watches the keyspace, asks about
//! leases again ([`questions`]).
//!
//! List, then watch: the watch begins behind the revision at which the listing began, so that nothing
//! falls in between. A lost stream is opened again behind the last change applied; after a compaction
//! or a reset the listing is made anew, and what it does not confirm is dropped.
//!
//! Where leases may not be listed, or not all keys be watched, the listing is a scan of what may be
//! read: see [`limited`]. Whether that is still so is asked again and again, since an open watch
//! goes on whatever becomes of the permission.

mod questions;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use shared::{Code, Event, Header, MemberId};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use self::questions::Answer;
pub(super) use self::questions::{ask, time};
use super::super::Inner;
use super::super::shape::LeaseTime;
use super::state::State;
use super::{Index, Place, close_unused, limited, remove};
use crate::caller::{Caller, Identity};
use crate::etcd::{Etcd, Range, Update, WatchStream};
use crate::failure::{Failure, Result};
use crate::service::leased;

/// How long an index without users is kept.
const IDLE: Duration = Duration::from_mins(1);
/// How long etcd may take for one question.
const ANSWER: Duration = Duration::from_secs(10);
/// Between two attempts while etcd is away.
const PAUSE: Duration = Duration::from_millis(500);
/// How long the member that lists leases may lag behind the others, and how often it is looked at.
const LAG: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(50));
/// How often it is asked whether the account may still see what it sees.
const RECHECK: Duration = Duration::from_secs(3);
/// How often leases that are due are looked for.
const TICK: Duration = Duration::from_millis(250);

/// Runs until the index is unused or the gateway stops.
pub(super) async fn run(inner: Arc<Inner>, place: Place, index: Arc<Index>) {
    let stop = inner.tasks.stop().clone();
    let mut keeper = Keeper {
        inner,
        identity: place.identity.clone(),
        place,
        index,
        streams: Vec::new(),
        watched: Vec::new(),
        cluster: None,
        relist: true,
        limited: false,
        to_scan: Vec::new(),
        to_list: VecDeque::new(),
        listing: 0,
        to_read: Vec::new(),
        times: Vec::new(),
        running: FuturesUnordered::new(),
        last: 0,
    };
    tokio::select! {
        () = keeper.keep() => {}
        () = stop.cancelled() => {}
    }
    keeper.index.lock().closed = true;
    remove(&keeper.inner, &keeper.place, &keeper.index);
    keeper
        .index
        .progress
        .send_modify(|progress| progress.ended = true);
}

struct Keeper {
    inner: Arc<Inner>,
    place: Place,
    identity: Identity,
    index: Arc<Index>,
    /// One of all keys; or one for each range that may be read. Without any they have to be opened.
    streams: Vec<WatchStream>,
    /// What they watch.
    watched: Vec<Range>,
    /// The cluster that was listed.
    cluster: Option<MemberId>,
    /// The listing has to be made (anew).
    relist: bool,
    /// The listing is a scan.
    limited: bool,
    /// Ranges of the listing that have not been scanned.
    to_scan: Vec<Range>,
    /// Leases of the listing that have not been asked about.
    to_list: VecDeque<i64>,
    /// Questions of the listing that have no answer yet.
    listing: usize,
    /// Keys of listed leases that are to be read.
    to_read: Vec<Vec<u8>>,
    /// What the listing learned of leases whose keys have not come yet.
    times: Vec<(i64, LeaseTime, Instant)>,
    running: FuturesUnordered<BoxFuture<'static, Answer>>,
    /// The revision of the last event, of which more may come.
    last: i64,
}

impl Keeper {
    fn caller(&self) -> Caller {
        Caller::new(self.identity.clone(), Some(ANSWER))
    }

    async fn keep(&mut self) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut checked = Instant::now();
        loop {
            if self.streams.is_empty()
                && let Err(failure) = self.open().await
            {
                tracing::debug!(cause = failure.chain(), "locks cannot be watched");
                // Nobody can sign in again for whoever this was.
                let over =
                    failure.code == Code::Unauthenticated && self.identity != Identity::Gateway;
                self.index
                    .progress
                    .send_modify(|progress| progress.failure = Some(failure));
                if over {
                    return;
                }
                sleep(PAUSE).await;
                if close_unused(&self.inner, &self.place, &self.index, IDLE) {
                    return;
                }
                continue;
            }
            self.begin_questions();
            tokio::select! {
                biased;
                update = limited::next_of(&mut self.streams) => self.apply(update),
                Some(answer) = self.running.next() => self.answered(answer),
                _ = tick.tick() => {
                    if close_unused(&self.inner, &self.place, &self.index, IDLE) {
                        return;
                    }
                    self.ask_again();
                    if checked.elapsed() >= RECHECK {
                        checked = Instant::now();
                        self.check_permission();
                    }
                }
            }
        }
    }

    /// Opens the watch, and begins a listing where one is due.
    async fn open(&mut self) -> Result<()> {
        let caller = self.caller();
        if self.place.below.is_none() {
            match self.open_all(&caller).await {
                Err(failure) if failure.code == Code::Forbidden => {}
                other => return other,
            }
        }
        self.open_limited(&caller).await
    }

    async fn open_all(&mut self, caller: &Caller) -> Result<()> {
        let all = Range::prefix(b"");
        let etcd = self.inner.etcd.clone();
        etcd.may_read(caller, &all).await?;
        let now = leased::now(&etcd, caller, &all).await?;
        let known = self.index.lock().state.revision();
        self.check_store(&now, known);
        let listed = if self.relist || self.limited {
            Some(leases(&etcd, caller, now.revision).await?)
        } else {
            None
        };
        let from = if listed.is_some() {
            now.revision
        } else {
            known
        };
        let stream = limited::watch(&etcd, &self.identity, &all, from + 1).await?;
        if let Some(leases) = listed {
            self.begin_listing(&now, false);
            self.to_list = leases.into();
        }
        self.opened(vec![stream], vec![all], from);
        Ok(())
    }

    async fn open_limited(&mut self, caller: &Caller) -> Result<()> {
        let etcd = self.inner.etcd.clone();
        let ranges = limited::ranges(&etcd, caller, self.place.below.as_deref()).await?;
        let now = leased::now(&etcd, caller, &ranges[0]).await?;
        let known = self.index.lock().state.revision();
        self.check_store(&now, known);
        let mut streams = Vec::with_capacity(ranges.len());
        for range in &ranges {
            let stream = limited::watch(&etcd, &self.identity, range, now.revision + 1);
            streams.push(stream.await?);
        }
        self.begin_listing(&now, true);
        self.to_scan.clone_from(&ranges);
        self.opened(streams, ranges, now.revision);
        Ok(())
    }

    fn check_store(&mut self, now: &Header, known: i64) {
        let other = self
            .cluster
            .is_some_and(|cluster| cluster != now.cluster_id);
        if other || (self.cluster.is_some() && now.revision < known) {
            // Another cluster, or its data was wiped or restored: revisions mean nothing any more.
            self.index.change(State::clear);
            self.relist = true;
        }
        self.cluster = Some(now.cluster_id);
    }

    fn begin_listing(&mut self, now: &Header, limited: bool) {
        self.relist = false;
        self.limited = limited;
        self.index.change(|state| state.begin_listing(now.revision));
        self.to_list.clear();
        self.to_scan.clear();
        self.to_read.clear();
        self.times.clear();
        self.listing = 0;
        // Answers to the questions of a listing before would count for this one.
        self.running = FuturesUnordered::new();
        self.index.progress.send_modify(|progress| {
            progress.listed = false;
            progress.limited = limited;
        });
    }

    fn opened(&mut self, streams: Vec<WatchStream>, watched: Vec<Range>, from: i64) {
        self.streams = streams;
        self.watched = watched;
        self.last = 0;
        self.index.progress.send_modify(|progress| {
            progress.failure = None;
            progress.revision = from;
        });
        self.listed_all();
    }

    /// The streams are lost. Those of ranges are never level with each other, so what one of them has
    /// missed is found by a new scan.
    fn lost(&mut self) {
        self.streams.clear();
        self.relist |= self.limited;
    }

    fn apply(&mut self, update: Result<Update>) {
        let seen = seen(&self.inner, &self.identity);
        let revision = match update {
            Ok(Update::Batch { events, more }) => self.index.change(|state| {
                for event in events {
                    self.last = event.mod_revision();
                    match event {
                        Event::Put { entry, .. } => state.put(entry, &seen),
                        Event::Delete {
                            key, mod_revision, ..
                        } => state.delete(&key.0, mod_revision),
                    }
                }
                // A revision that goes on in the next piece is not complete; the last piece may be empty.
                state.reached(if more { self.last - 1 } else { self.last });
                state.revision()
            }),
            Ok(Update::Created(_) | Update::Progress(_)) => return,
            Ok(Update::Compacted(_)) => {
                self.relist = true;
                self.lost();
                return;
            }
            Ok(Update::Cancelled(failure)) | Err(failure) => {
                tracing::debug!(cause = failure.chain(), "the watch of all locks was lost");
                self.lost();
                return;
            }
        };
        self.index.progress.send_if_modified(|progress| {
            let later = revision > progress.revision;
            progress.revision = revision;
            later
        });
    }
}

/// The ids of all leases, as a member knows them that is not behind this revision: each lists its own.
async fn leases(etcd: &Etcd, caller: &Caller, revision: i64) -> Result<Vec<i64>> {
    let until = Instant::now() + LAG.0;
    loop {
        let (header, leases) = etcd.leases(caller).await?;
        if header.revision >= revision {
            return Ok(leases);
        }
        if Instant::now() >= until {
            let detail = "the member that was asked for the leases is behind the others";
            return Err(Failure::new(Code::Unavailable, detail));
        }
        sleep(LAG.1).await;
    }
}

fn seen(inner: &Arc<Inner>, identity: &Identity) -> impl Fn(&[u8], i64) -> SystemTime + use<> {
    let (inner, identity) = (Arc::clone(inner), identity.clone());
    move |key, created| inner.seen.at(&identity, key, created)
}
