//! The task that maintains an index: lists leases, reads their keys, watches the keyspace, refreshes
//! lease TTLs. Responses are applied as they arrive, in any order.
//!
//! List, then watch: the watch starts after the revision at which the listing started, so that no
//! change is missed. A lost stream is reopened after the last change applied; after a compaction or a
//! reset everything is listed again, and entries that the listing does not confirm are dropped.
//!
//! If the account may not list leases or not watch all keys, the listing is a scan of the keys it may
//! read: see [`limited`]. Its permissions are checked periodically, since an open watch continues even
//! after the permission was revoked.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use shared::{Code, Entry, Event, Header, MemberId};
use tokio::time::{Instant, MissedTickBehavior, interval, sleep};

use super::reading::Reading;
use super::state::{Scope, State};
use super::{Index, IndexKey, Shared, close_unused, limited, remove};
use crate::etcd::{Etcd, Range, TimeToLive, Update, WatchStream, entry};
use crate::failure::{Failure, Result};
use crate::identity::{Caller, Identity};
use crate::service::leased;
use crate::service::lock::Inner;
use crate::service::lock::queue::read_keys;
use crate::service::lock::shape::LeaseTime;
use crate::service::lock::wait::is_transient;

/// How long an unused index is kept.
const IDLE: Duration = Duration::from_mins(1);
/// Timeout of one request to etcd.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Delay between attempts while etcd is unavailable.
const RETRY_DELAY: Duration = Duration::from_millis(500);
/// How long the member that lists leases may lag behind the others, and how often it is checked.
const LAG: (Duration, Duration) = (Duration::from_secs(1), Duration::from_millis(50));
/// How often the account's permissions are checked again.
const RECHECK: Duration = Duration::from_secs(3);
/// How often due leases are checked.
const TICK: Duration = Duration::from_millis(250);
/// Concurrent requests.
const CONCURRENCY: usize = 16;
/// Lease requests started per tick.
const REQUESTS_PER_TICK: usize = 50;
/// Keys per read: etcd's limit of ops in a transaction.
const BATCH: usize = 128;

/// Runs until the index is unused or the gateway shuts down.
pub(super) async fn run(inner: Arc<Inner>, index_key: IndexKey, index: Arc<Index>) {
    let stop = inner.tasks.stop().clone();
    let mut keeper = Keeper {
        inner,
        identity: index_key.identity.clone(),
        index_key,
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
    remove(&keeper.inner, &keeper.index_key, &keeper.index);
    keeper
        .index
        .progress
        .send_modify(|progress| progress.ended = true);
}

struct Keeper {
    inner: Arc<Inner>,
    index_key: IndexKey,
    identity: Identity,
    index: Arc<Index>,
    /// One watch of all keys, or one per readable range. Empty: they must be opened.
    streams: Vec<WatchStream>,
    /// The watched ranges.
    watched: Vec<Range>,
    /// The cluster that was listed.
    cluster: Option<MemberId>,
    /// The listing must be made (again).
    relist: bool,
    /// The listing is a scan of readable ranges.
    limited: bool,
    /// Ranges of the listing not scanned yet.
    to_scan: Vec<Range>,
    /// Leases of the listing not requested yet.
    to_list: VecDeque<i64>,
    /// Requests of the listing in flight.
    listing: usize,
    /// Keys of listed leases still to be read.
    to_read: Vec<Vec<u8>>,
    /// Lease times from the listing, for leases whose keys have not arrived yet.
    times: Vec<(i64, LeaseTime, Instant)>,
    running: FuturesUnordered<BoxFuture<'static, Response>>,
    /// The revision of the last event; more events of it may follow.
    last: i64,
}

impl Keeper {
    fn caller(&self) -> Caller {
        Caller::new(self.identity.clone(), Some(REQUEST_TIMEOUT))
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
                // The gateway cannot sign in again on behalf of this user.
                let over =
                    failure.code == Code::Unauthenticated && self.identity != Identity::Gateway;
                self.index
                    .progress
                    .send_modify(|progress| progress.failure = Some(failure));
                if over {
                    return;
                }
                sleep(RETRY_DELAY).await;
                if close_unused(&self.inner, &self.index_key, &self.index, IDLE) {
                    return;
                }
                continue;
            }
            self.begin_requests();
            tokio::select! {
                biased;
                update = limited::next_of(&mut self.streams) => self.apply(update),
                Some(response) = self.running.next() => self.on_response(response),
                _ = tick.tick() => {
                    if close_unused(&self.inner, &self.index_key, &self.index, IDLE) {
                        return;
                    }
                    self.refresh_leases();
                    if checked.elapsed() >= RECHECK {
                        checked = Instant::now();
                        self.check_permission();
                    }
                }
            }
        }
    }

    /// Opens the watch, and starts a listing if one is due.
    async fn open(&mut self) -> Result<()> {
        let caller = self.caller();
        if self.index_key.below.is_none() {
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
        let now = etcd.current_header(caller, &all).await?;
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
        self.start_watching(vec![stream], vec![all], from);
        Ok(())
    }

    async fn open_limited(&mut self, caller: &Caller) -> Result<()> {
        let etcd = self.inner.etcd.clone();
        let ranges = limited::ranges(&etcd, caller, self.index_key.below.as_deref()).await?;
        let now = etcd.current_header(caller, &ranges[0]).await?;
        let known = self.index.lock().state.revision();
        self.check_store(&now, known);
        let mut streams = Vec::with_capacity(ranges.len());
        for range in &ranges {
            let stream = limited::watch(&etcd, &self.identity, range, now.revision + 1);
            streams.push(stream.await?);
        }
        self.begin_listing(&now, true);
        self.to_scan.clone_from(&ranges);
        self.start_watching(streams, ranges, now.revision);
        Ok(())
    }

    fn check_store(&mut self, now: &Header, known: i64) {
        let other = self
            .cluster
            .is_some_and(|cluster| cluster != now.cluster_id);
        if other || (self.cluster.is_some() && now.revision < known) {
            // Another cluster, or its data was wiped or restored: known revisions are void.
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
        // Responses to requests of an earlier listing would count for this one.
        self.running = FuturesUnordered::new();
        self.index.progress.send_modify(|progress| {
            progress.listed = false;
            progress.limited = limited;
        });
    }

    fn start_watching(&mut self, streams: Vec<WatchStream>, watched: Vec<Range>, from: i64) {
        self.streams = streams;
        self.watched = watched;
        self.last = 0;
        self.index.progress.send_modify(|progress| {
            progress.failure = None;
            progress.revision = from;
        });
        self.listed_all();
    }

    /// The streams were lost. Streams of several ranges are at different revisions, so a new scan finds
    /// what each of them missed.
    fn stop_watching(&mut self) {
        self.streams.clear();
        self.relist |= self.limited;
    }

    fn apply(&mut self, update: Result<Update>) {
        let seen = first_seen(&self.inner, &self.identity);
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
                // A revision that continues in the next fragment is incomplete; the last fragment
                // may be empty.
                state.reached(if more { self.last - 1 } else { self.last });
                state.revision()
            }),
            Ok(Update::Created(_) | Update::Progress(_)) => return,
            Ok(Update::Compacted(_)) => {
                self.relist = true;
                self.stop_watching();
                return;
            }
            Ok(Update::Cancelled(failure)) | Err(failure) => {
                tracing::debug!(cause = failure.chain(), "the watch of all locks was lost");
                self.stop_watching();
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

/// The ids of all leases, from a member that has reached this revision: each member lists its local
/// view.
async fn leases(etcd: &Etcd, caller: &Caller, revision: i64) -> Result<Vec<i64>> {
    let until = Instant::now() + LAG.0;
    loop {
        let (header, leases) = etcd.leases(caller).await?;
        if header.revision >= revision {
            return Ok(leases);
        }
        if Instant::now() >= until {
            let detail = "the member that lists the leases lags behind the others";
            return Err(Failure::new(Code::Unavailable, detail));
        }
        sleep(LAG.1).await;
    }
}

fn first_seen(
    inner: &Arc<Inner>,
    identity: &Identity,
) -> impl Fn(&[u8], i64) -> SystemTime + use<> {
    let (inner, identity) = (Arc::clone(inner), identity.clone());
    move |key, created| inner.seen.at(&identity, key, created)
}

/// The response to a request.
enum Response {
    /// A lease of the listing, with its keys.
    Listed(i64, Result<TimeToLive>),
    /// Keys of leases that were listed.
    Read {
        reading: Reading,
        keys: Vec<Vec<u8>>,
        response: Result<(Option<Header>, Vec<Entry>)>,
    },
    /// A lease that was refreshed.
    Refreshed(i64, Result<TimeToLive>),
    /// Leased keys of a range, all at one revision or later.
    Scanned {
        reading: Reading,
        range: Range,
        response: Result<(i64, Vec<Entry>)>,
    },
    /// Whether the watched ranges may still be read.
    Permitted(Result<()>),
}

impl Keeper {
    /// Checks whether the watched ranges may still be read.
    fn check_permission(&mut self) {
        let (etcd, caller) = (self.inner.etcd.clone(), self.caller());
        let ranges = self.watched.clone();
        self.running.push(Box::pin(async move {
            for range in &ranges {
                if let Err(failure) = etcd.may_read(&caller, range).await {
                    return Response::Permitted(Err(failure));
                }
            }
            Response::Permitted(Ok(()))
        }));
    }

    /// Starts as many requests of the listing as may run concurrently.
    fn begin_requests(&mut self) {
        while self.running.len() < CONCURRENCY
            && let Some(lease) = self.to_list.pop_front()
        {
            self.listing += 1;
            let request = lease_request(&self.inner, self.caller(), lease, true);
            let request = async move { Response::Listed(lease, delay_failure(request).await) };
            self.running.push(Box::pin(request));
        }
        while self.running.len() < CONCURRENCY
            && let Some(range) = self.to_scan.pop()
        {
            self.begin_scan(range);
        }
        let none_before = self.to_list.is_empty() && self.listing == 0;
        while self.running.len() < CONCURRENCY
            && (self.to_read.len() >= BATCH || (none_before && !self.to_read.is_empty()))
        {
            let rest = self.to_read.split_off(self.to_read.len().min(BATCH));
            let keys = std::mem::replace(&mut self.to_read, rest);
            self.begin_read(keys);
        }
    }

    fn begin_scan(&mut self, range: Range) {
        let reading = Reading::begin(&self.index, Scope::Range(range.clone()));
        let (etcd, caller) = (self.inner.etcd.clone(), self.caller());
        self.listing += 1;
        self.running.push(Box::pin(async move {
            let caller_of_chunk = || caller.renewed();
            let scan = leased::scan(&etcd, caller_of_chunk, &range, |kv| entry(kv, false));
            let response = delay_failure(scan).await;
            Response::Scanned {
                reading,
                range,
                response,
            }
        }));
    }

    fn begin_read(&mut self, keys: Vec<Vec<u8>>) {
        let scope: HashSet<Vec<u8>> = keys.iter().cloned().collect();
        let reading = Reading::begin(&self.index, Scope::Keys(scope));
        let (etcd, caller) = (self.inner.etcd.clone(), self.caller());
        self.listing += 1;
        self.running.push(Box::pin(async move {
            let response = delay_failure(read_keys(&etcd, &caller, &keys, 0)).await;
            let response = response.map(|(header, kvs)| {
                let entries = kvs.into_iter().map(|kv| entry(kv, false)).collect();
                (header, entries)
            });
            Response::Read {
                reading,
                keys,
                response,
            }
        }));
    }

    fn on_response(&mut self, response: Response) {
        let now = Instant::now();
        match response {
            Response::Listed(lease, response) => {
                self.listing -= 1;
                match response {
                    Ok(response) if response.ttl >= 0 => {
                        self.times.push((lease, time(&response), now));
                        let keys = response.keys.len();
                        self.index.change(|state| state.lease_listed(lease, keys));
                        self.to_read.extend(response.keys);
                    }
                    // The lease ended meanwhile: the watch removes its keys, if they were known.
                    Ok(_) => {}
                    Err(failure) => {
                        tracing::debug!(cause = failure.chain(), "a lease could not be read");
                        if is_transient(&failure) {
                            self.to_list.push_back(lease);
                        }
                    }
                }
            }
            Response::Read {
                reading,
                keys,
                response,
            } => {
                self.listing -= 1;
                let seen = first_seen(&self.inner, &self.identity);
                match response {
                    Ok((header, entries)) => {
                        let found = header.map(|header| (header.revision, entries));
                        let times = &mut self.times;
                        reading.end(|state, id| {
                            state.end_read(id, found, seen);
                            times.retain(|(lease, time, read_at)| {
                                !state.lease_response(*lease, *time, *read_at)
                            });
                        });
                    }
                    Err(failure) => {
                        tracing::debug!(cause = failure.chain(), "keys could not be read");
                        if is_transient(&failure) {
                            self.to_read.extend(keys);
                        }
                    }
                }
            }
            Response::Refreshed(lease, response) => self.index.change(|state| match response {
                Ok(response) => {
                    state.lease_response(lease, time(&response), now);
                }
                Err(_) => state.lease_request_failed(lease, now),
            }),
            Response::Scanned {
                reading,
                range,
                response,
            } => {
                self.listing -= 1;
                let seen = first_seen(&self.inner, &self.identity);
                if let Err(failure) = &response {
                    tracing::debug!(cause = failure.chain(), "keys could not be read");
                    if is_transient(failure) {
                        self.to_scan.push(range);
                    }
                }
                reading.end(|state, id| state.end_read(id, response.ok(), seen));
            }
            Response::Permitted(Err(failure))
                if matches!(failure.code, Code::Forbidden | Code::Unauthenticated) =>
            {
                // Locks that are no longer permitted must not be shown; reopening finds the permitted ones.
                self.index.change(State::clear);
                self.relist = true;
                self.stop_watching();
                self.index.progress.send_modify(|progress| {
                    progress.listed = false;
                    progress.failure = Some(failure);
                });
                return;
            }
            Response::Permitted(_) => {}
        }
        self.listed_all();
    }

    /// Ends the listing once all of its work is done.
    fn listed_all(&mut self) {
        let left = !self.to_list.is_empty()
            || !self.to_scan.is_empty()
            || !self.to_read.is_empty()
            || self.listing > 0;
        if left || self.index.progress.borrow().listed {
            return;
        }
        self.times.clear();
        self.index.change(State::end_listing);
        self.index
            .progress
            .send_modify(|progress| progress.listed = true);
    }

    /// Refreshes leases that are new or due.
    fn refresh_leases(&mut self) {
        let room = REQUESTS_PER_TICK.min((2 * CONCURRENCY).saturating_sub(self.running.len()));
        let due = {
            let mut shared = self.index.lock();
            let Shared {
                state, subscribers, ..
            } = &mut *shared;
            state.take_due(Instant::now(), room, |name| subscribers.want(name))
        };
        for lease in due {
            let request = lease_request(&self.inner, self.caller(), lease, false);
            let request = async move { Response::Refreshed(lease, request.await) };
            self.running.push(Box::pin(request));
        }
    }
}

/// Delays a failure, so that retries do not become a storm.
async fn delay_failure<T>(request: impl Future<Output = Result<T>>) -> Result<T> {
    let response = request.await;
    if response.is_err() {
        sleep(RETRY_DELAY).await;
    }
    response
}

/// A request about a lease, within the rate limit.
pub(super) fn lease_request(
    inner: &Arc<Inner>,
    caller: Caller,
    lease: i64,
    keys: bool,
) -> impl Future<Output = Result<TimeToLive>> + use<> {
    let inner = Arc::clone(inner);
    async move {
        inner.query_rate.take().await;
        inner
            .etcd
            .lease_time_to_live(&caller.renewed(), lease, keys)
            .await
    }
}

pub(super) fn time(response: &TimeToLive) -> LeaseTime {
    LeaseTime {
        ttl: response.ttl,
        granted: response.granted_ttl,
    }
}
