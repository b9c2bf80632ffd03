//! Transactions and single ops.

use shared::{Code, DeleteResult, DoAnswer, GetResult, OpResult, PutResult, TxnAnswer, TxnResult};

use crate::caller::Caller;
use crate::etcd::{Etcd, Op, OpAnswer, Txn, entry};
use crate::failure::{Failure, Result};

/// Transactions on one cluster.
#[derive(Clone, Debug)]
pub struct TxnService {
    etcd: Etcd,
}

/// What of an op its answer depends on.
#[derive(Clone, Copy, Debug)]
struct Asked {
    prev: bool,
    keys_only: bool,
}

impl Asked {
    fn of(op: &Op) -> Self {
        match op {
            Op::Put(put) => Self {
                prev: put.prev,
                keys_only: false,
            },
            Op::Get(_, get) => Self {
                prev: false,
                keys_only: get.keys_only,
            },
            Op::Delete(delete) => Self {
                prev: delete.prev,
                keys_only: false,
            },
            Op::Txn(_) => Self {
                prev: false,
                keys_only: false,
            },
        }
    }

    fn result(self, answer: OpAnswer) -> OpResult {
        match answer {
            OpAnswer::Put(before) => OpResult::Put(PutResult {
                prev: self.prev.then(|| before.map(|kv| entry(kv, false))),
            }),
            OpAnswer::Get(kvs, count, more) => OpResult::Get(GetResult {
                entries: kvs
                    .into_iter()
                    .map(|kv| entry(kv, self.keys_only))
                    .collect(),
                count,
                more,
            }),
            OpAnswer::Delete(deleted, before) => OpResult::Delete(DeleteResult {
                deleted,
                prev: self
                    .prev
                    .then(|| before.into_iter().map(|kv| entry(kv, false)).collect()),
            }),
            OpAnswer::Txn(succeeded, answers) => OpResult::Txn(TxnResult {
                succeeded,
                responses: answers
                    .into_iter()
                    .map(|answer| self.result(answer))
                    .collect(),
            }),
        }
    }
}

/// Whether any op changes something.
pub fn writes(ops: &[Op]) -> bool {
    ops.iter().any(|op| match op {
        Op::Get(..) => false,
        Op::Put(_) | Op::Delete(_) => true,
        Op::Txn(txn) => writes(&txn.then) || writes(&txn.or_else),
    })
}

/// The body names what is missing here, never the path.
fn named_by_body(failure: Failure) -> Failure {
    match failure.code {
        Code::LeaseNotFound | Code::KeyNotFound => failure.named_elsewhere(),
        _ => failure,
    }
}

impl TxnService {
    /// The service over one cluster.
    pub fn new(etcd: Etcd) -> Self {
        Self { etcd }
    }

    /// Runs a transaction; a comparison that failed is an answer, not an error.
    pub async fn run(&self, caller: &Caller, txn: Txn) -> Result<TxnAnswer> {
        let asked = |ops: &[Op]| ops.iter().map(Asked::of).collect::<Vec<_>>();
        let (then, or_else) = (asked(&txn.then), asked(&txn.or_else));
        let answer = self.etcd.txn(caller, txn).await.map_err(named_by_body)?;
        let branch = if answer.succeeded { then } else { or_else };
        let responses = branch
            .into_iter()
            .zip(answer.responses)
            .map(|(asked, one)| asked.result(one));
        let result = TxnResult {
            succeeded: answer.succeeded,
            responses: responses.collect(),
        };
        Ok(TxnAnswer {
            header: answer.header,
            result,
        })
    }

    /// Runs one op.
    pub async fn single(&self, caller: &Caller, op: Op) -> Result<DoAnswer> {
        let txn = Txn {
            then: vec![op],
            ..Txn::default()
        };
        let answer = self.run(caller, txn).await?;
        match answer.result.responses.into_iter().next() {
            Some(result) => Ok(DoAnswer {
                header: answer.header,
                result,
            }),
            None => Err(Failure::new(
                Code::Internal,
                "etcd answered a transaction without its op",
            )),
        }
    }
}
