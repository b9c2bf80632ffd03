//! Software transactional memory, as etcd's own client does it, with the client's memory in the
//! client: reads say the revision they were made at, a commit brings them back and is guarded by them.
//!
//! | isolation | guarded by |
//! |---|---|
//! | `serializable_snapshot` | what was read is unchanged; what is written was not written since the first read |
//! | `serializable`, `repeatable_reads` | what was read is unchanged |
//! | `read_committed` | nothing |

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use shared::{
    Bytes, Code, CompareOp, CompareTarget, Header, Isolation, StmCommitAnswer, StmRead,
    StmReadAnswer,
};

use super::txn::Outline;
use crate::caller::Caller;
use crate::etcd::{Compare, Delete, Etcd, Get, KeyValue, Op, OpAnswer, Put, Range, Txn};
use crate::failure::{Failure, Result};

/// Keys read, or compared, or written in one transaction: etcd's usual limit of ops.
pub const OPS_AT_MOST: usize = 128;

/// STM on one cluster.
#[derive(Clone, Debug)]
pub struct StmService {
    etcd: Etcd,
    /// The newest revision that it has seen of the store.
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
                range: Range::one(key),
                prev: false,
            }),
        }
    }
}

/// What a client wants to commit.
#[derive(Clone, Debug, Default)]
pub struct Commit {
    /// The guard.
    pub isolation: Isolation,
    /// The revision of the first read.
    pub revision: Option<i64>,
    /// What was read, each at the revision of its last change; 0 for an absent key.
    pub reads: Vec<(Vec<u8>, i64)>,
    /// What is written.
    pub writes: Vec<Write>,
}

/// What must hold of one key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Demand {
    /// Its last change was at this revision.
    At(i64),
    /// Its last change was before this revision.
    Before(i64),
}

impl Demand {
    fn compare(self, key: &[u8]) -> Compare {
        match self {
            Self::At(revision) => Compare::modified_at(key, revision),
            Self::Before(revision) => Compare::number(
                Range::one(key),
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
    let detail = format!("{count} {what}, and {OPS_AT_MOST} are taken at most");
    Failure::new(Code::TooManyOps, detail)
}

impl Commit {
    /// What it is guarded by, in the order of the keys' first mention.
    fn demands(&self) -> Result<Vec<(&[u8], Demand)>> {
        let reads = || {
            let reads = self.reads.iter();
            reads.map(|(key, revision)| (&key[..], Demand::At(*revision)))
        };
        Ok(match self.isolation {
            Isolation::ReadCommitted => Vec::new(),
            Isolation::Serializable | Isolation::RepeatableReads => reads().collect(),
            Isolation::SerializableSnapshot => {
                let before = match self.revision {
                    Some(revision) => revision.saturating_add(1),
                    // Nothing was read: blind writes are guarded by nothing.
                    None if self.reads.is_empty() => return Ok(Vec::new()),
                    None => {
                        let failure = Failure::bad_request(
                            "revision: serializable_snapshot needs it when there are reads",
                        );
                        return Err(failure.hint("header.revision of the first read"));
                    }
                };
                let writes = self.writes.iter();
                let writes = writes.map(|write| (write.key(), Demand::Before(before)));
                reads().chain(writes).collect()
            }
        })
    }

    fn check(&self) -> Result<()> {
        let (reads, writes) = (self.reads.len(), self.writes.len());
        if self.isolation == Isolation::SerializableSnapshot && reads + writes > OPS_AT_MOST {
            let failure = too_many("reads and writes together", reads + writes);
            return Err(failure.hint("another isolation takes 128 of each"));
        }
        if reads > OPS_AT_MOST {
            return Err(too_many("reads", reads));
        }
        if writes > OPS_AT_MOST {
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

fn reads(keys: &[Vec<u8>], answers: Vec<OpAnswer>) -> Vec<StmRead> {
    let answers = answers.into_iter().map(OpAnswer::into_entry);
    keys.iter()
        .zip(answers)
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

    /// The keys, all at one revision: the newest, or `revision`.
    pub async fn read(
        &self,
        caller: &Caller,
        keys: Vec<Vec<u8>>,
        revision: Option<i64>,
    ) -> Result<StmReadAnswer> {
        if keys.is_empty() {
            return Err(Failure::bad_request("keys: none is given"));
        }
        if keys.len() > OPS_AT_MOST {
            return Err(too_many("keys", keys.len()));
        }
        let get = Get::default().at(revision.unwrap_or(0));
        let gets = keys
            .iter()
            .map(|key| Op::Get(Range::one(&key[..]), get.clone()));
        let txn = Txn {
            then: gets.collect(),
            ..Txn::default()
        };
        let answer = self.etcd.txn(caller, txn).await?;
        self.saw(answer.header.revision);
        Ok(StmReadAnswer {
            header: Header {
                revision: revision.unwrap_or(answer.header.revision),
                ..answer.header
            },
            reads: reads(&keys, answer.responses),
        })
    }

    /// Writes everything in one revision, or, where somebody was faster, nothing: then the failure
    /// carries what the next attempt begins with.
    pub async fn commit(&self, caller: &Caller, commit: Commit) -> Result<StmCommitAnswer> {
        commit.check()?;
        self.check_revision(caller, &commit).await?;
        let demands = commit.demands()?;
        let mut compared: Vec<Vec<u8>> = Vec::new();
        let mut demanded: HashMap<Vec<u8>, Vec<Demand>> = HashMap::new();
        for (key, demand) in &demands {
            let of_key = demanded.entry(key.to_vec()).or_insert_with(|| {
                compared.push(key.to_vec());
                Vec::new()
            });
            of_key.push(*demand);
        }
        let compare = demands
            .into_iter()
            .map(|(key, demand)| demand.compare(key))
            .collect();
        let txn = Txn {
            compare,
            then: commit.writes.into_iter().map(Write::into_op).collect(),
            or_else: compared.iter().map(|key| Op::get(key)).collect(),
        };
        let outline = Outline::of(&txn);
        let answer = self.etcd.txn(caller, txn).await;
        let answer = answer.map_err(|failure| named_as_write(outline.name(failure)))?;
        self.saw(answer.header.revision);
        if answer.succeeded {
            return Ok(StmCommitAnswer {
                header: answer.header,
                responses: outline.results(true, answer.responses),
            });
        }
        let reads = reads(&compared, answer.responses);
        let conflicts: Vec<Bytes> = reads
            .iter()
            .filter(|read| {
                let demands = demanded.get(&read.key.0).into_iter().flatten();
                demands
                    .into_iter()
                    .any(|demand| !demand.holds(read.mod_revision))
            })
            .map(|read| read.key.clone())
            .collect();
        let detail = format!("{} of the keys were changed by others", conflicts.len());
        let failure = Failure::new(Code::StmConflict, detail)
            .hint("compute again from `reads`, and commit with this `revision`")
            .with(|facts| {
                facts.conflicts = Some(conflicts);
                facts.reads = Some(reads);
                facts.revision = Some(answer.header.revision);
                facts.store_revision = Some(answer.header.revision);
            });
        Err(failure)
    }

    fn saw(&self, revision: i64) {
        self.newest.fetch_max(revision, Ordering::Relaxed);
    }

    /// Refuses a revision that never was: nothing written since could be later than it, and so it would
    /// guard nothing. Where the store was seen at it already, without asking.
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
        match self.etcd.range(caller, &Range::one(key), &at).await {
            Ok(answer) => self.saw(answer.header.revision),
            // It was, and is too old to be read: the comparisons are none the worse for that.
            Err(failure) if failure.code == Code::Compacted => {}
            Err(failure) => return Err(failure),
        }
        Ok(())
    }
}

/// In the body of a commit the ops stand under `writes`.
fn named_as_write(mut failure: Failure) -> Failure {
    if let Some(rest) = failure.detail.strip_prefix("then[") {
        failure.detail = format!("writes[{rest}");
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(isolation: Isolation, revision: Option<i64>, reads: &[(&str, i64)]) -> Commit {
        Commit {
            isolation,
            revision,
            reads: reads.iter().map(|(key, at)| ((*key).into(), *at)).collect(),
            writes: vec![Write::Delete(b"w".to_vec())],
        }
    }

    fn check(commit: &Commit, expected: &[(&str, Demand)]) {
        let expected: Vec<_> = expected
            .iter()
            .map(|(key, d)| (key.as_bytes(), *d))
            .collect();
        assert_eq!(
            commit.demands().expect("is complete"),
            expected,
            "{commit:?}"
        );
    }

    #[test]
    fn each_isolation_is_guarded_as_etcds_own() {
        let reads = [("r", 7), ("absent", 0)];
        let read = [("r", Demand::At(7)), ("absent", Demand::At(0))];
        check(&commit(Isolation::ReadCommitted, None, &reads), &[]);
        check(&commit(Isolation::RepeatableReads, None, &reads), &read);
        check(&commit(Isolation::Serializable, Some(9), &reads), &read);
        let snapshot = commit(Isolation::SerializableSnapshot, Some(9), &reads);
        check(&snapshot, &[read[0], read[1], ("w", Demand::Before(10))]);
    }

    #[test]
    fn a_snapshot_needs_its_revision() {
        let snapshot = |revision, reads| commit(Isolation::SerializableSnapshot, revision, reads);
        assert!(snapshot(None, &[("r", 7)]).demands().is_err());
        check(&snapshot(None, &[]), &[]);
        check(
            &snapshot(Some(i64::MAX), &[]),
            &[("w", Demand::Before(i64::MAX))],
        );
    }

    #[test]
    fn demands_are_what_etcd_compares() {
        assert!(Demand::At(0).holds(0) && !Demand::At(0).holds(3));
        assert!(Demand::Before(10).holds(9) && !Demand::Before(10).holds(10));
    }

    #[test]
    fn the_limits_are_128() {
        let of = |isolation, reads: usize, writes: usize| {
            let commit = Commit {
                isolation,
                revision: Some(1),
                reads: vec![(b"r".to_vec(), 1); reads],
                writes: vec![Write::Delete(b"w".to_vec()); writes],
            };
            commit.check().is_ok()
        };
        assert!(of(Isolation::SerializableSnapshot, 64, 64));
        assert!(!of(Isolation::SerializableSnapshot, 65, 64));
        assert!(of(Isolation::Serializable, 128, 128));
        assert!(!of(Isolation::RepeatableReads, 129, 0));
        assert!(!of(Isolation::ReadCommitted, 0, 129));
    }
}
