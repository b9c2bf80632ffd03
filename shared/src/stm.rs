//! Software transactional memory: read many, compute, commit if nobody was faster.

use serde::{Deserialize, Serialize};

use crate::{Bytes, Header, OpResult, PutOp};

/// Body of `POST /stm/read`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StmReadRequest {
    /// The keys, 1 to 128.
    pub keys: Vec<Bytes>,
    /// At this revision: that of the transaction's first read, for the two serializable isolations.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
}

/// A key as a transaction read it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StmRead {
    /// The key.
    pub key: Bytes,
    /// The revision of its last change; 0 is an absent key.
    pub mod_revision: i64,
    /// The value; absent where the key is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Bytes>,
}

/// Answer of `POST /stm/read`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StmReadAnswer {
    /// etcd's response header; `revision` is the one that was read.
    pub header: Header,
    /// The keys in the order asked.
    pub reads: Vec<StmRead>,
}

/// What a commit is guarded against; the names are those of etcd's own client.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Isolation {
    /// What was read is unchanged, and what is written was not written since the first read.
    #[default]
    SerializableSnapshot,
    /// What was read is unchanged; all reads are of the first one's revision.
    Serializable,
    /// What was read is unchanged; each read is of its own time.
    RepeatableReads,
    /// Nothing is guarded.
    ReadCommitted,
}

/// Body of `POST /stm/commit`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct StmCommitRequest {
    /// The guard.
    #[serde(default)]
    pub isolation: Isolation,
    /// The header revision of the first read; `serializable_snapshot` needs it when there are reads.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// What was read, as `/stm/read` answered it (a `value` is accepted and not looked at); 128 at
    /// most, for `serializable_snapshot` together with the writes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reads: Vec<ReadMark>,
    /// What is written, in order; 128 at most, and no key twice.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub writes: Vec<StmWrite>,
}

/// A key that was read, and its revision then.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ReadMark {
    /// The key.
    pub key: Bytes,
    /// The revision of its last change as it was read; 0 for an absent key.
    pub mod_revision: i64,
    /// Accepted so that an answer can be sent back as it came; not looked at.
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

/// Answer of `POST /stm/commit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct StmCommitAnswer {
    /// etcd's response header; `revision` is that of the writes.
    pub header: Header,
    /// What came of the writes, in order.
    pub responses: Vec<OpResult>,
}
