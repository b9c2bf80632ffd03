//! Writes one key.
//!
//! Every attempt is one transaction that carries the value once (twice would fail above 1 MiB) and ends
//! with a keys-only read, which returns the revisions and whether the key was created.

use shared::{Code, Header, LeaseId, PutResponse};

use super::{Guard, KvService, Precondition, precondition_failed, read_current, read_on_failure};
use crate::etcd::{Compare, KeyValue, Op, OpResponse, Put, Txn, entry};
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// Attempts under `keep`: the key may be created or deleted between two of them.
const ATTEMPTS: usize = 3;

/// The lease of the written key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LeaseChoice {
    /// The present one; none on a new key.
    Keep,
    /// No lease.
    None,
    /// This lease.
    Id(LeaseId),
}

/// Options of a write.
#[derive(Clone, Debug)]
pub struct PutRequest {
    /// The lease.
    pub lease: LeaseChoice,
    /// Return the previous entry.
    pub prev: bool,
    /// The condition on the key.
    pub precondition: Precondition,
    /// The condition on a lock.
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
    /// Writes one key; `version` in the response is 1 if that created it.
    pub async fn put(
        &self,
        caller: &Caller,
        key: Vec<u8>,
        value: Vec<u8>,
        request: &PutRequest,
    ) -> Result<PutResponse> {
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
        // The path names the key; only the query can have named a lease.
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
    ) -> Result<PutResponse> {
        let condition = self.comparison(caller, key, &request.precondition).await?;
        let keep = request.lease == LeaseChoice::Keep;
        // Under keep each attempt assumes that the key exists or not: etcd refuses ignore_lease for an
        // absent key.
        let mut expects_key = keep && request.precondition != Precondition::Absent;
        for _ in 0..ATTEMPTS {
            let conditional = condition.clone().or_else(|| {
                let presence = if expects_key {
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
                ignore_lease: expects_key,
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
                read_on_failure(key, guard, keys_only)
            };
            let txn = Txn {
                compare,
                then: vec![Op::Put(put), Op::peek(key)],
                or_else,
            };
            let response = self.etcd.txn(caller, txn).await?;
            if response.succeeded {
                return Ok(put_response(
                    key,
                    request,
                    response.header,
                    response.responses,
                ));
            }
            let current = read_current(guard, &response.header, response.responses, keys_only)?;
            if condition.is_some() {
                return Err(precondition_failed(current, &response.header));
            }
            expects_key = current.is_some();
        }
        Err(Failure::new(
            Code::Conflict,
            "the key was repeatedly created and deleted during the write",
        )
        .hint("?lease=none and ?lease=<id> do not depend on it"))
    }

    /// For an account that may write but not read: without a comparison, and without revisions in the
    /// response.
    ///
    /// Under `keep` it may drop a lease: etcd refuses `ignore_lease` for an absent key, and a key that
    /// another client creates with a lease before the second put loses it. Only a comparison could prevent
    /// that, and etcd lets such an account compare nothing. A named lease, or none, takes one put and is
    /// certain.
    async fn put_blind(
        &self,
        caller: &Caller,
        key: Vec<u8>,
        value: Vec<u8>,
        request: &PutRequest,
    ) -> Result<PutResponse> {
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
        Ok(PutResponse {
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

fn put_response(
    key: &[u8],
    request: &PutRequest,
    header: Header,
    responses: Vec<OpResponse>,
) -> PutResponse {
    let mut responses = responses.into_iter();
    let before = match responses.next() {
        Some(OpResponse::Put(before)) => before,
        _ => None,
    };
    let now: Option<KeyValue> = responses.next().and_then(OpResponse::into_entry);
    PutResponse {
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
