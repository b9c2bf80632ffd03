//! Software transactional memory: read keys, compute, commit if nothing has changed.

use serde::{Deserialize, Serialize};

use crate::{Bytes, Header, OpResult, PutOp};

/// Body of `POST /stm/read`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StmReadRequest {
    /// The keys, 1 to 128.
    pub keys: Vec<Bytes>,
    /// The revision to read at: that of the transaction's first read, for the two serializable
    /// isolations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
}

/// A key as a transaction read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StmRead {
    /// The key.
    pub key: Bytes,
    /// The revision of its last change; 0 for an absent key.
    pub mod_revision: i64,
    /// The value; absent if the key is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Bytes>,
}

/// Response of `POST /stm/read`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StmReadResponse {
    /// etcd's response header; `revision` is the one that was read at.
    pub header: Header,
    /// The keys in the order of the request.
    pub reads: Vec<StmRead>,
}

/// The isolation level of a commit; the names are those of etcd's own client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// The keys read are unchanged, and the keys written were not written since the first read.
    #[default]
    SerializableSnapshot,
    /// The keys read are unchanged; all reads are at the first one's revision.
    Serializable,
    /// The keys read are unchanged; each read is at its own revision.
    RepeatableReads,
    /// Nothing is checked.
    ReadCommitted,
}

/// Body of `POST /stm/commit`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StmCommitRequest {
    /// The isolation level.
    #[serde(default)]
    pub isolation: Isolation,
    /// The header revision of the first read; required by `serializable_snapshot` with reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// The keys read, as returned by `/stm/read` (a `value` is accepted and ignored); at most 128, for
    /// `serializable_snapshot` together with the writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<ReadMark>,
    /// The writes, in order; at most 128, without duplicate keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<StmWrite>,
}

/// A key that was read, and its revision at that time.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReadMark {
    /// The key.
    pub key: Bytes,
    /// The revision of its last change as it was read; 0 for an absent key.
    pub mod_revision: i64,
    /// Ignored; accepted so that a response can be sent back unchanged.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Bytes>,
}

/// One write: exactly one member.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StmWrite {
    /// Writes a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put: Option<PutOp>,
    /// Deletes a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<StmDelete>,
}

/// A deletion of a commit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StmDelete {
    /// The key.
    pub key: Bytes,
}

/// Response of `POST /stm/commit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StmCommitResponse {
    /// etcd's response header; `revision` is that of the writes.
    pub header: Header,
    /// The results of the writes, in order.
    pub responses: Vec<OpResult>,
}
