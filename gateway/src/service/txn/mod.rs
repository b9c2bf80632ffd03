//! Transactions and single ops.

mod explain;
mod outline;

use shared::{Code, DoResponse, TxnResponse, TxnResult};

pub(super) use self::outline::Outline;
use crate::etcd::{Etcd, Op, Txn};
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// Transactions on one cluster.
#[derive(Clone, Debug)]
pub struct TxnService {
    etcd: Etcd,
}

/// Whether any op changes something.
pub fn writes(ops: &[Op]) -> bool {
    ops.iter().any(|op| match op {
        Op::Get(..) => false,
        Op::Put(_) | Op::Delete(_) => true,
        Op::Txn(txn) => writes(&txn.then) || writes(&txn.or_else),
    })
}

impl TxnService {
    /// The service over one cluster.
    pub fn new(etcd: Etcd) -> Self {
        Self { etcd }
    }

    /// Runs a transaction; a failed comparison is a result, not an error.
    pub async fn run(&self, caller: &Caller, txn: Txn) -> Result<TxnResponse> {
        let outline = Outline::of(&txn);
        let response = self.etcd.txn(caller, txn).await;
        let response = response.map_err(|failure| outline.name(failure))?;
        let result = TxnResult {
            succeeded: response.succeeded,
            responses: outline.results(response.succeeded, response.responses),
        };
        Ok(TxnResponse {
            header: response.header,
            result,
        })
    }

    /// Runs one op.
    pub async fn single(&self, caller: &Caller, op: Op) -> Result<DoResponse> {
        let txn = Txn {
            then: vec![op],
            ..Txn::default()
        };
        let outline = Outline::of(&txn);
        let response = self.etcd.txn(caller, txn).await;
        let response = response.map_err(outline::named_by_body)?;
        let mut results = outline.results(true, response.responses);
        match results.pop() {
            Some(result) => Ok(DoResponse {
                header: response.header,
                result,
            }),
            None => Err(Failure::new(
                Code::Internal,
                "etcd's response to the transaction lacks the op's result",
            )),
        }
    }
}
