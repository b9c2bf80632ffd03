//! The task that maintains a board: lists leases, reads TTLs, and takes from the lock index what it knows of keys.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use shared::{Code, LeasesProgress};
use tokio::time::{Instant, MissedTickBehavior, interval};

use super::state::{MAX_LEASES, Reading};
use super::{Board, Inner};
use crate::etcd::TimeToLive;
use crate::failure::{Failure, Result};
use crate::identity::{Caller, Identity};
use crate::service::lock::shape::LeaseTime;
use crate::service::lock_index::{self, Index, Listing};

/// How often leases are listed.
const LIST_INTERVAL: Duration = Duration::from_secs(2);
/// How often due leases are read, and changes of keys taken.
const TICK: Duration = Duration::from_millis(250);
/// Timeout of one request to etcd.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
/// Concurrent requests.
const CONCURRENCY: usize = 32;
/// Requests started per tick for leases that no viewer shows.
const REST_PER_TICK: usize = 10;
/// How often an account that was refused the list tries again.
const RETRY_LIST: Duration = Duration::from_secs(20);

/// Runs until the board has no viewers or the gateway shuts down.
pub(super) async fn run(inner: Arc<Inner>, identity: Identity, board: Arc<Board>) {
    let stop = inner.locks.parts().tasks.stop().clone();
    let mut keeper = Keeper {
        inner,
        identity,
        board,
        index: None,
        index_listed: false,
        index_requested: false,
        index_refused: false,
        refused_at: None,
        total: 0,
        running: FuturesUnordered::new(),
    };
    tokio::select! {
        () = keeper.keep() => {}
        () = stop.cancelled() => {}
    }
    if let Some(index) = keeper.index.take() {
        index.end_lease_changes();
    }
    Inner::remove(&mut keeper.inner.boards(), &keeper.identity, &keeper.board);
    keeper
        .board
        .status
        .send_modify(|status| status.ended = true);
}

struct Keeper {
    inner: Arc<Inner>,
    identity: Identity,
    board: Arc<Board>,
    /// The index of the account's keys; `None` while it cannot be had.
    index: Option<Arc<Index>>,
    /// Whether that was complete at the last tick.
    index_listed: bool,
    index_requested: bool,
    /// The account is not known to be able to read any key.
    index_refused: bool,
    /// When etcd last refused the list of leases: those of readable keys are listed instead.
    refused_at: Option<Instant>,
    /// The number of leases in the last list.
    total: usize,
    running: FuturesUnordered<BoxFuture<'static, Response>>,
}

/// Why the state is published.
enum Occasion {
    Tick,
    Listed,
    Failed(Failure),
}

enum Response {
    Listed(Result<Vec<i64>>),
    /// The leases of readable keys, and whether all of them are known.
    ListedByKeys(Vec<i64>, bool),
    Read(i64, Result<TimeToLive>),
    Index(Result<Arc<Index>>),
}

impl Keeper {
    fn caller(&self) -> Caller {
        Caller::new(self.identity.clone(), Some(REQUEST_TIMEOUT))
    }

    async fn keep(&mut self) {
        let mut tick = interval(TICK);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut list = interval(LIST_INTERVAL);
        list.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut listing = false;
        loop {
            tokio::select! {
                biased;
                Some(response) = self.running.next() => {
                    listing &= matches!(response, Response::Read(..) | Response::Index(_));
                    if !self.on_response(response) {
                        return;
                    }
                }
                _ = list.tick() => {
                    if self.inner.close_unused(&self.identity, &self.board) {
                        return;
                    }
                    self.find_index();
                    if !std::mem::replace(&mut listing, true) {
                        self.begin_listing();
                    }
                }
                _ = tick.tick() => {
                    self.learn();
                    self.begin_reading();
                    self.report(&Occasion::Tick);
                }
            }
        }
    }

    /// Requests the index, if there is none or it has ended.
    fn find_index(&mut self) {
        if self
            .index
            .as_ref()
            .is_some_and(|index| !index.listing().ended)
        {
            return;
        }
        self.index = None;
        self.index_listed = false;
        if std::mem::replace(&mut self.index_requested, true) {
            return;
        }
        let (inner, caller) = (Arc::clone(&self.inner), self.caller());
        self.running.push(Box::pin(async move {
            Response::Index(lock_index::index_of(inner.locks.parts(), &caller).await)
        }));
    }

    fn begin_listing(&mut self) {
        let ask = self.refused_at.is_none_or(|at| at.elapsed() >= RETRY_LIST);
        if !ask {
            let index = self.index.as_ref();
            let complete = index.is_some_and(|index| index.listing().listed);
            let ids = index.map(|index| index.leases()).unwrap_or_default();
            let listed = Response::ListedByKeys(ids, complete);
            self.running.push(Box::pin(std::future::ready(listed)));
            return;
        }
        let (inner, caller) = (Arc::clone(&self.inner), self.caller());
        self.running.push(Box::pin(async move {
            let listed = inner.locks.parts().etcd.leases(&caller).await;
            Response::Listed(listed.map(|(_, ids)| ids))
        }));
    }

    /// Handles a response; `false` ends the board.
    fn on_response(&mut self, response: Response) -> bool {
        match response {
            Response::Listed(Ok(ids)) => {
                self.refused_at = None;
                self.on_list(ids, true);
            }
            Response::ListedByKeys(ids, complete) => self.on_list(ids, complete),
            Response::Listed(Err(failure)) if failure.code == Code::Forbidden => {
                if self.refused_at.is_none() {
                    // Leases without a readable key must not be shown any more.
                    self.board.state().hide_all();
                }
                self.refused_at = Some(Instant::now());
                self.begin_listing();
            }
            Response::Listed(Err(failure)) => {
                tracing::debug!(cause = failure.chain(), "leases cannot be listed");
                // The gateway cannot sign in again on behalf of this user.
                let over =
                    failure.code == Code::Unauthenticated && self.identity != Identity::Gateway;
                self.report(&Occasion::Failed(failure));
                return !over;
            }
            Response::Read(id, Ok(response)) => {
                let by_keys = self.refused_at.is_some();
                let reading = reading(&response);
                self.board.state().read(id, reading, by_keys);
            }
            Response::Read(id, Err(_)) => self.board.state().read_failed(id),
            Response::Index(Ok(index)) => {
                // Starts the recording of changes.
                index.take_lease_changes();
                self.index = Some(index);
                self.index_requested = false;
                self.index_refused = false;
            }
            Response::Index(Err(failure)) => {
                self.index_requested = false;
                self.index_refused = failure.code == Code::Forbidden;
                tracing::debug!(cause = failure.chain(), "the keys of leases are unknown");
            }
        }
        true
    }

    fn on_list(&mut self, mut ids: Vec<i64>, complete: bool) {
        // By the unsigned number: the first ones stay the same while others come and go.
        ids.sort_unstable_by_key(|id| *id as u64);
        ids.dedup();
        self.total = ids.len();
        ids.truncate(MAX_LEASES);
        let new = self.board.state().list(&ids, complete, Instant::now());
        self.learn_of(new.into_iter());
        self.report(&Occasion::Listed);
    }

    /// Takes what the index has learnt since the last tick.
    fn learn(&mut self) {
        let Some(index) = self.index.clone() else {
            return;
        };
        let changed = index.take_lease_changes();
        let Listing {
            listed, failure, ..
        } = index.listing();
        let refused = failure.is_some_and(|failure| failure.code == Code::Forbidden);
        if refused && self.refused_at.is_some() {
            // Leases whose keys the account may no longer read.
            self.board.state().hide_all();
        }
        if std::mem::replace(&mut self.index_listed, listed) == listed {
            self.learn_of(changed.into_iter());
        } else {
            let all: Vec<i64> = self.board.state().ids().collect();
            self.learn_of(all.into_iter());
        }
    }

    fn learn_of(&self, ids: impl Iterator<Item = i64>) {
        let Some(index) = &self.index else {
            return;
        };
        let (now, now_ms) = (Instant::now(), now_ms());
        let facts = index.lease_facts(ids);
        let mut state = self.board.state();
        for (id, facts, time) in facts {
            let reading = time.map(|(time, at)| Reading {
                time,
                at,
                at_ms: now_ms - now.saturating_duration_since(at).as_millis() as i64,
            });
            state.learn(id, facts, reading);
        }
    }

    /// Reads leases that are due.
    fn begin_reading(&mut self) {
        let room = CONCURRENCY.saturating_sub(self.running.len());
        // The index reads each lease once while it lists them.
        let skip_new = self.index.is_some() && !self.index_listed;
        let due = self
            .board
            .state()
            .take_due(Instant::now(), room, REST_PER_TICK, skip_new);
        for id in due {
            let (inner, caller) = (Arc::clone(&self.inner), self.caller());
            self.running.push(Box::pin(async move {
                let locks = inner.locks.parts();
                locks.query_rate.take().await;
                let caller = caller.renewed();
                let response = locks.etcd.lease_time_to_live(&caller, id, false).await;
                Response::Read(id, response)
            }));
        }
    }

    /// Publishes the state.
    fn report(&self, occasion: &Occasion) {
        let limited = self.refused_at.is_some();
        let index_known = self.index_listed || self.index_refused;
        let (shown, unread) = {
            let state = self.board.state();
            (state.len(), state.any_unread())
        };
        let progress = LeasesProgress {
            now: 0,
            total: self.total.max(shown) as i64,
            partial: unread || !index_known,
            limited,
            truncated: self.total > MAX_LEASES,
        };
        let index_failure = || {
            let index = self.index.as_ref().filter(|_| limited)?;
            index.listing().failure
        };
        self.board.status.send_if_modified(|status| {
            let failure = match occasion {
                Occasion::Listed => index_failure(),
                Occasion::Failed(failure) => Some(failure.clone()),
                Occasion::Tick => status.failure.clone(),
            };
            let is_listed = status.listed || matches!(occasion, Occasion::Listed);
            let changed = status.progress != progress
                || status.failure.is_some() != failure.is_some()
                || status.listed != is_listed;
            status.progress = progress;
            status.failure = failure;
            status.listed = is_listed;
            changed
        });
    }
}

fn reading(response: &TimeToLive) -> Reading {
    Reading {
        time: LeaseTime {
            ttl: response.ttl,
            granted: response.granted_ttl,
        },
        at: Instant::now(),
        at_ms: now_ms(),
    }
}

/// The gateway's clock: milliseconds since the Unix epoch.
pub(super) fn now_ms() -> i64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}
