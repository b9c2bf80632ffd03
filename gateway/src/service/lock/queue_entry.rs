//! A request's own key in a queue: put, waited with, held.

use std::sync::Arc;

use shared::{Acquired, Code, CompareOp, CompareTarget, Header, LeaseId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::claim::{ClaimGuard, Created};
use super::names::{claim_key, queue_prefix};
use super::wait::{self, WaitOutcome};
use crate::etcd::{Compare, Get, KeyValue, Op, OpResponse, Order, Put, Range, Sort, Txn};
use crate::failure::{Failure, Result};
use crate::identity::Caller;
use crate::service::lease::{DEFAULT_TTL, Kept, check_ttl};

/// A request to enter a queue.
#[derive(Debug)]
pub(in crate::service) struct EntryRequest {
    pub(in crate::service) name: Vec<u8>,
    /// The value of the key.
    pub(in crate::service) value: Vec<u8>,
    /// Whether an existing key of the lease gets this value.
    pub(in crate::service) proclaim: bool,
    /// TTL, in seconds, of the lease that the gateway grants.
    pub(in crate::service) ttl: Option<i64>,
    /// A lease of the caller's own.
    pub(in crate::service) lease: Option<LeaseId>,
}

impl EntryRequest {
    pub(super) fn check(&self) -> Result<()> {
        if self.ttl.is_some() && self.lease.is_some() {
            return Err(
                Failure::bad_request("`ttl` and `lease` are mutually exclusive")
                    .hint("an existing lease has its TTL; omit `lease` to have one granted"),
            );
        }
        if self.lease == Some(LeaseId(0)) {
            return Err(Failure::bad_request("the lease id 0 means no lease"));
        }
        self.ttl.map_or(Ok(()), check_ttl)
    }
}

/// A request's own key in a queue. Dropping it leaves the queue.
#[derive(Debug)]
pub(in crate::service) struct QueueEntry {
    pub(in crate::service) name: Vec<u8>,
    pub(in crate::service) key: Vec<u8>,
    /// Its create revision.
    pub(in crate::service) created: i64,
    pub(in crate::service) lease: i64,
    /// The TTL of the lease in seconds, if the gateway granted it.
    pub(super) ttl: Option<i64>,
    /// The gateway granted the lease.
    pub(super) granted: bool,
    /// This request put the key.
    pub(super) new: bool,
    /// The key was the oldest below the queue's prefix when the queue was entered.
    pub(super) oldest: bool,
    /// The header of the transaction that entered the queue.
    header: Header,
    /// Keeps a lease that the gateway granted alive.
    pub(super) kept: Option<Kept>,
    claim: ClaimGuard,
}

/// Enters a queue: grants a lease if the request names none, and puts its key if it does not exist.
pub(super) async fn enter_queue(
    inner: &Arc<Inner>,
    caller: &Caller,
    request: EntryRequest,
) -> Result<QueueEntry> {
    let since = Instant::now();
    let (lease, ttl) = if let Some(lease) = request.lease {
        (lease.0, None)
    } else {
        let ttl = request.ttl.unwrap_or(DEFAULT_TTL);
        let (_, lease, granted) = inner.keepers.grant(caller, ttl).await?;
        (lease, Some(granted))
    };
    let key = claim_key(&request.name, LeaseId(lease));
    let (identity, granted) = (&caller.identity, ttl.is_some());
    let mut claim = ClaimGuard::attach(inner, identity, key.clone(), lease, granted).await;
    let kept = ttl.map(|ttl| inner.keepers.keep(identity, lease, ttl, since));
    let own = OwnClaim {
        name: &request.name,
        key: &key,
        lease,
    };
    // The clean-up of a lease that the gateway granted deletes the key with it; on the caller's lease it must
    // be certain that this request created the key.
    let unseen = if granted {
        None
    } else {
        revision_if_absent(inner, caller, &key).await?
    };
    let entered = match put_claim(inner, caller, &own, &request.value).await {
        Ok(entered) => entered,
        Err(failure) => {
            if let Some(revision) = unseen.filter(|_| failure.code == Code::OutcomeUnknown) {
                claim.created(Created::After(revision));
            }
            return Err(failure);
        }
    };
    if entered.new {
        claim.created(Created::At(entered.created));
    }
    if request.proclaim && entered.value.is_some_and(|value| value != request.value) {
        proclaim(inner, caller, &key, entered.created, lease, request.value).await?;
    }
    Ok(QueueEntry {
        name: request.name,
        created: entered.created,
        lease,
        ttl,
        granted,
        new: entered.new,
        oldest: entered.oldest,
        header: entered.header,
        kept,
        claim,
        key,
    })
}

impl QueueEntry {
    /// Waits until this key is the first, at most until `until`.
    pub(super) async fn wait_until_first(
        &mut self,
        inner: &Inner,
        caller: &Caller,
        until: Instant,
        cancelled: &CancellationToken,
    ) -> Result<WaitOutcome> {
        if self.oldest {
            return Ok(WaitOutcome::First(self.header));
        }
        wait::until_first(inner, caller, self, until, cancelled).await
    }

    /// Resolves when the key is deleted, by a release or with its lease; fails when the caller may no longer
    /// read it. Everything before the revision `from` is known.
    pub(super) fn until_removed(
        &self,
        inner: &Arc<Inner>,
        caller: &Caller,
        from: i64,
    ) -> impl Future<Output = Result<()>> + Send + use<> {
        let (inner, key, created) = (Arc::clone(inner), self.key.clone(), self.created);
        let caller = Caller::new(caller.identity.clone(), None);
        async move { wait::until_deleted(&inner.etcd, &caller, &key, created, from).await }
    }

    /// The response for an acquired lock.
    pub(super) fn acquired(&self, header: Header) -> Acquired {
        Acquired {
            header,
            name: self.name.clone().into(),
            key: self.key.clone().into(),
            lease: LeaseId(self.lease),
            fencing_token: self.created,
        }
    }

    /// Returns the claim, and stops keeping the lease alive.
    pub(in crate::service) fn into_claim(self) -> ClaimGuard {
        self.claim
    }
}

/// The key of a request, with its queue and lease.
struct OwnClaim<'a> {
    name: &'a [u8],
    key: &'a [u8],
    lease: i64,
}

/// The result of the transaction that puts the key.
struct PutResult {
    header: Header,
    created: i64,
    new: bool,
    oldest: bool,
    /// The value of a key that existed already.
    value: Option<Vec<u8>>,
}

/// The store's revision if the key does not exist.
async fn revision_if_absent(inner: &Inner, caller: &Caller, key: &[u8]) -> Result<Option<i64>> {
    let response = inner
        .etcd
        .range(caller, &Range::single(key), &Get::count_only())
        .await?;
    Ok((response.count == 0).then_some(response.header.revision))
}

/// Puts the key if it does not exist, and reads the oldest key of the queue, in one revision.
async fn put_claim(
    inner: &Inner,
    caller: &Caller,
    own: &OwnClaim<'_>,
    value: &[u8],
) -> Result<PutResult> {
    let OwnClaim { name, key, lease } = *own;
    let oldest = || {
        let get = Get {
            limit: 1,
            sort: Some((Sort::CreateRevision, Order::Asc)),
            keys_only: true,
            ..Get::default()
        };
        Op::Get(Range::prefix(&queue_prefix(name)), get)
    };
    let put = Put {
        key: key.to_vec(),
        value: value.to_vec(),
        lease,
        ..Put::default()
    };
    let txn = Txn {
        compare: vec![Compare::created_at(key, 0)],
        then: vec![Op::Put(put), oldest()],
        or_else: vec![Op::get(key), oldest()],
    };
    let response = inner
        .etcd
        .txn(caller, txn)
        .await
        .map_err(|failure| match failure.code {
            Code::LeaseNotFound => failure.named_elsewhere(),
            Code::OutcomeUnknown => {
                failure.hint("retry: a key that this request may have put is being removed")
            }
            _ => failure,
        })?;
    let mut responses = response.responses.into_iter();
    let own = responses.next().and_then(OpResponse::into_entry);
    let oldest = responses.next().and_then(OpResponse::into_entry);
    let (created, value) = match own {
        _ if response.succeeded => (response.header.revision, None),
        Some(own) if own.lease == lease => (own.create_revision, Some(own.value)),
        _ => {
            let detail = format!(
                "the key `{}` exists, but is not attached to that lease",
                String::from_utf8_lossy(key)
            );
            return Err(Failure::new(Code::Conflict, detail)
                .hint("an ordinary key has the name of the lock's key"));
        }
    };
    Ok(PutResult {
        header: response.header,
        created,
        new: response.succeeded,
        oldest: oldest.is_none_or(|oldest: KeyValue| oldest.create_revision == created),
        value,
    })
}

/// Changes the value of a key, if it is still the one created at that revision, on this lease.
async fn proclaim(
    inner: &Inner,
    caller: &Caller,
    key: &[u8],
    created: i64,
    lease: i64,
    value: Vec<u8>,
) -> Result<()> {
    let put = Put {
        key: key.to_vec(),
        value,
        ignore_lease: true,
        ..Put::default()
    };
    let txn = Txn {
        compare: claim_unchanged(key, created, lease),
        then: vec![Op::Put(put)],
        or_else: Vec::new(),
    };
    if inner.etcd.txn(caller, txn).await?.succeeded {
        return Ok(());
    }
    let detail = format!(
        "the key `{}` was deleted meanwhile",
        String::from_utf8_lossy(key)
    );
    Err(Failure::new(Code::SessionExpired, detail).hint("retry"))
}

/// Holds while a key is still the one created at that revision, on that lease.
pub(in crate::service) fn claim_unchanged(key: &[u8], created: i64, lease: i64) -> Vec<Compare> {
    let leased = Compare::number(
        Range::single(key),
        CompareTarget::Lease,
        CompareOp::Equal,
        lease,
    );
    vec![Compare::created_at(key, created), leased]
}
