//! Transactions and single operations, with their compares and results.

use serde::{Deserialize, Serialize};

use crate::{Bytes, Entry, Header, LeaseId, nullable};

/// A range of keys: `key`, `prefix`, `start` with `end` (exclusive), or `from`, exactly one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RangeSpec {
    /// One key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Bytes>,
    /// Every key that begins so; empty is the whole keyspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<Bytes>,
    /// The first key, inclusive; needs `end`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Bytes>,
    /// The end, exclusive; needs `start`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Bytes>,
    /// From this key to the end of the keyspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Bytes>,
}

/// What a comparison looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum CompareTarget {
    /// The value.
    Value,
    /// Puts since creation; 0 for an absent key.
    Version,
    /// The creating revision; 0 for an absent key.
    CreateRevision,
    /// The last change's revision; 0 for an absent key.
    ModRevision,
    /// The attached lease.
    Lease,
}

/// How a comparison compares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub enum CompareOp {
    /// Equal.
    #[serde(rename = "=")]
    Equal,
    /// Not equal.
    #[serde(rename = "!=")]
    NotEqual,
    /// Less.
    #[serde(rename = "<")]
    Less,
    /// Greater.
    #[serde(rename = ">")]
    Greater,
}

/// Order of a sorted read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SortOrder {
    /// Ascending.
    Asc,
    /// Descending.
    Desc,
}

/// What a sorted read sorts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SortTarget {
    /// The key's bytes.
    Key,
    /// Puts since creation.
    Version,
    /// The creating revision.
    CreateRevision,
    /// The last change's revision.
    ModRevision,
    /// The value's bytes.
    Value,
}

/// The results of a transaction's branch, one per op in order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OpResult {
    /// Of a put.
    Put(PutResult),
    /// Of a get.
    Get(GetResult),
    /// Of a delete.
    Delete(DeleteResult),
    /// Of a nested transaction.
    #[cfg_attr(feature = "schema", schema(no_recursion))]
    Txn(TxnResult),
}

/// Result of a put inside a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PutResult {
    /// With `prev`: the entry before, `null` for a creation.
    #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(value_type = Option<Entry>))]
    pub prev: Option<Option<Entry>>,
}

/// Result of a get inside a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct GetResult {
    /// The entries; none for an absent key.
    pub entries: Vec<Entry>,
    /// Keys in the range, whatever the limit.
    pub count: i64,
    /// Whether the limit cut the list.
    pub more: bool,
}

/// Result of a delete inside a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DeleteResult {
    /// Keys deleted.
    pub deleted: i64,
    /// With `prev`: the deleted entries in key order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prev: Option<Vec<Entry>>,
}

/// Result of a nested transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TxnResult {
    /// Whether every comparison held.
    pub succeeded: bool,
    /// The results of the branch that ran.
    #[cfg_attr(feature = "schema", schema(no_recursion))]
    pub responses: Vec<OpResult>,
}

/// Answer of `POST /txn`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TxnAnswer {
    /// etcd's response header.
    pub header: Header,
    /// The transaction's members stand beside the header.
    #[serde(flatten)]
    pub result: TxnResult,
}

/// Answer of `POST /do`: one op's result beside the header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DoAnswer {
    /// etcd's response header.
    pub header: Header,
    /// `put`, `get` or `delete`.
    #[serde(flatten)]
    pub result: OpResult,
}

/// The lease of a put in a transaction: absent is none (etcd's rule), `"keep"`, or an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PutLease {
    /// Keep the key's lease; the key must exist.
    Keep,
    /// Attach this lease.
    Id(LeaseId),
}
