//! Keys, the tree and history. Every key goes into `?key=` as bytes: in a path browsers would collapse
//! dot segments, and proxies double slashes.

use shared::{CountAnswer, DeleteAnswer, Entry, History, LeaseId, Page, PutAnswer, TreeLevel};

use super::{ApiError, Call, ErrorKind, Method};
use crate::model::percent;
use crate::model::tree::{Typed, typed};

/// What a write to a key demands of the key as it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// It must not exist.
    Absent,
    /// Its last change must be this revision.
    Revision(i64),
}

/// The lease after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeaseChoice {
    /// The one it has.
    Keep,
    /// None.
    Drop,
    /// This one.
    Attach(LeaseId),
}

impl LeaseChoice {
    /// The parameter's value.
    pub(crate) fn parameter(self) -> String {
        match self {
            Self::Keep => "keep".to_owned(),
            Self::Drop => "none".to_owned(),
            Self::Attach(id) => id.to_string(),
        }
    }
}

fn with_precondition(call: Call, precondition: Precondition) -> Call {
    match precondition {
        Precondition::Absent => call.header("If-None-Match", "*"),
        Precondition::Revision(revision) => call.header("If-Match", &format!("\"{revision}\"")),
    }
}

fn with_key(resource: &str, key: &[u8], more: &str) -> String {
    format!("{resource}?key={}{more}", percent::encode(key))
}

/// A key with its value, where it exists, and the revision of the answer. Asked for as a range of one
/// key: a key that is not there is an answer like any other, no error in the browser's log.
pub(crate) async fn find(key: &[u8]) -> Result<(i64, Option<Entry>), ApiError> {
    let path = format!(
        "kv?start={}&end={}%00&limit=1",
        percent::encode(key),
        percent::encode(key)
    );
    let page: Page = Call::new(Method::Get, &path).send().await?;
    Ok((page.header.revision, page.entries.into_iter().next()))
}

/// What an answer without the value leaves out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyFacts {
    /// The revision they are of.
    pub(crate) mod_revision: i64,
    /// Bytes of the value.
    pub(crate) size: i64,
    /// The lease.
    pub(crate) lease: Option<LeaseId>,
}

/// Size and lease of a key, without its value travelling.
pub(crate) async fn facts(key: &[u8]) -> Result<KeyFacts, ApiError> {
    let answer = Call::new(Method::Head, &with_key("kv", key, "&raw"))
        .head()
        .await?;
    let mod_revision = answer
        .get("etag")
        .and_then(|tag| tag.trim_matches('"').parse().ok());
    let size = answer
        .get("content-length")
        .and_then(|length| length.parse().ok());
    match (mod_revision, size) {
        (Some(mod_revision), Some(size)) => {
            let lease = answer.get("watchgate-lease").and_then(|id| id.parse().ok());
            Ok(KeyFacts {
                mod_revision,
                size,
                lease,
            })
        }
        _ => Err(ApiError::Unreadable(200)),
    }
}

/// Writes a key's value, byte for byte.
pub(crate) async fn put(
    key: &[u8],
    value: &[u8],
    lease: LeaseChoice,
    when: Precondition,
) -> Result<PutAnswer, ApiError> {
    let path = with_key("kv", key, &format!("&lease={}", lease.parameter()));
    with_precondition(Call::new(Method::Put, &path), when)
        .bytes(value)
        .send()
        .await
}

/// Deletes a key as it was at its last change.
pub(crate) async fn delete(key: &[u8], mod_revision: i64) -> Result<DeleteAnswer, ApiError> {
    let call = Call::new(Method::Delete, &with_key("kv", key, ""));
    with_precondition(call, Precondition::Revision(mod_revision))
        .send()
        .await
}

/// Keys under a prefix, and the revision of the count.
pub(crate) async fn count(prefix: &[u8]) -> Result<CountAnswer, ApiError> {
    let path = format!("kv?prefix={}&count_only", percent::encode(prefix));
    Call::new(Method::Get, &path).send().await
}

/// A page of keys under a prefix, without values.
pub(crate) async fn keys(prefix: &[u8], limit: usize) -> Result<Page, ApiError> {
    let path = format!(
        "kv?prefix={}&keys_only&limit={limit}",
        percent::encode(prefix)
    );
    Call::new(Method::Get, &path).send().await
}

/// A key without its value, where it exists, and the revision of the answer.
pub(crate) async fn find_without_value(key: &[u8]) -> Result<(i64, Option<Entry>), ApiError> {
    let path = format!(
        "kv?start={}&end={}%00&keys_only&limit=1",
        percent::encode(key),
        percent::encode(key)
    );
    let page: Page = Call::new(Method::Get, &path).send().await?;
    Ok((page.header.revision, page.entries.into_iter().next()))
}

/// What a typed name stands for, with the first keys that begin so. An error where the account may not read all that
/// begins so, unless it is a key that it may read.
pub(crate) async fn resolve(
    name: &[u8],
    limit: usize,
) -> Result<(i64, Typed, Vec<Entry>), ApiError> {
    match keys(name, limit.max(2)).await {
        Ok(page) => {
            let first: Vec<&[u8]> = page.entries.iter().map(|entry| &*entry.key.0).collect();
            let is = typed(name, &first);
            Ok((page.header.revision, is, page.entries))
        }
        Err(error) if error.kind() == ErrorKind::Forbidden => {
            match find_without_value(name).await? {
                (revision, Some(entry)) => Ok((revision, Typed::Key, vec![entry])),
                (_, None) => Err(error),
            }
        }
        Err(error) => Err(error),
    }
}

/// How many keys a prefix delete would take.
pub(crate) async fn count_before_delete(prefix: &[u8]) -> Result<CountAnswer, ApiError> {
    let path = format!("kv?prefix={}&dry_run", percent::encode(prefix));
    Call::new(Method::Delete, &path).send().await
}

/// Deletes what was counted: fails where the range changed since.
pub(crate) async fn delete_prefix(
    prefix: &[u8],
    counted: CountAnswer,
) -> Result<DeleteAnswer, ApiError> {
    let path = format!(
        "kv?prefix={}&confirm={}&revision={}",
        percent::encode(prefix),
        counted.count,
        counted.header.revision
    );
    Call::new(Method::Delete, &path).send().await
}

/// One level of the tree, a page of it.
pub(crate) async fn tree(
    prefix: &[u8],
    cursor: Option<&str>,
    limit: usize,
) -> Result<TreeLevel, ApiError> {
    let path = match cursor {
        None => format!("tree?prefix={}&limit={limit}", percent::encode(prefix)),
        Some(cursor) => format!(
            "tree?cursor={}&limit={limit}",
            percent::encode(cursor.as_bytes())
        ),
    };
    Call::new(Method::Get, &path).send().await
}

/// Stored revisions of a key, newest first, a page of them.
pub(crate) async fn history(key: &[u8], cursor: Option<&str>) -> Result<History, ApiError> {
    let path = match cursor {
        None => with_key("history", key, "&limit=50"),
        Some(cursor) => format!(
            "history?limit=50&cursor={}",
            percent::encode(cursor.as_bytes())
        ),
    };
    Call::new(Method::Get, &path).send().await
}
