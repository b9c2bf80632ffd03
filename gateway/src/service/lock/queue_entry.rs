//! One's own key in a queue: put, waited with, held.

use std::sync::Arc;

use shared::{Acquired, Code, CompareOp, CompareTarget, Header, LeaseId};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::claim::{Created, Standing};
use super::names::{claim_key, queue_prefix};
use super::wait::{self, Turn};
use crate::caller::Caller;
use crate::etcd::{Compare, Get, KeyValue, Op, OpAnswer, Order, Put, Range, Sort, Txn};
use crate::failure::{Failure, Result};
use crate::service::lease::{DEFAULT_TTL, Kept, check_ttl};

/// What somebody wants to stand in a queue with.
#[derive(Debug)]
pub(in crate::service) struct Stand {
    pub(in crate::service) name: Vec<u8>,
    /// The value of the key.
    pub(in crate::service) value: Vec<u8>,
    /// Whether a key of the lease that is there already gets this value.
    pub(in crate::service) proclaim: bool,
    /// Seconds of the lease that the gateway grants.
    pub(in crate::service) ttl: Option<i64>,
    /// A lease of the caller's own.
    pub(in crate::service) lease: Option<LeaseId>,
}

impl Stand {
    pub(super) fn check(&self) -> Result<()> {
        if self.ttl.is_some() && self.lease.is_some() {
            return Err(Failure::bad_request("`ttl` and `lease` exclude each other")
                .hint("a lease has its TTL already; without `lease` the gateway grants one"));
        }
        if self.lease == Some(LeaseId(0)) {
            return Err(Failure::bad_request("the lease id 0 means no lease"));
        }
        self.ttl.map_or(Ok(()), check_ttl)
    }
}

/// One's own key in a queue. Dropping it gives the place up.
#[derive(Debug)]
pub(in crate::service) struct Place {
    pub(in crate::service) name: Vec<u8>,
    pub(in crate::service) key: Vec<u8>,
    /// Its create revision.
    pub(in crate::service) created: i64,
    pub(in crate::service) lease: i64,
    /// Seconds that the lease was granted, where the gateway granted it.
    pub(super) ttl: Option<i64>,
    /// The lease is the gateway's own.
    pub(super) granted: bool,
    /// This request put the key.
    pub(super) new: bool,
    /// The key was the oldest of the queue's prefix when it was entered.
    pub(super) oldest: bool,
    /// The header of entering.
    header: Header,
    /// Keeps the gateway's own lease alive.
    pub(super) kept: Option<Kept>,
    standing: Standing,
}

/// Enters a queue: grants a lease where the caller has none, and puts its key if it is not there.
pub(super) async fn stand(inner: &Arc<Inner>, caller: &Caller, want: Stand) -> Result<Place> {
    let since = Instant::now();
    let (lease, ttl) = if let Some(lease) = want.lease {
        (lease.0, None)
    } else {
        let ttl = want.ttl.unwrap_or(DEFAULT_TTL);
        let (_, lease, granted) = inner.keepers.grant(caller, ttl).await?;
        (lease, Some(granted))
    };
    let key = claim_key(&want.name, LeaseId(lease));
    let (identity, granted) = (&caller.identity, ttl.is_some());
    let mut standing = Standing::attach(inner, identity, key.clone(), lease, granted).await;
    let kept = ttl.map(|ttl| inner.keepers.keep(identity, lease, ttl, since));
    let own = Own {
        name: &want.name,
        key: &key,
        lease,
    };
    // A lease that is the gateway's own takes the key along; on another it has to be known by itself.
    let unseen = if granted {
        None
    } else {
        absent(inner, caller, &key).await?
    };
    let entered = match enter(inner, caller, &own, &want.value).await {
        Ok(entered) => entered,
        Err(failure) => {
            if let Some(revision) = unseen.filter(|_| failure.code == Code::OutcomeUnknown) {
                standing.created(Created::After(revision));
            }
            return Err(failure);
        }
    };
    if entered.new {
        standing.created(Created::At(entered.created));
    }
    if want.proclaim && entered.value.is_some_and(|value| value != want.value) {
        proclaim(inner, caller, &key, entered.created, lease, want.value).await?;
    }
    Ok(Place {
        name: want.name,
        created: entered.created,
        lease,
        ttl,
        granted,
        new: entered.new,
        oldest: entered.oldest,
        header: entered.header,
        kept,
        standing,
        key,
    })
}

impl Place {
    /// Waits for one's turn, `until` at most.
    pub(super) async fn turn(
        &mut self,
        inner: &Inner,
        caller: &Caller,
        until: Instant,
        gone: &CancellationToken,
    ) -> Result<Turn> {
        if self.oldest {
            return Ok(Turn::Mine(self.header));
        }
        wait::for_turn(inner, caller, self, until, gone).await
    }

    /// Resolves when the key is no more: released by somebody, or gone with its lease; fails where the
    /// caller may not look any more. Everything before the revision `from` is known.
    pub(super) fn removed(
        &self,
        inner: &Arc<Inner>,
        caller: &Caller,
        from: i64,
    ) -> impl Future<Output = Result<()>> + Send + use<> {
        let (inner, key, created) = (Arc::clone(inner), self.key.clone(), self.created);
        let caller = Caller::new(caller.identity.clone(), None);
        async move { wait::until_gone(&inner.etcd, &caller, &key, created, from).await }
    }

    /// The answer for a lock that is held.
    pub(super) fn acquired(&self, header: Header) -> Acquired {
        Acquired {
            header,
            name: self.name.clone().into(),
            key: self.key.clone().into(),
            lease: LeaseId(self.lease),
            fencing_token: self.created,
        }
    }

    /// The place alone: the lease is not kept alive any more.
    pub(in crate::service) fn into_standing(self) -> Standing {
        self.standing
    }
}

/// Whose key it is.
struct Own<'a> {
    name: &'a [u8],
    key: &'a [u8],
    lease: i64,
}

/// What the first transaction found.
struct Entered {
    header: Header,
    created: i64,
    new: bool,
    oldest: bool,
    /// The value of a key that was there.
    value: Option<Vec<u8>>,
}

/// The store's revision at which the key was not there, if it is not.
async fn absent(inner: &Inner, caller: &Caller, key: &[u8]) -> Result<Option<i64>> {
    let answer = inner
        .etcd
        .range(caller, &Range::one(key), &Get::count_only())
        .await?;
    Ok((answer.count == 0).then_some(answer.header.revision))
}

/// Puts the key if it is not there, and looks who is oldest, in one revision.
async fn enter(inner: &Inner, caller: &Caller, own: &Own<'_>, value: &[u8]) -> Result<Entered> {
    let Own { name, key, lease } = *own;
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
    let answer = inner
        .etcd
        .txn(caller, txn)
        .await
        .map_err(|failure| match failure.code {
            Code::LeaseNotFound => failure.named_elsewhere(),
            Code::OutcomeUnknown => {
                failure.hint("ask again: what this request may have put is being removed")
            }
            _ => failure,
        })?;
    let mut responses = answer.responses.into_iter();
    let own = responses.next().and_then(OpAnswer::into_entry);
    let oldest = responses.next().and_then(OpAnswer::into_entry);
    let (created, value) = match own {
        _ if answer.succeeded => (answer.header.revision, None),
        Some(own) if own.lease == lease => (own.create_revision, Some(own.value)),
        _ => {
            let detail = format!(
                "`{}` is there, but not by that lease",
                String::from_utf8_lossy(key)
            );
            return Err(Failure::new(Code::Conflict, detail)
                .hint("an ordinary key stands where the lock's key belongs"));
        }
    };
    Ok(Entered {
        header: answer.header,
        created,
        new: answer.succeeded,
        oldest: oldest.is_none_or(|oldest: KeyValue| oldest.create_revision == created),
        value,
    })
}

/// Gives a key that still is this lease's, as created at that revision, another value.
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
        compare: still_ours(key, created, lease),
        then: vec![Op::Put(put)],
        or_else: Vec::new(),
    };
    if inner.etcd.txn(caller, txn).await?.succeeded {
        return Ok(());
    }
    let detail = format!("`{}` went meanwhile", String::from_utf8_lossy(key));
    Err(Failure::new(Code::SessionExpired, detail).hint("ask again"))
}

/// What holds as long as a key is the one that was created then, on that lease.
pub(in crate::service) fn still_ours(key: &[u8], created: i64, lease: i64) -> Vec<Compare> {
    let leased = Compare::number(
        Range::one(key),
        CompareTarget::Lease,
        CompareOp::Equal,
        lease,
    );
    vec![Compare::created_at(key, created), leased]
}
