//! etcd's mutex recipe, step by step: put the key of the lease if it does not exist, read the oldest key,
//! wait until no older key is left, read the own key again.
//!
//! The module uses transactions and watches rather than etcd's Lock service, so that the value can name the
//! holder, and the key is known from the start and can be removed exactly. It runs in a task: a client
//! that disconnects during a call leaves no key behind.

use std::sync::Arc;
use std::time::Duration;

use shared::{Acquired, Claim, Code, Header, Lock, LockRequest};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::claim::ClaimGuard;
use super::names::queue_of;
use super::queue;
use super::queue_entry::{EntryRequest, QueueEntry, enter_queue};
use super::shape::owner_value;
use super::wait::{WaitOutcome, retry_until, with_grace};
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// The limit on `wait`, in seconds.
pub(in crate::service) const MAX_WAIT: u64 = 3_600;
/// The limit on a holder's name, in bytes.
const MAX_HOLDER: usize = 1024;

/// A lock that was acquired.
#[derive(Debug)]
pub struct Acquisition {
    /// The response.
    pub response: Acquired,
    /// Whether the lease held the lock already.
    pub held_before: bool,
    /// Call [`ClaimGuard::keep`] after the response has reached the caller; dropping the guard releases the
    /// lock.
    pub claim: ClaimGuard,
}

/// See [`super::LockService::acquire`].
pub(super) async fn acquire(
    inner: &Arc<Inner>,
    caller: &Caller,
    name: Vec<u8>,
    request: LockRequest,
) -> Result<Acquisition> {
    let value = holder_value(request.holder.as_deref())?;
    let entry = EntryRequest {
        name,
        value,
        proclaim: false,
        ttl: request.ttl,
        lease: request.lease,
    };
    let won = win(inner, caller, entry, request.wait).await?;
    Ok(Acquisition {
        held_before: !won.entry.new && won.entry.oldest,
        response: won.entry.acquired(won.header),
        claim: won.entry.into_claim(),
    })
}

/// The value of a claim's key, which contains the holder's name if there is one.
pub(super) fn holder_value(holder: Option<&str>) -> Result<Vec<u8>> {
    if let Some(length) = holder.map(str::len).filter(|length| *length > MAX_HOLDER) {
        let detail = format!("`holder` is {length} bytes; the limit is {MAX_HOLDER}");
        return Err(Failure::bad_request(detail));
    }
    Ok(holder.map(owner_value).unwrap_or_default())
}

/// The first entry of a queue.
pub(in crate::service) struct Won {
    /// The store's header of the read that found it first.
    pub(in crate::service) header: Header,
    /// The entry.
    pub(in crate::service) entry: QueueEntry,
}

/// Waits in a queue until its turn comes, for at most `wait` seconds. A lease that the gateway granted
/// then has its full TTL.
pub(in crate::service) async fn win(
    inner: &Arc<Inner>,
    caller: &Caller,
    request: EntryRequest,
    wait: u64,
) -> Result<Won> {
    request.check()?;
    if wait > MAX_WAIT {
        let detail = format!("`wait` must be 0 to {MAX_WAIT}, not {wait}");
        return Err(Failure::bad_request(detail));
    }
    let cancelled = inner.tasks.stop().child_token();
    let task = run(
        Arc::clone(inner),
        caller.clone(),
        request,
        Duration::from_secs(wait),
        cancelled.clone(),
    );
    let task = inner.tasks.spawn(task);
    // Dropping this future, as axum does when the connection closes, ends the wait.
    let _cancels = cancelled.drop_guard();
    task.await.unwrap_or_else(|error| {
        Err(Failure::new(Code::Internal, "the queue could not be entered").source(error))
    })
}

async fn run(
    inner: Arc<Inner>,
    caller: Caller,
    request: EntryRequest,
    wait: Duration,
    cancelled: CancellationToken,
) -> Result<Won> {
    let until = Instant::now() + wait;
    let mut entry = enter_queue(&inner, &caller, request).await?;
    let outcome = if entry.oldest || !wait.is_zero() {
        Box::pin(entry.wait_until_first(&inner, &caller, until, &cancelled)).await?
    } else {
        WaitOutcome::TimedOut
    };
    let header = match outcome {
        WaitOutcome::First(header) => Some(header),
        WaitOutcome::Expired => None,
        WaitOutcome::TimedOut => {
            let (name, created) = (entry.name.clone(), entry.created);
            entry.into_claim().leave().await;
            return Err(locked(&inner, &caller.renewed(), &name, created).await);
        }
        WaitOutcome::Cancelled => {
            return Err(Failure::new(
                Code::Unavailable,
                "the gateway is shutting down",
            ));
        }
    };
    // The caller gets the lease with its full TTL.
    let renewed = match (&header, entry.granted) {
        (Some(_), true) => {
            let lease = entry.lease;
            let renew = || async { inner.etcd.lease_keep_alive(&caller.renewed(), lease).await };
            retry_until(with_grace(until), renew).await? > 0
        }
        (header, _) => header.is_some(),
    };
    let Some(header) = header.filter(|_| renewed) else {
        let failure = expired(&entry);
        entry.into_claim().leave().await;
        return Err(failure);
    };
    Ok(Won { header, entry })
}

fn expired(entry: &QueueEntry) -> Failure {
    let key = String::from_utf8_lossy(&entry.key);
    let detail = format!("the lease ended while `{key}` waited in the queue");
    let hint = if entry.granted {
        "the lease was revoked or the key was removed: retry"
    } else {
        "keep the lease alive while the request waits"
    };
    Failure::new(Code::SessionExpired, detail).hint(hint)
}

/// The failure of a wait that timed out, with the queue before the claim.
async fn locked(inner: &Inner, caller: &Caller, name: &[u8], created: i64) -> Failure {
    let queue = match queue::read(inner, caller, name, Some(created)).await {
        Ok(queue) => queue,
        Err(failure) => return failure,
    };
    let revision = queue.header.revision;
    let lock = queue.before(inner, caller, name, created).await;
    Failure::new(
        Code::Locked,
        blockers(
            name,
            &lock,
            queue.ordinary.as_ref().map(|(_, key)| &key[..]),
        ),
    )
    .hint("\"wait\" in the body waits in the queue, up to that many seconds")
    .with(|facts| {
        facts.lock = Some(lock);
        facts.store_revision = Some(revision);
    })
}

/// Names the holder of the queue, and a key that blocks the queue without being in it.
fn blockers(name: &[u8], lock: &Lock, ordinary: Option<&[u8]>) -> String {
    let text = String::from_utf8_lossy;
    let in_queue = |claim: &&Claim| queue_of(&claim.key.0, claim.lease.0) == Some(name);
    let claims = || lock.holder.iter().chain(lock.waiters.iter().flatten());
    let held = lock.holder.as_ref().filter(in_queue).map(|holder| {
        let key = text(&holder.key.0);
        match &holder.name {
            Some(owner) => format!("`{}` is held by {owner} (`{key}`)", text(name)),
            None => format!("`{}` is held by `{key}`", text(name)),
        }
    });
    let nested = claims().find(|claim| !in_queue(claim));
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
        (None, None) => format!("`{}` did not become free in time", text(name)),
    }
}
