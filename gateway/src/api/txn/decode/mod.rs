//! Transactions of a body as etcd's own. Whatever is wrong is named by its place, as
//! `then[3].put.key` or `then[0].txn.compare[1].value`.

use shared::{
    CompareRequest, CompareTarget, CompareValue, DeleteOp, GetOp, LeaseId, OpRequest, PutOp,
    RangeSpec, SortOrder, SortTarget, TxnRequest,
};

use crate::etcd::{Compare, Condition, Delete, Get, Op, Put, Range, Txn};
use crate::failure::{Failure, Result};

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

/// The transaction at `place`; the outermost one's is empty.
pub(in crate::api) fn txn(request: TxnRequest, place: &str) -> Result<Txn> {
    let below = |name: &str, n: usize| {
        let dot = if place.is_empty() { "" } else { "." };
        format!("{place}{dot}{name}[{n}]")
    };
    let compares = request.compare.into_iter().enumerate();
    let compare = compares
        .map(|(n, request)| compare(request, &below("compare", n)))
        .collect::<Result<_>>()?;
    let ops = |name: &str, requests: Vec<OpRequest>| -> Result<Vec<Op>> {
        let requests = requests.into_iter().enumerate();
        requests
            .map(|(n, request)| op(request, &below(name, n)))
            .collect()
    };
    Ok(Txn {
        compare,
        then: ops("then", request.then)?,
        or_else: ops("else", request.or_else)?,
    })
}

fn compare(mut request: CompareRequest, place: &str) -> Result<Compare> {
    let range = Range::try_from(take_range!(request)).map_err(|failure| at(place, failure))?;
    let place = format!("{place}.value");
    let condition = match (request.target, request.value) {
        (CompareTarget::Value, CompareValue::Bytes(bytes)) => Condition::Value(bytes.0),
        (CompareTarget::Value, _) => {
            let bytes = r#"a value is a string or {"base64": "…"}"#;
            return Err(wrong(&place, bytes));
        }
        (CompareTarget::Lease, CompareValue::Bytes(text)) => {
            let id = text.to_lossy().parse::<LeaseId>();
            let id = id.map_err(|error| wrong(&place, error))?;
            Condition::Number(CompareTarget::Lease, id.0)
        }
        (CompareTarget::Lease, CompareValue::None | CompareValue::Number(0)) => {
            Condition::Number(CompareTarget::Lease, 0)
        }
        (CompareTarget::Lease, CompareValue::Number(_)) => {
            return Err(wrong(&place, "a lease id is a hexadecimal string"));
        }
        (target, CompareValue::Number(number)) => Condition::Number(target, number),
        (_, CompareValue::Bytes(_) | CompareValue::None) => {
            return Err(wrong(&place, "it must be a whole number"));
        }
    };
    Ok(Compare {
        range,
        op: request.op,
        condition,
    })
}

/// The op at `place`.
pub(in crate::api) fn op(request: OpRequest, place: &str) -> Result<Op> {
    match (request.put, request.get, request.delete, request.txn) {
        (Some(request), None, None, None) => put(request, &format!("{place}.put")).map(Op::Put),
        (None, Some(request), None, None) => get(request, &format!("{place}.get")),
        (None, None, Some(request), None) => delete(request, &format!("{place}.delete")),
        (None, None, None, Some(request)) => txn(request, &format!("{place}.txn")).map(Op::Txn),
        _ => Err(wrong(
            place,
            "an op has exactly one of put, get, delete, txn",
        )),
    }
}

/// The put at `place`.
pub(in crate::api) fn put(request: PutOp, place: &str) -> Result<Put> {
    key_at(&request.key, place)?;
    let (lease, ignore_lease) = match request.lease.as_deref() {
        None | Some("none") => (0, false),
        Some("keep") => (0, true),
        Some(text) => {
            let id = text.parse::<LeaseId>();
            let id = id.map_err(|error| wrong(&format!("{place}.lease"), error))?;
            (id.0, false)
        }
    };
    Ok(Put {
        key: request.key.0,
        value: request.value.0,
        lease,
        ignore_lease,
        prev: request.prev,
    })
}

/// Refuses the empty key of a `key` member at `place`.
pub(in crate::api) fn key_at(key: &shared::Bytes, place: &str) -> Result<()> {
    if key.is_empty() {
        return Err(wrong(&format!("{place}.key"), "etcd has no empty key"));
    }
    Ok(())
}

fn get(mut request: GetOp, place: &str) -> Result<Op> {
    let range = Range::try_from(take_range!(request)).map_err(|failure| at(place, failure))?;
    for (name, number) in [
        ("limit", request.limit),
        ("revision", request.revision),
        ("min_create_revision", request.min_create_revision),
        ("max_create_revision", request.max_create_revision),
        ("min_mod_revision", request.min_mod_revision),
        ("max_mod_revision", request.max_mod_revision),
    ] {
        if number < 0 {
            return Err(wrong(&format!("{place}.{name}"), "it is not negative"));
        }
    }
    let get = Get {
        limit: request.limit,
        revision: request.revision,
        serializable: request.serializable,
        keys_only: request.keys_only,
        count_only: request.count_only,
        sort: match (request.sort, request.order) {
            (None, None) => None,
            (target, order) => Some((
                target.unwrap_or(SortTarget::Key),
                order.unwrap_or(SortOrder::Asc),
            )),
        },
        min_create_revision: request.min_create_revision,
        max_create_revision: request.max_create_revision,
        min_mod_revision: request.min_mod_revision,
        max_mod_revision: request.max_mod_revision,
    };
    Ok(Op::Get(range, get))
}

fn delete(mut request: DeleteOp, place: &str) -> Result<Op> {
    let range = Range::try_from(take_range!(request)).map_err(|failure| at(place, failure))?;
    Ok(Op::Delete(Delete {
        range,
        prev: request.prev,
    }))
}

#[cfg(test)]
mod tests;
