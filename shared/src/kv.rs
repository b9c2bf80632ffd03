//! Keys with their metadata, ranges of them, and the responses that carry them.

use serde::{Deserialize, Serialize};

use crate::{Bytes, LeaseId, MemberId, nullable};

/// etcd's response header, in every JSON response that came from etcd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Header {
    /// The cluster that responded.
    pub cluster_id: MemberId,
    /// The member that responded.
    pub member_id: MemberId,
    /// The key-value store's revision at that time.
    pub revision: i64,
    /// The raft term at that time.
    pub raft_term: u64,
}

/// A key as stored: etcd's `KeyValue`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Entry {
    /// The key.
    pub key: Bytes,
    /// The value. Absent means not read (keys-only responses).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Bytes>,
    /// The revision that created the key.
    pub create_revision: i64,
    /// The revision of the last change.
    pub mod_revision: i64,
    /// Puts since creation; 1 is the first.
    pub version: i64,
    /// The attached lease. Absent means none, or in keys-only responses not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseId>,
}

/// Response of `GET /kv/{key}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct KeyResponse {
    /// etcd's response header.
    pub header: Header,
    /// The entry's members, flattened next to the header.
    #[serde(flatten)]
    pub entry: Entry,
}

/// Response of `?count_only` and `?dry_run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CountResponse {
    /// etcd's response header.
    pub header: Header,
    /// Keys in the range.
    pub count: i64,
}

/// Response of `PUT /kv/{key}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PutResponse {
    /// etcd's response header.
    pub header: Header,
    /// The key written.
    pub key: Bytes,
    /// The revision that created the key. This and the next two are absent if the account may not read the
    /// key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub create_revision: Option<i64>,
    /// The revision of this write.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mod_revision: Option<i64>,
    /// Puts since creation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<i64>,
    /// The key's lease, for `?lease=<id>`; with `keep` absent, which means not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseId>,
    /// With `?prev`: the previous entry, `null` for a creation.
    #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Entry>))]
    pub prev: Option<Option<Entry>>,
}

/// Response of `DELETE /kv/{key}` and `DELETE /kv?<range>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeleteResponse {
    /// etcd's response header.
    pub header: Header,
    /// Keys deleted.
    pub deleted: i64,
    /// With `?prev`: the deleted entries in key order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Vec<Entry>>,
    /// `false` if the range was too large to guard against later writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guarded: Option<bool>,
}

/// Response of `GET /kv?<range>`: one page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Page {
    /// etcd's response header; all pages are read at `revision`.
    pub header: Header,
    /// The entries, in ascending key order unless sorted.
    pub entries: Vec<Entry>,
    /// Keys in the whole range at that revision; absent with filters by revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
    /// Whether more entries exist that this query cannot page to (it was sorted or filtered).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
    /// The cursor of the next page; `null` on the last.
    pub next: Option<String>,
}

/// A folder of a tree level: every key that starts with its prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Folder {
    /// The part after the level's prefix, up to and including the separator.
    pub name: Bytes,
    /// The whole prefix.
    pub prefix: Bytes,
    /// With `counts`: the number of keys below it. Absent if there was not enough time to count them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
}

/// Response of `GET /tree`: one level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TreeLevel {
    /// etcd's response header; all pages are read at `revision`.
    pub header: Header,
    /// The level's prefix.
    pub prefix: Bytes,
    /// Folders on this level, in byte order.
    pub folders: Vec<Folder>,
    /// Keys on this level, in byte order; without values unless requested.
    pub entries: Vec<Entry>,
    /// The cursor of the next page; `null` on the last.
    pub next: Option<String>,
}

/// Why a key's history ends where it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HistoryEnd {
    /// The oldest entry is the key's creation.
    Creation,
    /// Older revisions have been compacted.
    Compaction,
    /// The page is full, or (with `deleted`) the replay's limit was reached, and `next` is null.
    Limit,
}

/// The cost for etcd of finding a key's earlier deletions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Replay {
    /// The oldest revision replayed: earlier deletions are unknown.
    pub from: i64,
    /// The newest revision replayed.
    pub to: i64,
    /// Revisions of the whole store that etcd read, including those it read again.
    pub revisions: i64,
}

/// Response of `GET /history/{key}`: stored revisions, newest first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct History {
    /// etcd's response header.
    pub header: Header,
    /// The key.
    pub key: Bytes,
    /// Its entries, newest first.
    pub entries: Vec<Entry>,
    /// Why the list ends here.
    pub ended_by: HistoryEnd,
    /// With `deleted`: the revisions at which the key was deleted, newest first, as far back as the list
    /// reaches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletions: Option<Vec<i64>>,
    /// With `deleted`: the cost of finding them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// The compacted revision: history before it is lost. Absent if unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compacted_revision: Option<i64>,
    /// The cursor of the next page; `null` on the last.
    pub next: Option<String>,
}

/// The last line of a complete NDJSON range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EndLine {
    /// The number of entries that were sent.
    pub end: CountResponse,
}
