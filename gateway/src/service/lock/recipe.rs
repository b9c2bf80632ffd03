//! etcd's mutex recipe, step by step: put the key of one's lease if it is not there, look who is
//! oldest, wait for what is older, look again at one's own key.
//!
//! Done over transactions and watches rather than by etcd's Lock service, so that the value can name
//! the owner, and the key is known from the start and can be removed exactly. The whole runs in a
//! task: a client that leaves in the middle of a call cannot leave a key behind.

use std::sync::Arc;
use std::time::Duration;

use shared::{Acquired, Claim, Code, Header, Lock, LockRequest};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::claim::Standing;
use super::names::queue_of;
use super::place::{Place, Stand, stand};
use super::queue;
use super::shape::owner_value;
use super::wait::{Turn, in_grace, patiently};
use crate::caller::Caller;
use crate::failure::{Failure, Result};

/// Longest wait, seconds.
pub(in crate::service) const MAX_WAIT: u64 = 3_600;
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
    let value = holder_value(request.holder.as_deref())?;
    let want = Stand {
        name,
        value,
        proclaim: false,
        ttl: request.ttl,
        lease: request.lease,
    };
    let won = win(inner, caller, want, request.wait).await?;
    Ok(Acquisition {
        held_before: !won.place.new && won.place.oldest,
        answer: won.place.acquired(won.header),
        standing: won.place.into_standing(),
    })
}

/// The value of a key whose owner may have a name.
pub(super) fn holder_value(holder: Option<&str>) -> Result<Vec<u8>> {
    if holder.is_some_and(|holder| holder.len() > MAX_HOLDER) {
        let detail = format!("`holder` is a name of at most {MAX_HOLDER} bytes");
        return Err(Failure::bad_request(detail));
    }
    Ok(holder.map(owner_value).unwrap_or_default())
}

/// The first place of a queue.
pub(in crate::service) struct Won {
    /// The store's header when it was seen to be the first.
    pub(in crate::service) header: Header,
    /// The place.
    pub(in crate::service) place: Place,
}

/// Stands in a queue until it is one's turn, `wait` seconds at most; the lease that the gateway
/// granted has its full time then.
pub(in crate::service) async fn win(
    inner: &Arc<Inner>,
    caller: &Caller,
    want: Stand,
    wait: u64,
) -> Result<Won> {
    want.check()?;
    if wait > MAX_WAIT {
        let detail = format!("`wait` is {wait} and must be 0 to {MAX_WAIT}");
        return Err(Failure::bad_request(detail));
    }
    let gone = inner.tasks.stop().child_token();
    let task = run(
        Arc::clone(inner),
        caller.clone(),
        want,
        Duration::from_secs(wait),
        gone.clone(),
    );
    let task = inner.tasks.spawn(task);
    // Dropping this future, as axum does when the connection closes, ends the waiting.
    let _leaves = gone.drop_guard();
    task.await.unwrap_or_else(|error| {
        Err(Failure::new(Code::Internal, "the queue could not be entered").source(error))
    })
}

async fn run(
    inner: Arc<Inner>,
    caller: Caller,
    want: Stand,
    wait: Duration,
    gone: CancellationToken,
) -> Result<Won> {
    let until = Instant::now() + wait;
    let mut place = stand(&inner, &caller, want).await?;
    let turn = if place.oldest || !wait.is_zero() {
        Box::pin(place.turn(&inner, &caller, until, &gone)).await?
    } else {
        Turn::TimedOut
    };
    let header = match turn {
        Turn::Mine(header) => Some(header),
        Turn::Expired => None,
        Turn::TimedOut => {
            let (name, created) = (place.name.clone(), place.created);
            place.into_standing().leave().await;
            return Err(locked(&inner, &caller.renewed(), &name, created).await);
        }
        Turn::Gone => return Err(Failure::new(Code::Unavailable, "the gateway is stopping")),
    };
    // The caller gets the lease with its full time.
    let renewed = match (&header, place.granted) {
        (Some(_), true) => {
            let lease = place.lease;
            let renew = || async { inner.etcd.lease_keep_alive(&caller.renewed(), lease).await };
            patiently(in_grace(until), renew).await? > 0
        }
        (header, _) => header.is_some(),
    };
    let Some(header) = header.filter(|_| renewed) else {
        let failure = expired(&place);
        place.into_standing().leave().await;
        return Err(failure);
    };
    Ok(Won { header, place })
}

fn expired(place: &Place) -> Failure {
    let key = String::from_utf8_lossy(&place.key);
    let detail = format!("the lease ended while `{key}` waited in the queue");
    let hint = if place.granted {
        "somebody revoked the lease or removed the key: ask again"
    } else {
        "keep the lease alive while the request waits"
    };
    Failure::new(Code::SessionExpired, detail).hint(hint)
}

/// Not got in time: who is before us.
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
