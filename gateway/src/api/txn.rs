//! `/txn` and `/do`: transactions and single ops from JSON.

use axum::body::Bytes;
use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use shared::{
    CompareOp, CompareTarget, DoAnswer, LeaseId, Problem, RangeSpec, SortOrder, SortTarget,
    TxnAnswer,
};

use super::call::Call;
use super::reply::answer;
use super::{body, range};
use crate::etcd::{Compare, Condition, Delete, Get, Op, Put, Range, Txn};
use crate::failure::{Failure, Result};
use crate::service::txn::writes;

/// If / then / else in one revision.
///
/// Every member of `compare` must hold for `then` to run, else `else` runs; both are 200.
#[utoipa::path(
    post, path = "/txn", tag = "transactions",
    request_body(content = TxnBody),
    responses(
        (status = 200, body = TxnAnswer), (status = 409, body = Problem),
        (status = 422, body = Problem),
    )
)]
pub async fn txn(mut call: Call, bytes: Bytes) -> Result<Response> {
    std::mem::take(&mut call.query).finish()?;
    let body: TxnBody = body::json(&call.headers, &bytes)?;
    let txn = body.read()?;
    if writes(&txn.then) || writes(&txn.or_else) {
        call.writable()?;
    }
    let result = call.cluster.txn.run(&call.caller(), txn).await?;
    Ok(answer(StatusCode::OK, result.header.revision, &result))
}

/// One put, get or delete.
#[utoipa::path(
    operation_id = "do",
    post, path = "/do", tag = "transactions",
    request_body(content = OpBody),
    responses((status = 200, body = DoAnswer), (status = 422, body = Problem))
)]
pub async fn single(mut call: Call, bytes: Bytes) -> Result<Response> {
    std::mem::take(&mut call.query).finish()?;
    let body: OpBody = body::json(&call.headers, &bytes)?;
    let op = body.read("op")?;
    if writes(std::slice::from_ref(&op)) {
        call.writable()?;
    }
    let result = call.cluster.txn.single(&call.caller(), op).await?;
    Ok(answer(StatusCode::OK, result.header.revision, &result))
}

/// Body of `POST /txn`.
#[derive(Debug, Default, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TxnBody {
    /// All must hold for `then`; none at all always holds.
    #[serde(default)]
    compare: Vec<CompareBody>,
    /// What happens when all hold.
    #[serde(default)]
    then: Vec<OpBody>,
    /// What happens otherwise.
    #[serde(default, rename = "else")]
    or_else: Vec<OpBody>,
}

/// A comparison: a range or key, a target, an operator, a value.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareBody {
    key: Option<shared::Bytes>,
    prefix: Option<shared::Bytes>,
    start: Option<shared::Bytes>,
    end: Option<shared::Bytes>,
    from: Option<shared::Bytes>,
    target: CompareTarget,
    op: CompareOp,
    /// Bytes for `value`, a lease id for `lease`, else a number.
    value: Value,
}

/// One op, exactly one member.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
pub struct OpBody {
    put: Option<PutBody>,
    get: Option<GetBody>,
    delete: Option<DeleteBody>,
}

/// A put; an absent `lease` means none, `"keep"` needs the key to exist.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutBody {
    key: shared::Bytes,
    value: shared::Bytes,
    lease: Option<String>,
    #[serde(default)]
    prev: bool,
}

/// A get.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GetBody {
    key: Option<shared::Bytes>,
    prefix: Option<shared::Bytes>,
    start: Option<shared::Bytes>,
    end: Option<shared::Bytes>,
    from: Option<shared::Bytes>,
    #[serde(default)]
    limit: i64,
    #[serde(default)]
    revision: i64,
    #[serde(default)]
    keys_only: bool,
    #[serde(default)]
    count_only: bool,
    #[serde(default)]
    serializable: bool,
    sort: Option<SortTarget>,
    order: Option<SortOrder>,
}

/// A delete.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DeleteBody {
    key: Option<shared::Bytes>,
    prefix: Option<shared::Bytes>,
    start: Option<shared::Bytes>,
    end: Option<shared::Bytes>,
    from: Option<shared::Bytes>,
    #[serde(default)]
    prev: bool,
}

macro_rules! take_range {
    ($body:expr) => {
        RangeSpec {
            key: $body.key.take(),
            prefix: $body.prefix.take(),
            start: $body.start.take(),
            end: $body.end.take(),
            from: $body.from.take(),
        }
    };
}

/// Names the place in the body where something is wrong.
fn at(place: &str, mut failure: Failure) -> Failure {
    failure.detail = format!("{place}: {}", failure.detail);
    failure
}

fn wrong(place: &str, what: impl std::fmt::Display) -> Failure {
    Failure::bad_request(format!("{place}: {what}"))
}

impl TxnBody {
    fn read(self) -> Result<Txn> {
        let compare = self.compare.into_iter().enumerate();
        let ops = |name: &str, ops: Vec<OpBody>| -> Result<Vec<Op>> {
            let ops = ops.into_iter().enumerate();
            ops.map(|(n, op)| op.read(&format!("{name}[{n}]")))
                .collect()
        };
        Ok(Txn {
            compare: compare
                .map(|(n, compare)| compare.read(&format!("compare[{n}]")))
                .collect::<Result<_>>()?,
            then: ops("then", self.then)?,
            or_else: ops("else", self.or_else)?,
        })
    }
}

impl CompareBody {
    fn read(mut self, place: &str) -> Result<Compare> {
        let range = range::resolve(take_range!(self)).map_err(|failure| at(place, failure))?;
        let place = format!("{place}.value");
        let condition = match self.target {
            CompareTarget::Value => {
                let bytes: shared::Bytes =
                    serde_json::from_value(self.value).map_err(|error| wrong(&place, error))?;
                Condition::Value(bytes.0)
            }
            CompareTarget::Lease => {
                Condition::Number(self.target, lease_value(&place, self.value)?)
            }
            target => {
                let number = self.value.as_i64();
                let number = number.ok_or_else(|| wrong(&place, "it must be a whole number"))?;
                Condition::Number(target, number)
            }
        };
        Ok(Compare {
            range,
            op: self.op,
            condition,
        })
    }
}

/// A lease in a comparison: an id, or 0 or null for none.
fn lease_value(place: &str, value: Value) -> Result<i64> {
    match value {
        Value::Null => Ok(0),
        Value::Number(number) if number.as_i64() == Some(0) => Ok(0),
        Value::String(text) => text
            .parse::<LeaseId>()
            .map(|id| id.0)
            .map_err(|error| wrong(place, error)),
        _ => Err(wrong(place, "a lease id is a hexadecimal string")),
    }
}

impl OpBody {
    fn read(self, place: &str) -> Result<Op> {
        match (self.put, self.get, self.delete) {
            (Some(put), None, None) => put.read(&format!("{place}.put")),
            (None, Some(get), None) => get.read(&format!("{place}.get")),
            (None, None, Some(delete)) => delete.read(&format!("{place}.delete")),
            _ => Err(wrong(place, "an op has exactly one of put, get, delete")),
        }
    }
}

impl PutBody {
    fn read(self, place: &str) -> Result<Op> {
        if self.key.is_empty() {
            return Err(wrong(&format!("{place}.key"), "etcd has no empty key"));
        }
        let (lease, ignore_lease) = match self.lease.as_deref() {
            None | Some("none") => (0, false),
            Some("keep") => (0, true),
            Some(text) => {
                let id = text.parse::<LeaseId>();
                (
                    id.map_err(|error| wrong(&format!("{place}.lease"), error))?
                        .0,
                    false,
                )
            }
        };
        let (key, value) = (self.key.0, self.value.0);
        Ok(Op::Put(Put {
            key,
            value,
            lease,
            ignore_lease,
            prev: self.prev,
        }))
    }
}

impl GetBody {
    fn read(mut self, place: &str) -> Result<Op> {
        let range: Range =
            range::resolve(take_range!(self)).map_err(|failure| at(place, failure))?;
        if self.limit < 0 || self.revision < 0 {
            return Err(wrong(place, "limit and revision are not negative"));
        }
        let get = Get {
            limit: self.limit,
            revision: self.revision,
            serializable: self.serializable,
            keys_only: self.keys_only,
            count_only: self.count_only,
            sort: match (self.sort, self.order) {
                (None, None) => None,
                (target, order) => Some((
                    target.unwrap_or(SortTarget::Key),
                    order.unwrap_or(SortOrder::Asc),
                )),
            },
            ..Get::default()
        };
        Ok(Op::Get(range, get))
    }
}

impl DeleteBody {
    fn read(mut self, place: &str) -> Result<Op> {
        let range = range::resolve(take_range!(self)).map_err(|failure| at(place, failure))?;
        Ok(Op::Delete(Delete {
            range,
            prev: self.prev,
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(json: &str) -> Result<Txn> {
        body::read::<TxnBody>(json.as_bytes())?.read()
    }

    #[test]
    fn the_optimistic_lock_reads() {
        let txn = read(
            r#"{"compare":[{"key":"k","target":"create_revision","op":"=","value":0}],
                "then":[{"put":{"key":"k","value":"v","lease":"a"}}],"else":[{"get":{"key":"k"}}]}"#,
        )
        .expect("reads");
        assert_eq!(txn.compare, [Compare::created_at(b"k", 0)]);
        assert!(matches!(&txn.then[..], [Op::Put(put)] if put.lease == 10 && !put.ignore_lease));
        assert!(matches!(&txn.or_else[..], [Op::Get(range, _)] if *range == Range::one("k")));
    }

    #[test]
    fn errors_name_the_op() {
        let check = |json: &str, place: &str| {
            let detail = read(json).expect_err(json).detail;
            assert!(detail.starts_with(place), "{detail}");
        };
        check(
            r#"{"then":[{"get":{"key":"a"}},{"put":{"key":"","value":""}}]}"#,
            "then[1].put.key",
        );
        check(r#"{"then":[{"put":{"value":""}}]}"#, "then[0].put.key");
        check(r#"{"then":[{"put":{"key":"a"}}]}"#, "then[0].put.value");
        check(r#"{"else":[{}]}"#, "else[0]");
        check(
            r#"{"then":[{"put":{"key":"a","value":"","lease":"x"}}]}"#,
            "then[0].put.lease",
        );
        check(
            r#"{"compare":[{"target":"version","op":"=","value":0}]}"#,
            "compare[0]",
        );
        check(
            r#"{"compare":[{"key":"a","target":"version","op":"=","value":"0"}]}"#,
            "compare[0].value",
        );
    }

    #[test]
    fn a_typo_is_an_error() {
        for json in [
            r#"{"thn":[]}"#,
            r#"{"then":[{"put":{"key":"a","val":"b"}}]}"#,
            r#"{"then":[{"pt":{}}]}"#,
        ] {
            assert!(read(json).is_err(), "{json}");
        }
    }
}
