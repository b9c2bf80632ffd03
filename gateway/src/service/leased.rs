//! The keys with a lease that an account may read, for accounts that may not list leases.
//!
//! etcd lists all leases or none: an account that may not read a single key of a lease is refused the
//! whole list. Such an account gets the leased keys in the ranges that its roles let it read.

use shared::Code;

use super::walk::Walk;
use crate::etcd::{Etcd, Get, KeyValue, Range};
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// The limit on ranges that are scanned; of an account with more, only the first ones.
const MAX_RANGES: usize = 16;
/// The limit on keys scanned per range: keys without a lease cost the same as those with one.
const MAX_KEYS: usize = 200_000;
/// Keys per response, with their values.
const WINDOW: i64 = 1000;
/// Bytes per response: values other than locks may be large.
const RESPONSE_BYTES: usize = 16 << 20;

/// The ranges that the account may read, at least one: `forbidden` if there is none, or if the
/// account's name is unknown.
pub(super) async fn ranges(etcd: &Etcd, caller: &Caller) -> Result<Vec<Range>> {
    let mut ranges = etcd.readable(caller).await?.unwrap_or_default();
    ranges.truncate(MAX_RANGES);
    if ranges.is_empty() {
        let detail = "the account may not read any key, so it cannot see leases or locks";
        return Err(Failure::new(Code::Forbidden, detail));
    }
    Ok(ranges)
}

/// The leased keys of a range as mapped by `keep`, and a revision that all of them are at, or later.
/// `caller` gives the caller for each chunk: with the timeout of the whole scan, or with its own.
pub(super) async fn scan<T>(
    etcd: &Etcd,
    caller: impl Fn() -> Caller,
    range: &Range,
    keep: impl Fn(KeyValue) -> T,
) -> Result<(i64, Vec<T>)> {
    if range.is_one() {
        let response = etcd.range(&caller(), range, &Get::default()).await?;
        let leased = response.kvs.into_iter().filter(|kv| kv.lease != 0);
        return Ok((response.header.revision, leased.map(keep).collect()));
    }
    let mut walk = Walk::new(range, 0);
    let mut keys = WINDOW;
    let (mut revision, mut found, mut scanned) = (None, Vec::new(), 0);
    while scanned < MAX_KEYS {
        let get = Get::default().limit(keys);
        let window = match walk
            .next_within(etcd, &caller(), &get, RESPONSE_BYTES)
            .await
        {
            Err(failure) if failure.code == Code::TooLarge && keys > 1 => {
                keys = (keys / 10).max(1);
                continue;
            }
            window => window?,
        };
        let Some(window) = window else {
            break;
        };
        revision.get_or_insert(window.header.revision);
        scanned += window.kvs.len();
        let leased = window.kvs.into_iter().filter(|kv| kv.lease != 0);
        found.extend(leased.map(&keep));
    }
    // Without a key there is no revision to report.
    Ok((revision.unwrap_or(i64::MAX), found))
}
