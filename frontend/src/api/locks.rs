//! Locks. Every name goes into `?name=` as bytes: in a path it would be one segment with `%2F` in it,
//! which proxies like to decode.

use shared::{Acquired, LockList, LockRequest, Released};

use super::{ApiError, Call, Method};
use crate::model::percent;

/// The path of the live list of all locks.
pub(crate) const LIVE: &str = "locks?live";

/// All locks as they are now, the first page of them.
pub(crate) async fn list() -> Result<LockList, ApiError> {
    Call::new(Method::Get, "locks").send().await
}

/// Takes a lock, or waits in its queue. Dropping the future leaves the queue.
pub(crate) async fn acquire(name: &[u8], request: &LockRequest) -> Result<Acquired, ApiError> {
    let path = format!("locks/-?name={}", percent::encode(name));
    Call::new(Method::Post, &path).json(request).send().await
}

/// Removes one claim from a queue, named by its token, and no other. `dry_run` only looks whether it is there.
pub(crate) async fn release(name: &[u8], token: i64, dry_run: bool) -> Result<Released, ApiError> {
    let more = if dry_run { "&dry_run" } else { "" };
    let path = format!(
        "locks/-?name={}&fencing_token={token}{more}",
        percent::encode(name)
    );
    Call::new(Method::Delete, &path).send().await
}
