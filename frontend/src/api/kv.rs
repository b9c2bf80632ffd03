//! Keys, the tree and history. Every key is sent as `?key=`, as bytes: in a path, browsers would collapse
//! dot segments, and proxies double slashes.

use shared::{
    CountResponse, DeleteResponse, Entry, History, LeaseId, Page, PutResponse, TreeLevel,
};

use super::{ApiError, Call, ErrorKind, Method};
use crate::model::percent;
use crate::model::tree::{Typed, typed};

/// The precondition of a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Precondition {
    /// The key must not exist.
    Absent,
    /// The key's last change must be at this revision.
    Revision(i64),
}

/// The lease after a write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum LeaseChoice {
    /// The key keeps its lease.
    Keep,
    /// The key gets no lease.
    Drop,
    /// The key gets this lease.
    Attach(LeaseId),
}

impl LeaseChoice {
    /// The value of the `lease` parameter.
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

/// A key with its value, if it exists, and the revision of the response. Requested as a range of one
/// key: an absent key is then a successful response and no error in the browser's log.
pub(crate) async fn find(key: &[u8]) -> Result<(i64, Option<Entry>), ApiError> {
    let path = format!(
        "kv?start={}&end={}%00&limit=1",
        percent::encode(key),
        percent::encode(key)
    );
    let page: Page = Call::new(Method::Get, &path).send().await?;
    Ok((page.header.revision, page.entries.into_iter().next()))
}

/// Facts of a key that keys-only responses lack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyFacts {
    /// The key's last change.
    pub(crate) mod_revision: i64,
    /// Size of the value in bytes.
    pub(crate) size: i64,
    /// The lease, if there is one.
    pub(crate) lease: Option<LeaseId>,
}

/// Size and lease of a key, without transferring its value.
pub(crate) async fn facts(key: &[u8]) -> Result<KeyFacts, ApiError> {
    let headers = Call::new(Method::Head, &with_key("kv", key, "&raw"))
        .head()
        .await?;
    let mod_revision = headers
        .get("etag")
        .and_then(|tag| tag.trim_matches('"').parse().ok());
    let size = headers
        .get("content-length")
        .and_then(|length| length.parse().ok());
    match (mod_revision, size) {
        (Some(mod_revision), Some(size)) => {
            let lease = headers
                .get("watchgate-lease")
                .and_then(|id| id.parse().ok());
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
) -> Result<PutResponse, ApiError> {
    let path = with_key("kv", key, &format!("&lease={}", lease.parameter()));
    with_precondition(Call::new(Method::Put, &path), when)
        .bytes(value)
        .send()
        .await
}

/// Deletes a key if its last change is at `mod_revision`.
pub(crate) async fn delete(key: &[u8], mod_revision: i64) -> Result<DeleteResponse, ApiError> {
    let call = Call::new(Method::Delete, &with_key("kv", key, ""));
    with_precondition(call, Precondition::Revision(mod_revision))
        .send()
        .await
}

/// The number of keys under a prefix, and the revision of the count.
pub(crate) async fn count(prefix: &[u8]) -> Result<CountResponse, ApiError> {
    let path = format!("kv?prefix={}&count_only", percent::encode(prefix));
    Call::new(Method::Get, &path).send().await
}

/// The number of keys under a prefix at a revision.
pub(crate) async fn count_at(prefix: &[u8], revision: i64) -> Result<CountResponse, ApiError> {
    let path = format!(
        "kv?prefix={}&count_only&revision={revision}",
        percent::encode(prefix)
    );
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

/// A key without its value, if it exists, and the revision of the response.
pub(crate) async fn find_without_value(key: &[u8]) -> Result<(i64, Option<Entry>), ApiError> {
    let path = format!(
        "kv?start={}&end={}%00&keys_only&limit=1",
        percent::encode(key),
        percent::encode(key)
    );
    let page: Page = Call::new(Method::Get, &path).send().await?;
    Ok((page.header.revision, page.entries.into_iter().next()))
}

/// The item that a typed name refers to, with the first keys that begin with it. Fails if the account may not read all keys
/// that begin with it, unless the name is a key that it may read.
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

/// The number of keys that a prefix delete would remove.
pub(crate) async fn count_before_delete(prefix: &[u8]) -> Result<CountResponse, ApiError> {
    let path = format!("kv?prefix={}&dry_run", percent::encode(prefix));
    Call::new(Method::Delete, &path).send().await
}

/// Deletes the counted keys; fails if the range changed since the count.
pub(crate) async fn delete_prefix(
    prefix: &[u8],
    counted: CountResponse,
) -> Result<DeleteResponse, ApiError> {
    let path = format!(
        "kv?prefix={}&confirm={}&revision={}",
        percent::encode(prefix),
        counted.count,
        counted.header.revision
    );
    Call::new(Method::Delete, &path).send().await
}

/// A page of one level of the tree.
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

/// A page of a key's stored revisions, newest first.
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
