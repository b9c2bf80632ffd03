//! Software transactional memory with the semantics of etcd's own client. The read set stays in the
//! client: reads return their revisions, and a commit sends them back to be compared.
//!
//! | isolation | the commit checks that |
//! |---|---|
//! | `serializable_snapshot` | the read keys are unchanged, and the written keys were not written since the first read |
//! | `serializable`, `repeatable_reads` | the read keys are unchanged |
//! | `read_committed` | nothing |

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use shared::{
    Bytes, Code, CompareOp, CompareTarget, Header, Isolation, StmCommitResponse, StmRead,
    StmReadResponse,
};

use super::txn::Outline;
use crate::etcd::{Compare, Delete, Etcd, Get, KeyValue, Op, OpResponse, Put, Range, Txn};
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// The limit on keys read, compared or written in one transaction: etcd's default limit of ops.
pub const MAX_OPS: usize = 128;

/// STM on one cluster.
#[derive(Clone, Debug)]
pub struct StmService {
    etcd: Etcd,
    /// The newest store revision seen so far.
    newest: Arc<AtomicI64>,
}

/// A write of a commit.
#[derive(Clone, Debug)]
pub enum Write {
    /// Writes a key.
    Put(Put),
    /// Deletes a key.
    Delete(Vec<u8>),
}

impl Write {
    fn key(&self) -> &[u8] {
        match self {
            Self::Put(put) => &put.key,
            Self::Delete(key) => key,
        }
    }

    fn into_op(self) -> Op {
        match self {
            Self::Put(put) => Op::Put(put),
            Self::Delete(key) => Op::Delete(Delete {
                range: Range::single(key),
                prev: false,
            }),
        }
    }
}

/// A commit as the client requests it.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The isolation level.
    pub isolation: Isolation,
    /// The revision of the first read.
    pub revision: Option<i64>,
    /// The keys that were read, each with the revision of its last change; 0 for an absent key.
    pub reads: Vec<(Vec<u8>, i64)>,
    /// The writes.
    pub writes: Vec<Write>,
}

/// A condition on one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum KeyCondition {
    /// Its last change was at this revision.
    At(i64),
    /// Its last change was before this revision.
    Before(i64),
}

impl KeyCondition {
    fn compare(self, key: &[u8]) -> Compare {
        match self {
            Self::At(revision) => Compare::modified_at(key, revision),
            Self::Before(revision) => Compare::number(
                Range::single(key),
                CompareTarget::ModRevision,
                CompareOp::Less,
                revision,
            ),
        }
    }

    fn holds(self, mod_revision: i64) -> bool {
        match self {
            Self::At(revision) => mod_revision == revision,
            Self::Before(revision) => mod_revision < revision,
        }
    }
}

fn too_many(what: &str, count: usize) -> Failure {
    let detail = format!("{count} {what}; the limit is {MAX_OPS}");
    Failure::new(Code::TooManyOps, detail)
}

impl Commit {
    /// The conditions, in the order in which the keys first appear.
    fn conditions(&self) -> Result<Vec<(&[u8], KeyCondition)>> {
        let reads = || {
            let reads = self.reads.iter();
            reads.map(|(key, revision)| (&key[..], KeyCondition::At(*revision)))
        };
        Ok(match self.isolation {
            Isolation::ReadCommitted => Vec::new(),
            Isolation::Serializable | Isolation::RepeatableReads => reads().collect(),
            Isolation::SerializableSnapshot => {
                let before = match self.revision {
                    Some(revision) => revision.saturating_add(1),
                    // Nothing was read: blind writes have no conditions.
                    None if self.reads.is_empty() => return Ok(Vec::new()),
                    None => {
                        let failure = Failure::bad_request(
                            "`revision` is required for serializable_snapshot with reads",
                        );
                        return Err(failure.hint("use header.revision of the first read"));
                    }
                };
                let writes = self.writes.iter();
                let writes = writes.map(|write| (write.key(), KeyCondition::Before(before)));
                reads().chain(writes).collect()
            }
        })
    }

    fn check(&self) -> Result<()> {
        let (reads, writes) = (self.reads.len(), self.writes.len());
        if self.isolation == Isolation::SerializableSnapshot && reads + writes > MAX_OPS {
            let failure = too_many("reads and writes together", reads + writes);
            return Err(failure.hint("the other isolation levels allow 128 of each"));
        }
        if reads > MAX_OPS {
            return Err(too_many("reads", reads));
        }
        if writes > MAX_OPS {
            return Err(too_many("writes", writes));
        }
        Ok(())
    }
}

fn read(key: &[u8], kv: Option<KeyValue>) -> StmRead {
    StmRead {
        key: key.into(),
        mod_revision: kv.as_ref().map_or(0, |kv| kv.mod_revision),
        value: kv.map(|kv| kv.value.into()),
    }
}

fn reads(keys: &[Vec<u8>], responses: Vec<OpResponse>) -> Vec<StmRead> {
    let responses = responses.into_iter().map(OpResponse::into_entry);
    keys.iter()
        .zip(responses)
        .map(|(key, kv)| read(key, kv))
        .collect()
}

impl StmService {
    /// The service over one cluster.
    pub fn new(etcd: Etcd) -> Self {
        Self {
            etcd,
            newest: Arc::default(),
        }
    }

    /// Reads the keys at one revision: the newest, or `revision`.
    pub async fn read(
        &self,
        caller: &Caller,
        keys: Vec<Vec<u8>>,
        revision: Option<i64>,
    ) -> Result<StmReadResponse> {
        if keys.is_empty() {
            return Err(Failure::bad_request("`keys` must not be empty"));
        }
        if keys.len() > MAX_OPS {
            return Err(too_many("keys", keys.len()));
        }
        let get = Get::default().at(revision.unwrap_or(0));
        let gets = keys
            .iter()
            .map(|key| Op::Get(Range::single(&key[..]), get.clone()));
        let txn = Txn {
            then: gets.collect(),
            ..Txn::default()
        };
        let response = self.etcd.txn(caller, txn).await?;
        self.record_revision(response.header.revision);
        Ok(StmReadResponse {
            header: Header {
                revision: revision.unwrap_or(response.header.revision),
                ..response.header
            },
            reads: reads(&keys, response.responses),
        })
    }

    /// Writes everything in one revision, or nothing if a condition fails: the failure then carries the
    /// current reads and the revision for the next attempt.
    pub async fn commit(&self, caller: &Caller, commit: Commit) -> Result<StmCommitResponse> {
        commit.check()?;
        self.check_revision(caller, &commit).await?;
        let conditions = commit.conditions()?;
        let mut compared: Vec<Vec<u8>> = Vec::new();
        let mut by_key: HashMap<Vec<u8>, Vec<KeyCondition>> = HashMap::new();
        for (key, condition) in &conditions {
            let of_key = by_key.entry(key.to_vec()).or_insert_with(|| {
                compared.push(key.to_vec());
                Vec::new()
            });
            of_key.push(*condition);
        }
        let compare = conditions
            .into_iter()
            .map(|(key, condition)| condition.compare(key))
            .collect();
        let txn = Txn {
            compare,
            then: commit.writes.into_iter().map(Write::into_op).collect(),
            or_else: compared.iter().map(|key| Op::get(key)).collect(),
        };
        let outline = Outline::of(&txn);
        let response = self.etcd.txn(caller, txn).await;
        let response = response.map_err(|failure| rename_to_write(outline.name(failure)))?;
        self.record_revision(response.header.revision);
        if response.succeeded {
            return Ok(StmCommitResponse {
                header: response.header,
                responses: outline.results(true, response.responses),
            });
        }
        let reads = reads(&compared, response.responses);
        let conflicts: Vec<Bytes> = reads
            .iter()
            .filter(|read| {
                let conditions = by_key.get(&read.key.0).into_iter().flatten();
                conditions
                    .into_iter()
                    .any(|condition| !condition.holds(read.mod_revision))
            })
            .map(|read| read.key.clone())
            .collect();
        let detail = format!("{} of the keys have changed", conflicts.len());
        let failure = Failure::new(Code::StmConflict, detail)
            .hint("recompute from `reads`, and commit with this `revision`")
            .with(|facts| {
                facts.conflicts = Some(conflicts);
                facts.reads = Some(reads);
                facts.revision = Some(response.header.revision);
                facts.store_revision = Some(response.header.revision);
            });
        Err(failure)
    }

    fn record_revision(&self, revision: i64) {
        self.newest.fetch_max(revision, Ordering::Relaxed);
    }

    /// Refuses a revision from the future: no write could be later than it, so it would detect no
    /// conflict. A revision that the store is known to have reached needs no request.
    async fn check_revision(&self, caller: &Caller, commit: &Commit) -> Result<()> {
        let (Isolation::SerializableSnapshot, Some(revision)) = (commit.isolation, commit.revision)
        else {
            return Ok(());
        };
        let read = commit.reads.first().map(|(key, _)| &key[..]);
        let key = read.or_else(|| commit.writes.first().map(Write::key));
        let Some(key) = key.filter(|_| revision > self.newest.load(Ordering::Relaxed)) else {
            return Ok(());
        };
        let at = Get {
            keys_only: true,
            ..Get::default().at(revision)
        };
        match self.etcd.range(caller, &Range::single(key), &at).await {
            Ok(response) => self.record_revision(response.header.revision),
            // A past revision, too old to be read; the comparisons work nevertheless.
            Err(failure) if failure.code == Code::Compacted => {}
            Err(failure) => return Err(failure),
        }
        Ok(())
    }
}

/// Renames an op's path: in the body of a commit the ops are under `writes`.
fn rename_to_write(mut failure: Failure) -> Failure {
    if let Some(rest) = failure.detail.strip_prefix("then[") {
        failure.detail = format!("writes[{rest}");
    }
    failure
}

#[cfg(test)]
mod tests;
