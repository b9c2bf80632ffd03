//! etcd's mutex recipe, step by step: put the key of one's lease if it is not there, look who is
//! oldest, wait for what is older, look again at one's own key.
//!
//! Done over transactions and watches rather than by etcd's Lock service, so that the value can name
//! the owner, and the key is known from the start and can be removed exactly. The whole runs in a
//! task: a client that leaves in the middle of a call cannot leave a key behind.

use std::sync::Arc;
use std::time::Duration;

use shared::{Acquired, Claim, Code, Header, LeaseId, Lock, LockRequest};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::claim::Standing;
use super::names::{claim_key, queue_of, queue_prefix};
use super::queue;
use super::shape::owner_value;
use super::wait::{self, Place, Turn};
use crate::caller::Caller;
use crate::etcd::{Compare, Get, KeyValue, Op, OpAnswer, Order, Put, Range, Sort, Txn};
use crate::failure::{Failure, Result};

/// Seconds of a lease that the gateway grants.
const DEFAULT_TTL: i64 = 60;
/// Longest wait, seconds.
const MAX_WAIT: u64 = 3_600;
/// Longest name of an owner, bytes.
const MAX_HOLDER: usize = 1024;

/// A lock that was acquired.
#[derive(Debug)]
pub struct Acquisition {
    /// The answer.
    pub answer: Acquired,
    /// Whether the lease held it already.
    pub held_before: bool,
    /// To be kept once the answer has reached the caller.
    pub standing: Standing,
}

/// See [`super::LockService::acquire`].
pub(super) async fn acquire(
    inner: &Arc<Inner>,
    caller: &Caller,
    name: Vec<u8>,
    request: LockRequest,
) -> Result<Acquisition> {
    check(&request)?;
    let gone = inner.tasks.stop().child_token();
    let task = run(
        Arc::clone(inner),
        caller.clone(),
        name,
        request,
        gone.clone(),
    );
    let task = inner.tasks.spawn(task);
    // Dropping this future, as axum does when the connection closes, ends the waiting.
    let _leaves = gone.drop_guard();
    task.await.unwrap_or_else(|error| {
        Err(Failure::new(Code::Internal, "the lock could not be acquired").source(error))
    })
}

fn check(request: &LockRequest) -> Result<()> {
    if request.ttl.is_some() && request.lease.is_some() {
        return Err(Failure::bad_request("`ttl` and `lease` exclude each other")
            .hint("a lease has its TTL already; without `lease` the gateway grants one"));
    }
    if request.lease == Some(LeaseId(0)) {
        return Err(Failure::bad_request("the lease id 0 means no lease"));
    }
    if request.wait > MAX_WAIT {
        let detail = format!("`wait` is {} and must be 0 to {MAX_WAIT}", request.wait);
        return Err(Failure::bad_request(detail));
    }
    if request
        .holder
        .as_ref()
        .is_some_and(|holder| holder.len() > MAX_HOLDER)
    {
        let detail = format!("`holder` is a name of at most {MAX_HOLDER} bytes");
        return Err(Failure::bad_request(detail));
    }
    Ok(())
}

/// What the first transaction found.
struct Entered {
    header: Header,
    /// Create revision of the own key.
    created: i64,
    /// This request put the key.
    new: bool,
    /// The oldest key of the queue's prefix is the own one.
    oldest: bool,
}

async fn run(
    inner: Arc<Inner>,
    caller: Caller,
    name: Vec<u8>,
    request: LockRequest,
    gone: CancellationToken,
) -> Result<Acquisition> {
    let until = Instant::now() + Duration::from_secs(request.wait);
    let (lease, renew) = if let Some(lease) = request.lease {
        (lease.0, None)
    } else {
        let ttl = request.ttl.unwrap_or(DEFAULT_TTL);
        let (_, lease, granted) = inner.etcd.lease_grant(&caller, ttl, 0).await?;
        (lease, Some(granted))
    };
    let key = claim_key(&name, LeaseId(lease));
    let (identity, granted) = (&caller.identity, renew.is_some());
    let mut standing = Standing::attach(&inner, identity, key.clone(), lease, granted).await;
    let value = request
        .holder
        .as_deref()
        .map(owner_value)
        .unwrap_or_default();
    let entered = enter(&inner, &caller, &name, &key, lease, value).await?;
    if entered.new {
        standing.created(entered.created);
    }
    let place = Place {
        name: &name,
        key: &key,
        created: entered.created,
        lease,
        renew,
    };
    let turn = if entered.oldest {
        Turn::Mine
    } else if request.wait == 0 {
        Turn::TimedOut
    } else {
        Box::pin(wait::for_turn(&inner, &caller, &place, until, &gone)).await?
    };
    let header = match turn {
        Turn::Mine if entered.oldest => Some(entered.header),
        Turn::Mine => still_there(&inner, &caller.renewed(), &place).await?,
        Turn::Expired => None,
        Turn::TimedOut => {
            standing.leave().await;
            return Err(locked(&inner, &caller.renewed(), &place).await);
        }
        Turn::Gone => return Err(Failure::new(Code::Unavailable, "the gateway is stopping")),
    };
    // The caller gets the lease with its full time.
    let renewed = match (header, renew) {
        (Some(_), Some(_)) => {
            inner
                .etcd
                .lease_keep_alive(&caller.renewed(), lease)
                .await?
                > 0
        }
        (header, _) => header.is_some(),
    };
    let Some(header) = header.filter(|_| renewed) else {
        standing.leave().await;
        return Err(expired(&place));
    };
    Ok(Acquisition {
        held_before: !entered.new && entered.oldest,
        answer: Acquired {
            header,
            name: name.into(),
            key: key.into(),
            lease: LeaseId(lease),
            fencing_token: entered.created,
        },
        standing,
    })
}

/// Puts the key if it is not there, and looks who is oldest, in one revision.
async fn enter(
    inner: &Inner,
    caller: &Caller,
    name: &[u8],
    key: &[u8],
    lease: i64,
    value: Vec<u8>,
) -> Result<Entered> {
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
        value,
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
            Code::OutcomeUnknown => failure.hint(
                "ask again with the same lease: a lock it holds is answered with the same token",
            ),
            _ => failure,
        })?;
    let mut responses = answer.responses.into_iter();
    let own = responses.next().and_then(OpAnswer::into_entry);
    let oldest = responses.next().and_then(OpAnswer::into_entry);
    let created = match own {
        _ if answer.succeeded => answer.header.revision,
        Some(own) if own.lease == lease => own.create_revision,
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
    })
}

/// The header of a look at the own key after the waiting: it may have gone with its lease meanwhile.
async fn still_there(inner: &Inner, caller: &Caller, place: &Place<'_>) -> Result<Option<Header>> {
    let own = Range::one(place.key);
    let answer = inner.etcd.range(caller, &own, &Get::keys_only()).await?;
    let there = answer
        .kvs
        .first()
        .is_some_and(|kv| kv.create_revision == place.created);
    Ok(there.then_some(answer.header))
}

fn expired(place: &Place<'_>) -> Failure {
    let key = String::from_utf8_lossy(place.key);
    let detail = format!("the lease ended while `{key}` waited in the queue");
    let hint = if place.renew.is_some() {
        "somebody revoked the lease or removed the key: ask again"
    } else {
        "keep the lease alive while the request waits"
    };
    Failure::new(Code::SessionExpired, detail).hint(hint)
}

/// Not got in time: who is before us.
async fn locked(inner: &Inner, caller: &Caller, place: &Place<'_>) -> Failure {
    let queue = match queue::read(inner, caller, place.name, Some(place.created)).await {
        Ok(queue) => queue,
        Err(failure) => return failure,
    };
    let revision = queue.header.revision;
    let lock = queue.before(inner, caller, place.name, place.created).await;
    Failure::new(
        Code::Locked,
        blockers(place.name, &lock, queue.ordinary.as_deref()),
    )
    .hint("\"wait\" in the body waits in the queue, up to that many seconds")
    .with(|facts| {
        facts.lock = Some(lock);
        facts.store_revision = Some(revision);
    })
}

/// Says who holds the queue, and which key blocks it that does not stand in it.
fn blockers(name: &[u8], lock: &Lock, ordinary: Option<&[u8]>) -> String {
    let text = String::from_utf8_lossy;
    let stands = |claim: &&Claim| queue_of(&claim.key.0, claim.lease.0) == Some(name);
    let claims = || lock.holder.iter().chain(lock.waiters.iter().flatten());
    let held = lock.holder.as_ref().filter(stands).map(|holder| {
        let key = text(&holder.key.0);
        match &holder.name {
            Some(owner) => format!("`{}` is held by {owner} (`{key}`)", text(name)),
            None => format!("`{}` is held by `{key}`", text(name)),
        }
    });
    let nested = claims().find(|claim| !stands(claim));
    let foreign = nested
        .map(|claim| &claim.key.0[..])
        .or(ordinary)
        .map(|key| {
            format!(
                "`{}` blocks `{name}`: a lock waits for every older key that begins with `{name}/`",
                text(key),
                name = text(name)
            )
        });
    match (held, foreign) {
        (Some(held), Some(foreign)) => format!("{held}; also {foreign}"),
        (Some(one), None) | (None, Some(one)) => one,
        (None, None) => format!("`{}` was not free in time", text(name)),
    }
}
