//! The locks visible to an account that may not list leases, or not watch every key: those in the
//! ranges that its roles let it read ([`leased`]); if its roles are unknown (a token does not name
//! its user), those below the requested prefix.

use futures_util::future::select_all;
use shared::{Code, Header};

use super::IndexKey;
use crate::etcd::{Etcd, Range, Update, WatchOptions, WatchStream};
use crate::failure::Result;
use crate::identity::{Caller, Identity};
use crate::service::leased;

/// The index key for a caller's view of the locks below a prefix, and the store's current header.
pub(super) async fn index_key(
    etcd: &Etcd,
    caller: &Caller,
    prefix: &[u8],
) -> Result<(IndexKey, Header)> {
    let mut index_key = IndexKey::of(&caller.identity);
    let refusal = match etcd.current_header(caller, &Range::prefix(b"")).await {
        Ok(header) => return Ok((index_key, header)),
        Err(failure) if failure.code == Code::Forbidden => failure,
        Err(failure) => return Err(failure),
    };
    let first = match etcd.readable(caller).await? {
        Some(ranges) => ranges.into_iter().next(),
        None if prefix.is_empty() => None,
        None => {
            index_key.below = Some(prefix.to_vec());
            Some(Range::prefix(prefix))
        }
    };
    let Some(first) = first else {
        return Err(refusal.hint("give ?prefix= with a prefix that the account may read"));
    };
    let header = etcd.current_header(caller, &first).await?;
    Ok((index_key, header))
}

/// A watch of a range from a revision on.
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
    let caller = Caller::new(identity.clone(), None);
    etcd.watch(&caller, range, options).await
}

/// The ranges that the account may read, at least one; below the prefix if one is given.
pub(super) async fn ranges(
    etcd: &Etcd,
    caller: &Caller,
    below: Option<&[u8]>,
) -> Result<Vec<Range>> {
    let Some(prefix) = below else {
        return leased::ranges(etcd, caller).await;
    };
    let range = Range::prefix(prefix);
    etcd.may_read(caller, &range).await?;
    Ok(vec![range])
}

/// The next update of any of these streams. Cancel safe.
pub(super) async fn next_of(streams: &mut [WatchStream]) -> Result<Update> {
    if let [one] = streams {
        return one.next().await;
    }
    let next = streams.iter_mut().map(|stream| Box::pin(stream.next()));
    select_all(next).await.0
}
