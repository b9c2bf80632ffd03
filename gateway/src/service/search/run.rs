//! A running search: reads windows, matches them, reports, and ends at a limit.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use shared::{Code, Header, SearchEnd, SearchLimit, SearchProgress};
use tokio::sync::mpsc::Sender;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::query::SearchQuery;
use super::scan::scan;
use super::{Scope, SearchReport};
use crate::etcd::{Etcd, KeyValue, Range, next_key};
use crate::failure::{Failure, Result};
use crate::identity::Caller;
use crate::service::fair::Slot;
use crate::service::kv::{Export, PageQuery};
use crate::tasks::Tasks;

/// The limit on the time of one request.
const MAX_TIME: Duration = Duration::from_secs(30);
/// The limit on bytes of keys and values that one request reads; the last window may exceed it.
const MAX_BYTES: u64 = 256 << 20;
/// How long after the time limit a report may wait for a client that reads slowly.
const GRACE: Duration = Duration::from_secs(5);
/// Interval between progress reports.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// A running search.
pub(super) struct Run {
    etcd: Etcd,
    caller: Caller,
    query: SearchQuery,
    tasks: Tasks,
    /// Cancelled when the search has ended, for a match that runs outside its task.
    stop: CancellationToken,
    header: Header,
    readable_only: bool,
    /// The ranges that are not read yet.
    rest: VecDeque<Range>,
    /// When the time limit is reached.
    deadline: Instant,
    /// The next key to search.
    at: Vec<u8>,
    matches: usize,
    progress: SearchProgress,
}

/// Why nothing more is searched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopped {
    /// All of the range was searched.
    Complete,
    At(SearchLimit),
    /// The client reads so slowly that it is sent nothing more.
    SlowReader,
}

impl Run {
    pub(super) fn new(
        etcd: Etcd,
        caller: Caller,
        query: SearchQuery,
        scope: Scope,
        tasks: Tasks,
    ) -> Self {
        Self {
            deadline: Instant::now() + MAX_TIME,
            at: query.range.key.clone(),
            matches: 0,
            progress: SearchProgress {
                of_keys: scope.keys(),
                ..SearchProgress::default()
            },
            header: scope.header,
            readable_only: scope.readable_only,
            rest: scope.parts.into_iter().map(|(range, _)| range).collect(),
            stop: tasks.stop().child_token(),
            etcd,
            caller,
            query,
            tasks,
        }
    }

    /// Searches to the end or to a limit, unless the client or the process ends before. The slot is released when
    /// nothing of the search runs any more.
    pub(super) async fn finish(mut self, reports: Sender<SearchReport>, slot: Arc<Slot>) {
        let stop = self.stop.clone();
        let _stops = stop.clone().drop_guard();
        let searched = tokio::select! {
            biased;
            () = reports.closed() => return,
            () = stop.cancelled() => {
                Err(Failure::new(Code::Unavailable, "this gateway is shutting down"))
            }
            searched = self.search(&reports, &slot) => searched,
        };
        let last = match searched {
            Ok(Stopped::Complete) => SearchReport::End(Box::new(self.end(None))),
            Ok(Stopped::At(limit)) => SearchReport::End(Box::new(self.end(Some(limit)))),
            Ok(Stopped::SlowReader) => return,
            Err(failure) => SearchReport::Failed(failure),
        };
        self.report(&reports, last).await;
    }

    /// Sends a report; returns whether the client took it in time.
    async fn report(&self, reports: &Sender<SearchReport>, report: SearchReport) -> bool {
        let sent = timeout_at(self.deadline + GRACE, reports.send(report)).await;
        matches!(sent, Ok(Ok(())))
    }

    fn end(&self, stopped_by: Option<SearchLimit>) -> SearchEnd {
        let next = stopped_by.map(|_| self.query.cursor(self.at.clone(), self.header.revision));
        SearchEnd {
            header: self.header,
            matches: self.matches as u64,
            progress: self.progress,
            stopped_by,
            readable_only: self.readable_only,
            next,
        }
    }

    async fn search(
        &mut self,
        reports: &Sender<SearchReport>,
        slot: &Arc<Slot>,
    ) -> Result<Stopped> {
        let mut reported = Instant::now();
        if !self
            .report(reports, SearchReport::Progress(self.progress))
            .await
        {
            return Ok(Stopped::SlowReader);
        }
        while let Some(range) = self.rest.pop_front() {
            let query = PageQuery {
                keys_only: !self.query.places.values,
                ..PageQuery::whole(range, self.header.revision)
            };
            let mut windows = Export::new(self.etcd.clone(), self.caller.clone(), query);
            loop {
                let Ok(kvs) = timeout_at(self.deadline, windows.next_raw()).await else {
                    return self.out_of_time();
                };
                let Some(kvs) = kvs? else {
                    break;
                };
                let matches = self.scan(kvs, slot).await?;
                if !matches.is_empty()
                    && !self.report(reports, SearchReport::Matches(matches)).await
                {
                    return Ok(Stopped::SlowReader);
                }
                match stopped(&self.progress, self.matches, self.query.limit) {
                    Some(stopped) => return Ok(stopped),
                    None if Instant::now() >= self.deadline => return self.out_of_time(),
                    None => {}
                }
                if reported.elapsed() >= PROGRESS_INTERVAL {
                    reported = Instant::now();
                    if !self
                        .report(reports, SearchReport::Progress(self.progress))
                        .await
                    {
                        return Ok(Stopped::SlowReader);
                    }
                }
            }
        }
        Ok(Stopped::Complete)
    }

    /// Matches the keys of a window, outside the executor's threads: an expensive pattern takes long on a large value.
    async fn scan(
        &mut self,
        kvs: Vec<KeyValue>,
        slot: &Arc<Slot>,
    ) -> Result<Vec<shared::SearchMatch>> {
        let bytes = kvs
            .iter()
            .map(|kv| kv.key.len() + kv.value.len())
            .sum::<usize>();
        let room = self.query.limit - self.matches;
        let (pattern, places) = (self.query.pattern.clone(), self.query.places);
        let (stop, deadline, slot) = (self.stop.clone(), self.deadline, Arc::clone(slot));
        let scanned = self.tasks.spawn_blocking(move || {
            // The search counts until this has ended, also if its client disconnects before.
            let _slot = slot;
            let has_ended = || stop.is_cancelled() || Instant::now() >= deadline;
            let scanned = scan(&kvs, &pattern, places, room, has_ended);
            let last = kvs[..scanned.keys].last().map(|kv| next_key(&kv.key));
            (scanned, last)
        });
        let (scanned, next) = scanned
            .await
            .map_err(|error| Failure::new(Code::Internal, "the search failed").source(error))?;
        if let Some(next) = next {
            self.at = next;
        }
        self.matches += scanned.matches.len();
        self.progress.keys += scanned.keys as u64;
        self.progress.bytes += bytes as u64;
        Ok(scanned.matches)
    }

    /// The end at the time limit; an error if nothing was searched: the next request would not get further.
    fn out_of_time(&self) -> Result<Stopped> {
        if self.progress.keys > 0 {
            return Ok(Stopped::At(SearchLimit::Time));
        }
        let seconds = MAX_TIME.as_secs();
        let detail = format!("nothing could be searched within {seconds} s");
        Err(Failure::new(Code::Timeout, detail)
            .hint("GET /readyz shows whether etcd can be reached"))
    }
}

/// Why a search stops here, if it does.
fn stopped(progress: &SearchProgress, matches: usize, limit: usize) -> Option<Stopped> {
    if progress.keys >= progress.of_keys {
        Some(Stopped::Complete)
    } else if matches >= limit {
        Some(Stopped::At(SearchLimit::Matches))
    } else if progress.bytes >= MAX_BYTES {
        Some(Stopped::At(SearchLimit::Bytes))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_stops_at_the_first_limit() {
        let check = |keys: u64, bytes: u64, matches: usize, expected: Option<Stopped>| {
            let progress = SearchProgress {
                keys,
                bytes,
                of_keys: 100,
            };
            assert_eq!(stopped(&progress, matches, 10), expected, "{progress:?}");
        };
        check(99, MAX_BYTES - 1, 9, None);
        check(99, 0, 10, Some(Stopped::At(SearchLimit::Matches)));
        check(99, MAX_BYTES, 0, Some(Stopped::At(SearchLimit::Bytes)));
        // Nothing is left to continue with.
        check(100, MAX_BYTES, 10, Some(Stopped::Complete));
    }
}
