//! Transactions and single operations: requests, results, and explanations.

use std::fmt;

use serde::de::value::MapAccessDeserializer;
use serde::de::{self, Deserializer, MapAccess, Visitor};
use serde::{Deserialize, Serialize, Serializer};

use crate::{Bytes, Entry, Header, nullable};

/// A range of keys: `key`, `prefix`, `start` with `end` (exclusive), or `from`, exactly one of them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RangeSpec {
    /// One key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Bytes>,
    /// Every key with this prefix; empty is the whole keyspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<Bytes>,
    /// The first key, inclusive; requires `end`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Bytes>,
    /// The end, exclusive; requires `start`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Bytes>,
    /// From this key to the end of the keyspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Bytes>,
}

/// The field that a comparison compares.
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

/// The operator of a comparison.
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

/// The sort key of a sorted read.
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
    /// Result of a put.
    Put(PutResult),
    /// Result of a get.
    Get(GetResult),
    /// Result of a delete.
    Delete(DeleteResult),
    /// Result of a nested transaction.
    #[cfg_attr(feature = "schema", schema(no_recursion))]
    Txn(TxnResult),
}

/// Result of a put inside a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct PutResult {
    /// With `prev`: the previous entry, `null` for a creation.
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
    /// Keys in the range, regardless of the limit.
    pub count: i64,
    /// Whether the limit truncated the list.
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

/// Response of `POST /txn`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct TxnResponse {
    /// etcd's response header.
    pub header: Header,
    /// The transaction's members, flattened next to the header.
    #[serde(flatten)]
    pub result: TxnResult,
}

/// Response of `POST /do`: one op's result next to the header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DoResponse {
    /// etcd's response header.
    pub header: Header,
    /// `put`, `get` or `delete`.
    #[serde(flatten)]
    pub result: OpResult,
}

/// Body of `POST /txn`, and of a nested transaction: if all of `compare` hold, run `then`, otherwise
/// `else`, all in one revision.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct TxnRequest {
    /// All must hold for `then` to run; an empty list always holds.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub compare: Vec<CompareRequest>,
    /// The ops to run if all hold.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schema(no_recursion))]
    pub then: Vec<OpRequest>,
    /// The ops to run otherwise.
    #[serde(default, rename = "else", skip_serializing_if = "Vec::is_empty")]
    #[cfg_attr(feature = "schema", schema(no_recursion))]
    pub or_else: Vec<OpRequest>,
}

/// A comparison of a key or of every key of a range, given in exactly one way: `key`, `prefix`,
/// `start` with `end`, or `from`.
///
/// An empty range is compared as one absent key, whose numbers are 0; a comparison of the `value` of an
/// absent key never holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CompareRequest {
    /// One key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Bytes>,
    /// Every key with this prefix; empty is the whole keyspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<Bytes>,
    /// The first key, inclusive; requires `end`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Bytes>,
    /// The end, exclusive; requires `start`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Bytes>,
    /// From this key to the end of the keyspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Bytes>,
    /// The field to compare.
    pub target: CompareTarget,
    /// The operator.
    pub op: CompareOp,
    /// The operand: bytes for `value`; a lease id, or `null` or 0 for none, for `lease`; else a number.
    pub value: CompareValue,
}

/// The operand of a comparison.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CompareValue {
    /// A version or a revision; 0 means no lease.
    Number(i64),
    /// A value, or a lease's id as text.
    Bytes(Bytes),
    /// No lease.
    None,
}

impl Serialize for CompareValue {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Number(number) => serializer.serialize_i64(*number),
            Self::Bytes(bytes) => bytes.serialize(serializer),
            Self::None => serializer.serialize_unit(),
        }
    }
}

impl<'de> Deserialize<'de> for CompareValue {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ValueVisitor;

        impl<'de> Visitor<'de> for ValueVisitor {
            type Value = CompareValue;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(r#"a string, {"base64": "…"}, a whole number or null"#)
            }

            fn visit_i64<E: de::Error>(self, number: i64) -> Result<CompareValue, E> {
                Ok(CompareValue::Number(number))
            }

            fn visit_u64<E: de::Error>(self, number: u64) -> Result<CompareValue, E> {
                let number = i64::try_from(number).map_err(|_| {
                    de::Error::custom("the number is out of the range of a 64-bit integer")
                })?;
                Ok(CompareValue::Number(number))
            }

            fn visit_str<E: de::Error>(self, text: &str) -> Result<CompareValue, E> {
                Ok(CompareValue::Bytes(text.into()))
            }

            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<CompareValue, A::Error> {
                Bytes::deserialize(MapAccessDeserializer::new(map)).map(CompareValue::Bytes)
            }

            fn visit_unit<E: de::Error>(self) -> Result<CompareValue, E> {
                Ok(CompareValue::None)
            }
        }

        deserializer.deserialize_any(ValueVisitor)
    }
}

/// One op: exactly one member. Body of `POST /do`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct OpRequest {
    /// Writes a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub put: Option<PutOp>,
    /// Reads a range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub get: Option<GetOp>,
    /// Deletes a range.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub delete: Option<DeleteOp>,
    /// Another transaction. All comparisons, nested ones too, see the keys as they were before
    /// the first op.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(no_recursion))]
    pub txn: Option<TxnRequest>,
}

/// A put of a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PutOp {
    /// The key.
    pub key: Bytes,
    /// The value.
    pub value: Bytes,
    /// A lease id; `"keep"`, which requires the key to exist; `"none"`, which is the default
    /// (etcd's rule).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<String>,
    /// Return the previous entry.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prev: bool,
}

/// A get of a transaction: a key or a range, in exactly one way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GetOp {
    /// One key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Bytes>,
    /// Every key with this prefix; empty is the whole keyspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<Bytes>,
    /// The first key, inclusive; requires `end`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Bytes>,
    /// The end, exclusive; requires `start`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Bytes>,
    /// From this key to the end of the keyspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Bytes>,
    /// The limit on entries; 0 means no limit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub limit: i64,
    /// At this revision; 0 is the current one.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub revision: i64,
    /// Without values and leases.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keys_only: bool,
    /// Only the count.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub count_only: bool,
    /// Read from one member, possibly stale; takes effect only if every op of the transaction is
    /// such a get.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub serializable: bool,
    /// The sort key; the key by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sort: Option<SortTarget>,
    /// The order; ascending by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub order: Option<SortOrder>,
    /// Only keys created at this revision or later; 0 means no bound.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub min_create_revision: i64,
    /// Only keys created at this revision or earlier; 0 means no bound.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub max_create_revision: i64,
    /// Only keys last changed at this revision or later; 0 means no bound.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub min_mod_revision: i64,
    /// Only keys last changed at this revision or earlier; 0 means no bound.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub max_mod_revision: i64,
}

/// A delete of a transaction: a key or a range, in exactly one way.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DeleteOp {
    /// One key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<Bytes>,
    /// Every key with this prefix; empty is the whole keyspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prefix: Option<Bytes>,
    /// The first key, inclusive; requires `end`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<Bytes>,
    /// The end, exclusive; requires `start`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Bytes>,
    /// From this key to the end of the keyspace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Bytes>,
    /// Return the deleted entries.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prev: bool,
}

#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "the signature that serde requires"
    )
)]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// Response of `POST /txn?explain`: what the transaction would do now. Nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Explanation {
    /// etcd's response header; every comparison was evaluated at this revision.
    pub header: Header,
    /// Whether `then` would run.
    pub succeeds: bool,
    /// Every comparison in the order of the body, those of nested transactions too.
    pub compares: Vec<ExplainedCompare>,
}

/// The current result of a comparison.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ExplainedCompare {
    /// Its path in the body, such as `compare[0]` or `then[1].txn.compare[0]`.
    pub place: String,
    /// Whether it holds.
    pub holds: bool,
    /// Whether its transaction would run at all; the outermost one always does.
    pub reached: bool,
    /// The current key, empty if it is absent; for a range the first keys that fail the comparison,
    /// empty if it holds. Values are included only for comparisons of values.
    pub entries: Vec<Entry>,
    /// For a range: whether more keys may fail the comparison.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub more: bool,
}

#[cfg(feature = "schema")]
mod schema {
    use std::borrow::Cow;

    use utoipa::openapi::schema::{OneOfBuilder, Schema, Type};
    use utoipa::openapi::{ObjectBuilder, Ref, RefOr};
    use utoipa::{PartialSchema, ToSchema};

    use super::CompareValue;
    use crate::Bytes;

    impl PartialSchema for CompareValue {
        fn schema() -> RefOr<Schema> {
            let number = ObjectBuilder::new().schema_type(Type::Integer);
            let null = ObjectBuilder::new().schema_type(Type::Null);
            OneOfBuilder::new()
                .item(Ref::from_schema_name(Bytes::name()))
                .item(number)
                .item(null)
                .description(Some(
                    "Bytes for `value`; a lease id, or null or 0 for none, for `lease`; else a number.",
                ))
                .into()
        }
    }

    impl ToSchema for CompareValue {
        fn name() -> Cow<'static, str> {
            "CompareValue".into()
        }

        fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
            schemas.push((Bytes::name().into_owned(), Bytes::schema()));
        }
    }
}
