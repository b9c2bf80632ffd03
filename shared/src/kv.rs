//! Keys with their metadata, ranges of them, and the answers that carry them.

use serde::{Deserialize, Serialize};

use crate::{Bytes, LeaseId, MemberId, nullable};

/// etcd's response header, on every JSON answer that came from etcd.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Header {
    /// The cluster that answered.
    pub cluster_id: MemberId,
    /// The member that answered.
    pub member_id: MemberId,
    /// The key-value store's revision when it answered.
    pub revision: i64,
    /// The raft term when it answered.
    pub raft_term: u64,
}

/// A key as stored: etcd's `KeyValue`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Entry {
    /// The key.
    pub key: Bytes,
    /// The value. Absent means not read (keys-only answers).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Bytes>,
    /// The revision that created the key.
    pub create_revision: i64,
    /// The revision of the last change.
    pub mod_revision: i64,
    /// Puts since creation; 1 is the first.
    pub version: i64,
    /// The attached lease. Absent means none, in keys-only answers not read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseId>,
}

/// Answer of `GET /kv/{key}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct KeyAnswer {
    /// etcd's response header.
    pub header: Header,
    /// The entry's members stand beside the header.
    #[serde(flatten)]
    pub entry: Entry,
}

/// Answer of `?count_only` and `?dry_run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CountAnswer {
    /// etcd's response header.
    pub header: Header,
    /// Keys in the range.
    pub count: i64,
}

/// Answer of `PUT /kv/{key}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PutAnswer {
    /// etcd's response header.
    pub header: Header,
    /// The key written.
    pub key: Bytes,
    /// Absent where the account may not read the key; so are the next two.
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
    /// With `?prev`: the entry before, `null` for a creation.
    #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Entry>))]
    pub prev: Option<Option<Entry>>,
}

/// Answer of `DELETE /kv/{key}` and `DELETE /kv?<range>`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeleteAnswer {
    /// etcd's response header.
    pub header: Header,
    /// Keys deleted.
    pub deleted: i64,
    /// With `?prev`: the deleted entries in key order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Vec<Entry>>,
    /// `false` when the range was too large to guard against later writes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guarded: Option<bool>,
}

/// Answer of `GET /kv?<range>`: one page.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Page {
    /// etcd's response header; `revision` is the one the pages are pinned to.
    pub header: Header,
    /// The entries, in ascending key order unless sorted.
    pub entries: Vec<Entry>,
    /// Keys in the whole range at that revision; absent with filters by revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
    /// Others exist that this query cannot page to (it was sorted or filtered).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
    /// The cursor of the next page; `null` on the last.
    pub next: Option<String>,
}

/// A folder of a tree level: every key that begins with its prefix.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Folder {
    /// The part below the level's prefix, up to and with the separator.
    pub name: Bytes,
    /// The whole prefix.
    pub prefix: Bytes,
    /// With `counts`: the keys below it. Absent where the time did not suffice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<i64>,
}

/// Answer of `GET /tree`: one level.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TreeLevel {
    /// etcd's response header; `revision` is the one the pages are pinned to.
    pub header: Header,
    /// The level's prefix.
    pub prefix: Bytes,
    /// Folders on this level, in byte order.
    pub folders: Vec<Folder>,
    /// Keys on this level, in byte order; without values unless asked for.
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
    /// The page is full, or (with `deleted`) the replay's bound was reached: `next` is null then.
    Limit,
}

/// What finding the earlier lives of a key cost etcd.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Replay {
    /// The oldest revision looked at: earlier deletions are not known.
    pub from: i64,
    /// The newest revision looked at.
    pub to: i64,
    /// Revisions of the whole store that etcd read for it, those read again included.
    pub revisions: i64,
}

/// Answer of `GET /history/{key}`: stored revisions, newest first.
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
    /// With `deleted`: the revisions at which the key was deleted, newest first, as far as the list
    /// goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deletions: Option<Vec<i64>>,
    /// With `deleted`: what finding them cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replay: Option<Replay>,
    /// The revision below which history is gone, where it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compacted_revision: Option<i64>,
    /// The cursor of the next page; `null` on the last.
    pub next: Option<String>,
}

/// The last line of a complete NDJSON range.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct EndLine {
    /// What was sent.
    pub end: CountAnswer,
}
