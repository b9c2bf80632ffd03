//! Locks. Every name is sent as `?name=`, as bytes: in a path it would be one segment with `%2F` in it,
//! which many proxies decode.

use shared::{Acquired, LockList, LockRequest, Released};

use super::{ApiError, Call, Method};
use crate::model::percent;

/// The path of the live list of all locks.
pub(crate) const LIVE: &str = "locks?live";

/// Locks per request, the gateway's limit.
const PAGE: usize = 1_000;

/// Limit of requests for one list.
const MAX_PAGES: usize = 10;

/// The current locks of up to [`MAX_PAGES`] pages; `next` is set if there are more.
pub(crate) async fn list() -> Result<LockList, ApiError> {
    let first = format!("locks?limit={PAGE}");
    let mut all: LockList = Call::new(Method::Get, &first).send().await?;
    for _ in 1..MAX_PAGES {
        let Some(cursor) = all.next.take() else { break };
        let more = format!("{first}&cursor={}", percent::encode(cursor.as_bytes()));
        let page: LockList = Call::new(Method::Get, &more).send().await?;
        all.locks.extend(page.locks);
        all.header = page.header;
        all.partial |= page.partial;
        all.next = page.next;
    }
    Ok(all)
}

/// Acquires a lock, or waits in its queue. Dropping the future leaves the queue.
pub(crate) async fn acquire(name: &[u8], request: &LockRequest) -> Result<Acquired, ApiError> {
    let path = format!("locks/-?name={}", percent::encode(name));
    Call::new(Method::Post, &path).json(request).send().await
}

/// Removes exactly one claim from a queue, the one with this fencing token. With `dry_run` it only checks that the
/// claim exists.
pub(crate) async fn release(name: &[u8], token: i64, dry_run: bool) -> Result<Released, ApiError> {
    let more = if dry_run { "&dry_run" } else { "" };
    let path = format!(
        "locks/-?name={}&fencing_token={token}{more}",
        percent::encode(name)
    );
    Call::new(Method::Delete, &path).send().await
}
