//! What an account sees of the locks that may not list leases, or not watch every key.
//!
//! etcd lists leases all or nothing: whoever may not read one key of one lease is refused the whole
//! list. Such an account gets what stands in the ranges that its roles let it read; where nobody knows
//! its roles (a token does not say whose it is), what lies below the prefix that it asked for.

use futures_util::future::select_all;
use shared::{Code, Entry, Header};

use super::Place;
use crate::caller::{Caller, Identity};
use crate::etcd::{Etcd, Get, Range, Update, WatchOptions, WatchStream, entry};
use crate::failure::{Failure, Result};
use crate::service::walk::Walk;

/// Ranges that are followed; an account with more sees the first of them.
const MOST_RANGES: usize = 16;
/// Keys looked at in one range: keys without a lease cost the same as those with one.
const MOST_KEYS: usize = 200_000;
/// Keys in one answer, with their values.
const WINDOW: i64 = 1000;
/// Bytes in one answer: values may be large where no locks are.
const ANSWER: usize = 16 << 20;

/// Where a caller's view of the locks below a prefix is kept, and the store as it is now.
pub(super) async fn place(etcd: &Etcd, caller: &Caller, prefix: &[u8]) -> Result<(Place, Header)> {
    let mut place = Place::of(&caller.identity);
    let refusal = match now(etcd, caller, &Range::prefix(b"")).await {
        Ok(header) => return Ok((place, header)),
        Err(failure) if failure.code == Code::Forbidden => failure,
        Err(failure) => return Err(failure),
    };
    let first = match etcd.readable(caller).await? {
        Some(ranges) => ranges.into_iter().next(),
        None if prefix.is_empty() => None,
        None => {
            place.below = Some(prefix.to_vec());
            Some(Range::prefix(prefix))
        }
    };
    let Some(first) = first else {
        return Err(refusal.hint("?prefix= names what the account may read"));
    };
    let header = now(etcd, caller, &first).await?;
    Ok((place, header))
}

/// The store as it is now, by a read that the account may do.
pub(super) async fn now(etcd: &Etcd, caller: &Caller, range: &Range) -> Result<Header> {
    let first = Range::one(range.key.clone());
    let answer = etcd.range(caller, &first, &Get::count_only()).await?;
    Ok(answer.header)
}

/// A watch of a range's changes from a revision on.
pub(super) async fn watch(
    etcd: &Etcd,
    identity: &Identity,
    range: &Range,
    start_revision: i64,
) -> Result<WatchStream> {
    let options = WatchOptions {
        start_revision,
        ..WatchOptions::default()
    };
    let endless = Caller::new(identity.clone(), None);
    etcd.watch(&endless, range, options).await
}

/// What the account may read, at least one range.
pub(super) async fn ranges(
    etcd: &Etcd,
    caller: &Caller,
    below: Option<&[u8]>,
) -> Result<Vec<Range>> {
    let mut ranges = match below {
        Some(prefix) => {
            let range = Range::prefix(prefix);
            etcd.may_read(caller, &range).await?;
            vec![range]
        }
        None => etcd.readable(caller).await?.unwrap_or_default(),
    };
    ranges.truncate(MOST_RANGES);
    if ranges.is_empty() {
        let detail = "the account may read no key, so it sees no lock";
        return Err(Failure::new(Code::Forbidden, detail));
    }
    Ok(ranges)
}

/// The leased keys of a range, and the revision that all of them are at, or later.
pub(super) async fn scan(etcd: &Etcd, caller: &Caller, range: &Range) -> Result<(i64, Vec<Entry>)> {
    if range.is_one() {
        let answer = etcd.range(caller, range, &Get::default()).await?;
        let found = answer.kvs.into_iter().filter(|kv| kv.lease != 0);
        let found = found.map(|kv| entry(kv, false)).collect();
        return Ok((answer.header.revision, found));
    }
    let mut walk = Walk::new(range, 0);
    let mut keys = WINDOW;
    let (mut revision, mut found, mut looked) = (None, Vec::new(), 0);
    while looked < MOST_KEYS {
        let get = Get::default().limit(keys);
        let caller = caller.renewed();
        let window = match walk.next_within(etcd, &caller, &get, ANSWER).await {
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
        found.extend(leased.map(|kv| entry(kv, false)));
    }
    // Without a key there is nothing that a revision could be of.
    Ok((revision.unwrap_or(i64::MAX), found))
}

/// What the first of these streams says that has something to say. Loses nothing when dropped in
/// between.
pub(super) async fn next_of(streams: &mut [WatchStream]) -> Result<Update> {
    if let [one] = streams {
        return one.next().await;
    }
    let next = streams.iter_mut().map(|stream| Box::pin(stream.next()));
    select_all(next).await.0
}
