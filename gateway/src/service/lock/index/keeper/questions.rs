//! The questions that an index asks etcd: the leases with their keys, those keys, a scan where leases may
//! not be listed, the leases that are due again. Answers are taken in as they come, in any order.

use std::collections::HashSet;
use std::sync::Arc;

use shared::{Code, Entry, Header};
use tokio::time::{Instant, sleep};

use super::super::super::Inner;
use super::super::super::queue::read_keys;
use super::super::super::shape::LeaseTime;
use super::super::super::wait::passing;
use super::super::Shared;
use super::super::reading::Reading;
use super::super::state::{Scope, State};
use super::{Keeper, PAUSE, seen};
use crate::caller::Caller;
use crate::etcd::{Range, TimeToLive, entry};
use crate::failure::Result;
use crate::service::leased;

/// Questions and reads at the same time.
const CONCURRENCY: usize = 16;
/// Questions about leases begun in one tick.
const ASK: usize = 50;
/// Keys read at once, etcd's limit for a transaction.
const BATCH: usize = 128;

/// What a question brought.
pub(super) enum Answer {
    /// A lease of the listing, with its keys.
    Listed(i64, Result<TimeToLive>),
    /// Keys of leases that were listed.
    Read {
        reading: Reading,
        keys: Vec<Vec<u8>>,
        answer: Result<(Option<Header>, Vec<Entry>)>,
    },
    /// A lease that was asked about again.
    Again(i64, Result<TimeToLive>),
    /// Leased keys of a range, all at one revision or later.
    Scanned {
        reading: Reading,
        range: Range,
        answer: Result<(i64, Vec<Entry>)>,
    },
    /// Whether what is watched may still be read.
    Permitted(Result<()>),
}

impl Keeper {
    /// Asks whether what is watched may still be read.
    pub(super) fn check_permission(&mut self) {
        let (etcd, caller) = (self.inner.etcd.clone(), self.caller());
        let ranges = self.watched.clone();
        self.running.push(Box::pin(async move {
            for range in &ranges {
                if let Err(failure) = etcd.may_read(&caller, range).await {
                    return Answer::Permitted(Err(failure));
                }
            }
            Answer::Permitted(Ok(()))
        }));
    }

    /// Begins as many questions of the listing as may run at once.
    pub(super) fn begin_questions(&mut self) {
        while self.running.len() < CONCURRENCY
            && let Some(lease) = self.to_list.pop_front()
        {
            self.listing += 1;
            let question = ask(&self.inner, self.caller(), lease, true);
            let question = async move { Answer::Listed(lease, paused(question).await) };
            self.running.push(Box::pin(question));
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
            let asking = || caller.renewed();
            let scan = leased::scan(&etcd, asking, &range, |kv| entry(kv, false));
            let answer = paused(scan).await;
            Answer::Scanned {
                reading,
                range,
                answer,
            }
        }));
    }

    fn begin_read(&mut self, keys: Vec<Vec<u8>>) {
        let scope: HashSet<Vec<u8>> = keys.iter().cloned().collect();
        let reading = Reading::begin(&self.index, Scope::Keys(scope));
        let (etcd, caller) = (self.inner.etcd.clone(), self.caller());
        self.listing += 1;
        self.running.push(Box::pin(async move {
            let answer = paused(read_keys(&etcd, &caller, &keys, 0)).await;
            let answer = answer.map(|(header, kvs)| {
                let entries = kvs.into_iter().map(|kv| entry(kv, false)).collect();
                (header, entries)
            });
            Answer::Read {
                reading,
                keys,
                answer,
            }
        }));
    }

    pub(super) fn answered(&mut self, answer: Answer) {
        let now = Instant::now();
        match answer {
            Answer::Listed(lease, answer) => {
                self.listing -= 1;
                match answer {
                    Ok(answer) if answer.ttl >= 0 => {
                        self.times.push((lease, time(&answer), now));
                        self.to_read.extend(answer.keys);
                    }
                    // It ended meanwhile: its keys go by the watch, if they were known at all.
                    Ok(_) => {}
                    Err(failure) => {
                        tracing::debug!(cause = failure.chain(), "a lease could not be read");
                        if passing(&failure) {
                            self.to_list.push_back(lease);
                        }
                    }
                }
            }
            Answer::Read {
                reading,
                keys,
                answer,
            } => {
                self.listing -= 1;
                let seen = seen(&self.inner, &self.identity);
                match answer {
                    Ok((header, entries)) => {
                        let found = header.map(|header| (header.revision, entries));
                        let times = &mut self.times;
                        reading.end(|state, id| {
                            state.end_read(id, found, seen);
                            times.retain(|(lease, time, asked)| {
                                !state.lease_answered(*lease, *time, *asked)
                            });
                        });
                    }
                    Err(failure) => {
                        tracing::debug!(cause = failure.chain(), "keys could not be read");
                        if passing(&failure) {
                            self.to_read.extend(keys);
                        }
                    }
                }
            }
            Answer::Again(lease, answer) => self.index.change(|state| match answer {
                Ok(answer) => {
                    state.lease_answered(lease, time(&answer), now);
                }
                Err(_) => state.lease_unanswered(lease, now),
            }),
            Answer::Scanned {
                reading,
                range,
                answer,
            } => {
                self.listing -= 1;
                let seen = seen(&self.inner, &self.identity);
                if let Err(failure) = &answer {
                    tracing::debug!(cause = failure.chain(), "keys could not be read");
                    if passing(failure) {
                        self.to_scan.push(range);
                    }
                }
                reading.end(|state, id| state.end_read(id, answer.ok(), seen));
            }
            Answer::Permitted(Err(failure))
                if matches!(failure.code, Code::Forbidden | Code::Unauthenticated) =>
            {
                // What was seen is not to be shown any longer; opening says what still is.
                self.index.change(State::clear);
                self.relist = true;
                self.lost();
                self.index.progress.send_modify(|progress| {
                    progress.listed = false;
                    progress.failure = Some(failure);
                });
                return;
            }
            Answer::Permitted(_) => {}
        }
        self.listed_all();
    }

    /// Ends the listing once nothing of it is left to do.
    pub(super) fn listed_all(&mut self) {
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

    /// Asks about leases that are new or due again.
    pub(super) fn ask_again(&mut self) {
        let room = ASK.min((2 * CONCURRENCY).saturating_sub(self.running.len()));
        let due = {
            let mut shared = self.index.lock();
            let Shared {
                state, subscribers, ..
            } = &mut *shared;
            state.take_due(Instant::now(), room, |name| subscribers.want(name))
        };
        for lease in due {
            let question = ask(&self.inner, self.caller(), lease, false);
            let question = async move { Answer::Again(lease, question.await) };
            self.running.push(Box::pin(question));
        }
    }
}

/// A failure takes its time, so that what is tried again is no storm.
async fn paused<T>(question: impl Future<Output = Result<T>>) -> Result<T> {
    let answer = question.await;
    if answer.is_err() {
        sleep(PAUSE).await;
    }
    answer
}

/// A question about a lease, within the budget.
pub(in super::super) fn ask(
    inner: &Arc<Inner>,
    caller: Caller,
    lease: i64,
    keys: bool,
) -> impl Future<Output = Result<TimeToLive>> + use<> {
    let inner = Arc::clone(inner);
    async move {
        inner.budget.take().await;
        inner
            .etcd
            .lease_time_to_live(&caller.renewed(), lease, keys)
            .await
    }
}

pub(in super::super) fn time(answer: &TimeToLive) -> LeaseTime {
    LeaseTime {
        ttl: answer.ttl,
        granted: answer.granted_ttl,
    }
}
