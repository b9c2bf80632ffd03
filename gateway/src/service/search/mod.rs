//! Searches keys and values for bytes or a regular expression, at one revision.
//!
//! A search runs in a task of its own: it reads window by window over a connection that only searches use, and
//! matches each window outside the executor's threads. It ends at a limit, with a cursor to continue, and as soon as
//! its client disconnects; a client that reads nothing cannot prolong it. An account that may not read the whole range
//! searches the parts that it may read.

mod estimate;
mod pattern;
mod query;
mod run;
mod scan;

use std::sync::Arc;
use std::time::Duration;

use shared::{Code, Header, SearchEnd, SearchMatch, SearchProgress};
use tokio::sync::mpsc;
use tokio::time::timeout;

pub use self::pattern::Needle;
pub use self::query::{MAX_MATCHES, Places, SearchQuery};
use self::run::Run;
use super::fair::{FairSlots, Slot};
use crate::etcd::{Etcd, Get, Range};
use crate::failure::{Failure, Result};
use crate::identity::{Caller, Identity};
use crate::tasks::Tasks;

/// Concurrent searches, one per identity: each makes etcd read a part of its data.
const SEARCHES: usize = 2;
/// How long a request waits for a slot: a search whose client has just disconnected releases its own within moments.
const SLOT_WAIT: Duration = Duration::from_secs(1);
/// Timeout of a call that prepares a search.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Reports buffered for the client.
const QUEUE: usize = 2;

/// Searches in one cluster.
#[derive(Debug)]
pub struct SearchService {
    etcd: Etcd,
    tasks: Tasks,
    slots: FairSlots<Identity>,
}

/// A report of a running search.
#[derive(Clone, Debug)]
pub enum SearchReport {
    /// Keys that match.
    Matches(Vec<SearchMatch>),
    /// The progress so far.
    Progress(SearchProgress),
    /// The last report: the range, or a limit, is exhausted.
    End(Box<SearchEnd>),
    /// The last report: the search failed.
    Failed(Failure),
}

/// What a caller's search covers.
#[derive(Clone, Debug)]
struct Scope {
    /// The store's header, with the revision that is searched.
    header: Header,
    /// The ranges to search in order, each with its number of keys; none is empty.
    parts: Vec<(Range, u64)>,
    /// Whether these are only parts of the requested range.
    readable_only: bool,
}

impl Scope {
    fn keys(&self) -> u64 {
        self.parts.iter().map(|(_, keys)| keys).sum()
    }
}

impl SearchService {
    /// The service over one cluster; each search runs in a task.
    pub fn new(etcd: &Etcd, tasks: Tasks) -> Self {
        Self {
            etcd: etcd.for_searches(),
            tasks,
            slots: FairSlots::new(SEARCHES),
        }
    }

    /// Starts a search. Returns the revision that is searched, and the reports; a stream that ends without a last
    /// report was cut off, because its client read too slowly. A failure before the first read is an error.
    pub async fn search(
        &self,
        caller: Caller,
        query: SearchQuery,
    ) -> Result<(i64, mpsc::Receiver<SearchReport>)> {
        let slot = self.slot(&caller.identity).await?;
        let scope = self
            .scope(&caller.with_timeout(CALL_TIMEOUT), &query)
            .await?;
        let revision = scope.header.revision;
        let (sender, reports) = mpsc::channel(QUEUE);
        let run = Run::new(self.etcd.clone(), caller, query, scope, self.tasks.clone());
        self.tasks.spawn(run.finish(sender, Arc::new(slot)));
        Ok((revision, reports))
    }

    async fn slot(&self, identity: &Identity) -> Result<Slot> {
        let slot = timeout(SLOT_WAIT, self.slots.acquire(identity)).await;
        slot.map_err(|_| {
            let detail = format!(
                "other searches are running; the limits are one at a time per account and {SEARCHES} per cluster"
            );
            Failure::new(Code::RateLimited, detail).hint("retry when they have ended")
        })
    }

    /// Determines what the caller's search covers, and pins its revision.
    async fn scope(&self, caller: &Caller, query: &SearchQuery) -> Result<Scope> {
        let whole = &query.range;
        let (ranges, readable_only) = match self.etcd.may_read(caller, whole).await {
            Ok(()) => (vec![whole.clone()], false),
            Err(refusal) if refusal.code == Code::Forbidden => {
                let readable = self.etcd.readable(caller).await?.unwrap_or_default();
                let parts = readable
                    .iter()
                    .filter_map(|range| range.intersection(whole));
                let parts: Vec<_> = parts.collect();
                if parts.is_empty() {
                    return Err(refusal);
                }
                (parts, true)
            }
            Err(failure) => return Err(failure),
        };
        let mut revision = query.revision;
        let mut parts = Vec::with_capacity(ranges.len());
        let mut header = None;
        for range in ranges {
            let count = Get::count_only().at(revision);
            let counted = self.etcd.range(caller, &range, &count).await?;
            if revision == 0 {
                revision = counted.header.revision;
            }
            header = Some(counted.header);
            if counted.count > 0 {
                parts.push((range, counted.count.unsigned_abs()));
            }
        }
        let header = header.expect("there is at least one range");
        Ok(Scope {
            header: Header { revision, ..header },
            parts,
            readable_only,
        })
    }
}
