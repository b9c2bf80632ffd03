//! Writing one key.
//!
//! Every attempt is one transaction that carries the value once (twice would fail above 1 MiB) and
//! ends in a keys-only read, which tells the versions and whether the key was created.

use shared::{Code, Header, LeaseId, PutAnswer};

use super::{Guard, KvService, Precondition, precondition_failed, read_refusal, refused};
use crate::caller::Caller;
use crate::etcd::{Compare, KeyValue, Op, OpAnswer, Put, Txn, entry};
use crate::failure::{Failure, Result};

/// Attempts under `keep`: the key may come or go between two of them.
const ROUNDS: usize = 3;

/// What becomes of the key's lease.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseChoice {
    /// It stays; on an absent key none.
    Keep,
    /// None.
    None,
    /// This one.
    Id(LeaseId),
}

/// How to write a key.
#[derive(Clone, Debug)]
pub struct PutRequest {
    /// What becomes of its lease.
    pub lease: LeaseChoice,
    /// Answer the entry before.
    pub prev: bool,
    /// What must hold of the key.
    pub precondition: Precondition,
    /// What must hold of a lock.
    pub guard: Option<Guard>,
}

impl PutRequest {
    fn is_plain(&self) -> bool {
        !self.prev && self.guard.is_none() && self.precondition == Precondition::None
    }

    fn lease_id(&self) -> i64 {
        match self.lease {
            LeaseChoice::Id(id) => id.0,
            LeaseChoice::Keep | LeaseChoice::None => 0,
        }
    }
}

impl KvService {
    /// Writes one key; the answer's `version` is 1 when that created it.
    pub async fn put(
        &self,
        caller: &Caller,
        key: Vec<u8>,
        value: Vec<u8>,
        request: &PutRequest,
    ) -> Result<PutAnswer> {
        let written = match self.put_if(caller, &key, &value, request).await {
            Err(failure) if failure.code == Code::Forbidden => {
                if !request.is_plain() {
                    return Err(failure.hint(
                        "preconditions, prev and guard read the key: the account needs READ on it",
                    ));
                }
                self.put_blind(caller, key, value, request).await
            }
            other => other,
        };
        // The path names the key; a lease can only have been named by the query.
        written.map_err(|failure| match failure.code {
            Code::LeaseNotFound => failure.named_elsewhere(),
            _ => failure,
        })
    }

    async fn put_if(
        &self,
        caller: &Caller,
        key: &[u8],
        value: &[u8],
        request: &PutRequest,
    ) -> Result<PutAnswer> {
        let condition = self.settle(caller, key, &request.precondition).await?;
        let keep = request.lease == LeaseChoice::Keep;
        // Under keep an attempt says whether it counts on the key: etcd refuses ignore_lease without.
        let mut counts_on_key = keep && request.precondition != Precondition::Absent;
        for _ in 0..ROUNDS {
            let conditional = condition.clone().or_else(|| {
                let presence = if counts_on_key {
                    Compare::exists
                } else {
                    Compare::absent
                };
                keep.then(|| presence(key))
            });
            let put = Put {
                key: key.to_vec(),
                value: value.to_vec(),
                lease: request.lease_id(),
                ignore_lease: counts_on_key,
                prev: request.prev,
            };
            let keys_only = condition.is_none();
            let guard = request.guard.as_ref();
            let compare: Vec<_> = guard
                .map(Guard::compare)
                .into_iter()
                .chain(conditional)
                .collect();
            let or_else = if compare.is_empty() {
                Vec::new()
            } else {
                read_refusal(key, guard, keys_only)
            };
            let txn = Txn {
                compare,
                then: vec![Op::Put(put), Op::peek(key)],
                or_else,
            };
            let answer = self.etcd.txn(caller, txn).await?;
            if answer.succeeded {
                return Ok(done(key, request, answer.header, answer.responses));
            }
            let current = refused(guard, &answer.header, answer.responses, keys_only)?;
            if condition.is_some() {
                return Err(precondition_failed(current, &answer.header));
            }
            counts_on_key = current.is_some();
        }
        Err(
            Failure::new(Code::Conflict, "the key came and went while it was written")
                .hint("?lease=none or ?lease=<id> does not depend on it"),
        )
    }

    /// For an account that may write but not read: no transaction with a comparison, no answer about
    /// the key.
    ///
    /// Under `keep` it may drop a lease: etcd refuses `ignore_lease` for an absent key, and a key that
    /// somebody creates with a lease before the second put loses it. Only a comparison could prevent that,
    /// and etcd lets such an account compare nothing. A lease that is named, or none, is one put and certain.
    async fn put_blind(
        &self,
        caller: &Caller,
        key: Vec<u8>,
        value: Vec<u8>,
        request: &PutRequest,
    ) -> Result<PutAnswer> {
        let keep = request.lease == LeaseChoice::Keep;
        let mut put = Put {
            key: key.clone(),
            value,
            lease: request.lease_id(),
            ignore_lease: keep,
            prev: false,
        };
        let header = match self.etcd.put(caller, put.clone()).await {
            Err(failure) if keep && failure.code == Code::KeyNotFound => {
                put.ignore_lease = false;
                self.etcd.put(caller, put).await?.0
            }
            other => other?.0,
        };
        Ok(PutAnswer {
            header,
            key: key.into(),
            create_revision: None,
            mod_revision: None,
            version: None,
            lease: None,
            prev: None,
        })
    }
}

fn done(key: &[u8], request: &PutRequest, header: Header, responses: Vec<OpAnswer>) -> PutAnswer {
    let mut responses = responses.into_iter();
    let before = match responses.next() {
        Some(OpAnswer::Put(before)) => before,
        _ => None,
    };
    let now: Option<KeyValue> = responses.next().and_then(OpAnswer::into_entry);
    PutAnswer {
        header,
        key: key.into(),
        create_revision: now.as_ref().map(|kv| kv.create_revision),
        mod_revision: now.as_ref().map(|kv| kv.mod_revision),
        version: now.as_ref().map(|kv| kv.version),
        lease: match request.lease {
            LeaseChoice::Id(id) => Some(id),
            LeaseChoice::Keep | LeaseChoice::None => None,
        },
        prev: request.prev.then(|| before.map(|kv| entry(kv, false))),
    }
}
