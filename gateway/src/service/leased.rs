//! The keys with a lease that an account may read, for whoever may not list leases.
//!
//! etcd lists leases all or nothing: whoever may not read one key of one lease is refused the whole
//! list. Such an account gets what stands in the ranges that its roles let it read.

use shared::{Code, Header};

use super::walk::Walk;
use crate::caller::Caller;
use crate::etcd::{Etcd, Get, KeyValue, Range};
use crate::failure::{Failure, Result};

/// Ranges that are looked at; an account with more sees the first of them.
const MOST_RANGES: usize = 16;
/// Keys looked at in one range: keys without a lease cost the same as those with one.
const MOST_KEYS: usize = 200_000;
/// Keys in one answer, with their values.
const WINDOW: i64 = 1000;
/// Bytes in one answer: values may be large where no locks are.
const ANSWER: usize = 16 << 20;

/// The store as it is now, by a read that the account may do.
pub(super) async fn now(etcd: &Etcd, caller: &Caller, range: &Range) -> Result<Header> {
    let first = Range::one(range.key.clone());
    let answer = etcd.range(caller, &first, &Get::count_only()).await?;
    Ok(answer.header)
}

/// What the account may read, at least one range: `forbidden` where there is none, or where nobody knows
/// who the account is.
pub(super) async fn ranges(etcd: &Etcd, caller: &Caller) -> Result<Vec<Range>> {
    let mut ranges = etcd.readable(caller).await?.unwrap_or_default();
    ranges.truncate(MOST_RANGES);
    if ranges.is_empty() {
        let detail = "the account may read no key, so it sees no lease and no lock";
        return Err(Failure::new(Code::Forbidden, detail));
    }
    Ok(ranges)
}

/// What `keep` takes of the leased keys of a range, and the revision that all of them are at, or later.
/// `caller` gives who asks for the next piece: with the time of the whole, or with its own.
pub(super) async fn scan<T>(
    etcd: &Etcd,
    caller: impl Fn() -> Caller,
    range: &Range,
    keep: impl Fn(KeyValue) -> T,
) -> Result<(i64, Vec<T>)> {
    if range.is_one() {
        let answer = etcd.range(&caller(), range, &Get::default()).await?;
        let leased = answer.kvs.into_iter().filter(|kv| kv.lease != 0);
        return Ok((answer.header.revision, leased.map(keep).collect()));
    }
    let mut walk = Walk::new(range, 0);
    let mut keys = WINDOW;
    let (mut revision, mut found, mut looked) = (None, Vec::new(), 0);
    while looked < MOST_KEYS {
        let get = Get::default().limit(keys);
        let window = match walk.next_within(etcd, &caller(), &get, ANSWER).await {
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
        looked += window.kvs.len();
        let leased = window.kvs.into_iter().filter(|kv| kv.lease != 0);
        found.extend(leased.map(&keep));
    }
    // Without a key there is nothing that a revision could be of.
    Ok((revision.unwrap_or(i64::MAX), found))
}
