//! Imports keys from a file of an export's lines, in memory that does not grow with the file.
//!
//! An import proceeds chunk by chunk. For each chunk it reads which keys exist, with which values, and
//! then writes the chunk in one transaction that compares what was read. So a key that another client
//! writes meanwhile is read again, and never overwritten unseen. A key that has the same value already is
//! not written: the same file may be imported twice.

mod lines;
mod plan;
mod report;

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use shared::{Code, Header, ImportConflict, ImportCounts, ImportEnd, OnConflict};
use tokio::sync::mpsc;

use self::lines::{Item, Lines, Read};
use self::plan::{Action, KeyState};
pub use self::report::Report;
use self::report::Reporter;
use crate::etcd::{Etcd, Op, Put, Txn};
use crate::failure::{Failure, Result};
use crate::identity::Caller;
use crate::tasks::Tasks;

/// The limit on ops in a transaction, below etcd's default limit of 128. If a cluster with a lower limit
/// returns `too_many_ops`, chunks are halved.
const OPS: usize = 100;
/// Approximate bytes of keys and values in a transaction, below etcd's default limit of 1.5 MiB. A larger
/// entry gets a transaction of its own.
const BYTES: usize = 1 << 20;
/// Existing values read at a time, so that the largest possible ones fit in memory.
const VALUES: usize = 16;
/// Attempts for some keys that other clients write meanwhile; after that, halves of them are tried, down
/// to one key.
const ATTEMPTS: usize = 4;
/// Timeout of one etcd call.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// The limit on leases that are remembered to exist or not.
const LEASES: usize = 10_000;

/// Imports into one cluster.
#[derive(Clone, Debug)]
pub struct TransferService {
    etcd: Etcd,
    tasks: Tasks,
}

/// Options of an import.
#[derive(Clone, Copy, Debug, Default)]
pub struct ImportOptions {
    /// Change nothing; report what would be changed.
    pub dry_run: bool,
    /// What to do with keys that exist with another value.
    pub on_conflict: OnConflict,
    /// Attach the leases of the file if they exist; otherwise new keys have none, and existing keys keep
    /// theirs.
    pub keep_leases: bool,
    /// Lines before this one are skipped; counted from 1.
    pub from_line: u64,
}

/// The file as it arrives.
pub type Body = BoxStream<'static, Result<Bytes>>;

impl TransferService {
    /// The service over one cluster; an import runs in a task of its own.
    pub fn new(etcd: Etcd, tasks: Tasks) -> Self {
        Self { etcd, tasks }
    }

    /// Starts an import. Returns the store's revision, if a first chunk was read, and the reports of the
    /// import. A failure before anything was done is an error; later failures are reported. The last report
    /// is the end, or why the import stopped.
    ///
    /// The import never waits until its reports are read: most clients send the whole file first.
    pub async fn import(
        &self,
        caller: Caller,
        options: ImportOptions,
        body: Body,
    ) -> Result<(Option<i64>, mpsc::Receiver<Report>)> {
        let (reporter, reports) = Reporter::new();
        let before = options.from_line.saturating_sub(1);
        let mut import = Import {
            etcd: self.etcd.clone(),
            caller,
            options,
            lines: Lines::new(body, options.from_line, self.tasks.stop().clone()),
            ops: OPS,
            counts: ImportCounts {
                line: before,
                ..ImportCounts::default()
            },
            header: None,
            leases: HashMap::new(),
            reporter,
            stopped: false,
        };
        let first = match import.step().await {
            // Conflicts are always listed.
            Err(failure) if import.counts.conflicts == 0 && import.counts.line == before => {
                return Err(failure);
            }
            first => first,
        };
        let revision = import.header.map(|header| header.revision);
        self.tasks.spawn(import.finish(first));
        Ok((revision, reports))
    }
}

/// An import in progress.
struct Import {
    etcd: Etcd,
    caller: Caller,
    options: ImportOptions,
    lines: Lines,
    /// The limit on ops in a transaction, as far as the cluster's is known.
    ops: usize,
    counts: ImportCounts,
    header: Option<Header>,
    /// Which of the file's leases exist.
    leases: HashMap<i64, bool>,
    reporter: Reporter,
    /// A conflict was found at which the import stops.
    stopped: bool,
}

impl Import {
    /// Continues after the first step, to the end.
    async fn finish(mut self, first: Result<bool>) {
        let mut step = first;
        while let Ok(true) = step {
            self.reporter.progress(self.counts);
            if self.reporter.is_closed() {
                // The client has disconnected, so it will not send the rest either.
                return;
            }
            step = self.step().await;
        }
        let end = match step {
            Ok(_) => self.end().await,
            Err(failure) => Err(failure),
        };
        let last = match end {
            Ok(end) => Report::End(end),
            Err(failure) => Report::Stopped {
                failure,
                resume_from: self.counts.line + 1,
                done: self.counts,
            },
        };
        self.reporter.last(last).await;
    }

    /// Imports the next chunk; returns whether there was one.
    async fn step(&mut self) -> Result<bool> {
        let chunk = self.lines.chunk(self.ops, BYTES).await?;
        let Read::Chunk(items) = chunk else {
            return Ok(false);
        };
        let mut todo = VecDeque::from([&items[..]]);
        while let Some(part) = todo.pop_front() {
            let mut failure = match self.import_part(part).await {
                Ok(Some(done)) => {
                    if done < part.len() {
                        todo.push_front(&part[done..]);
                    }
                    continue;
                }
                Ok(None) => Failure::new(Code::Conflict, "other clients keep writing this key")
                    .hint("resume the import from here once they have stopped"),
                Err(failure) => failure,
            };
            let splits = matches!(
                failure.code,
                Code::TooManyOps | Code::TooLarge | Code::Conflict
            );
            if splits && part.len() > 1 && !self.stopped {
                let (first, second) = part.split_at(part.len().div_ceil(2));
                if failure.code == Code::TooManyOps {
                    self.ops = first.len();
                }
                todo.push_front(second);
                todo.push_front(first);
                continue;
            }
            failure.detail = format!("line {}: {}", part[0].line, failure.detail);
            return Err(failure);
        }
        Ok(true)
    }

    /// Imports some items in one transaction. Returns how many, fewer than given if the next one is a
    /// conflict at which the import stops; `None` if other clients keep writing their keys.
    async fn import_part(&mut self, items: &[Item]) -> Result<Option<usize>> {
        for _ in 0..ATTEMPTS {
            let states = self.states_of(items).await?;
            let mut actions = plan::actions(&states, self.options);
            let stop = actions.iter().position(|action| *action == Action::Stop);
            if stop == Some(0) {
                self.list_conflicts(items, &states);
                self.stopped = true;
                return Err(Failure::new(
                    Code::Conflict,
                    "the key exists with another value, and on_conflict is fail",
                )
                .hint(
                    "on_conflict=skip keeps such keys, overwrite replaces them; ?dry_run lists them",
                ));
            }
            actions.truncate(stop.unwrap_or(actions.len()));
            let (items, states) = (&items[..actions.len()], &states[..actions.len()]);
            let leases = self.leases_of(items).await?;
            match self.write(items, states, &actions, &leases).await {
                Ok(true) => {
                    self.list_conflicts(items, states);
                    plan::count(&mut self.counts, &actions);
                    let missing = items.iter().zip(&leases).zip(&actions);
                    let missing = missing.filter(|((item, lease), action)| {
                        action.is_write() && self.options.keep_leases && item.lease != **lease
                    });
                    self.counts.leases_missing += missing.count() as u64;
                    self.counts.line = items[items.len() - 1].line;
                    return Ok(Some(items.len()));
                }
                // Another client wrote a key meanwhile: read again.
                Ok(false) => {}
                Err(failure) if failure.code == Code::LeaseNotFound => self.leases.clear(),
                Err(failure) => return Err(failure),
            }
        }
        Ok(None)
    }

    fn list_conflicts(&mut self, items: &[Item], states: &[KeyState]) {
        for (item, state) in items.iter().zip(states) {
            if let KeyState::Other { mod_revision } = state {
                self.counts.conflicts += 1;
                self.reporter.conflict(ImportConflict {
                    line: item.line,
                    key: item.key[..].into(),
                    mod_revision: *mod_revision,
                });
            }
        }
    }

    /// The state of each key in the cluster.
    async fn states_of(&mut self, items: &[Item]) -> Result<Vec<KeyState>> {
        let leases = self.leases_of(items).await?;
        let caller = self.caller.with_timeout(CALL_TIMEOUT);
        let peeks = Txn {
            then: items.iter().map(|item| Op::peek(&item.key)).collect(),
            ..Txn::default()
        };
        let peeked = self.etcd.txn(&caller, peeks).await?;
        self.header = Some(peeked.header);
        let mut states = vec![KeyState::Absent; items.len()];
        let exists = peeked.responses.into_iter().enumerate();
        let exists: Vec<usize> = exists
            .filter_map(|(n, response)| response.into_entry().map(|_| n))
            .collect();
        for some in exists.chunks(VALUES) {
            let gets = some.iter().map(|n| Op::get(&items[*n].key));
            let gets = Txn {
                then: gets.collect(),
                ..Txn::default()
            };
            let response = self
                .etcd
                .txn(&self.caller.with_timeout(CALL_TIMEOUT), gets)
                .await?;
            for (n, response) in some.iter().zip(response.responses) {
                let lease = self.options.keep_leases.then_some(leases[*n]);
                states[*n] = KeyState::of(&items[*n], lease, response.into_entry());
            }
        }
        Ok(states)
    }

    /// The lease that each item gets: 0 if leases are dropped, or the item's no longer exists.
    async fn leases_of(&mut self, items: &[Item]) -> Result<Vec<i64>> {
        let mut leases = vec![0; items.len()];
        if !self.options.keep_leases {
            return Ok(leases);
        }
        for (item, lease) in items.iter().zip(&mut leases) {
            if item.lease == 0 {
                continue;
            }
            let known = self.leases.get(&item.lease).copied();
            let exists = if let Some(exists) = known {
                exists
            } else {
                let caller = self.caller.with_timeout(CALL_TIMEOUT);
                let about = self.etcd.lease_time_to_live(&caller, item.lease, false);
                let exists = about.await?.ttl >= 0;
                if self.leases.len() >= LEASES {
                    self.leases.clear();
                }
                self.leases.insert(item.lease, exists);
                exists
            };
            if exists {
                *lease = item.lease;
            }
        }
        Ok(leases)
    }

    /// Writes the items, if every key is still as it was read; returns whether it was.
    async fn write(
        &mut self,
        items: &[Item],
        states: &[KeyState],
        actions: &[Action],
        leases: &[i64],
    ) -> Result<bool> {
        let mut txn = Txn::default();
        let all = items.iter().zip(states).zip(actions.iter().zip(leases));
        for ((item, state), (_, lease)) in all.filter(|(_, (action, _))| action.is_write()) {
            txn.compare.push(state.compare(&item.key));
            let keeps_its_own =
                !self.options.keep_leases && matches!(state, KeyState::Other { .. });
            txn.then.push(Op::Put(Put {
                key: item.key.clone(),
                value: item.value.clone(),
                lease: *lease,
                ignore_lease: keeps_its_own,
                prev: false,
            }));
        }
        if txn.then.is_empty() || self.options.dry_run {
            return Ok(true);
        }
        let response = self
            .etcd
            .txn(&self.caller.with_timeout(CALL_TIMEOUT), txn)
            .await?;
        self.header = Some(response.header);
        Ok(response.succeeded)
    }

    async fn end(&mut self) -> Result<ImportEnd> {
        let header = if let Some(header) = self.header {
            header
        } else {
            // No line has named a key, so no key is known that the caller may read.
            let caller = self.caller.with_timeout(CALL_TIMEOUT);
            self.etcd.header_without_key(&caller).await?
        };
        self.counts.line = self.lines.number();
        Ok(ImportEnd {
            header,
            count: self.lines.entries(),
            counts: self.counts,
            complete: (self.options.from_line <= 1)
                .then(|| self.lines.announced() == Some(self.lines.entries())),
            dry_run: self.options.dry_run,
        })
    }
}
