//! Decodes transactions in bodies into etcd's own. Errors name the invalid member by its path in the body, such as
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

/// Prefixes a failure with the path of the member that caused it.
fn at(path: &str, mut failure: Failure) -> Failure {
    failure.detail = format!("{path}: {}", failure.detail);
    failure
}

fn invalid(path: &str, reason: impl std::fmt::Display) -> Failure {
    Failure::bad_request(format!("{path}: {reason}"))
}

/// The transaction at `path`, which is empty for the outermost one.
pub(in crate::api) fn txn(request: TxnRequest, path: &str) -> Result<Txn> {
    let child = |name: &str, n: usize| {
        let dot = if path.is_empty() { "" } else { "." };
        format!("{path}{dot}{name}[{n}]")
    };
    let compares = request.compare.into_iter().enumerate();
    let compare = compares
        .map(|(n, request)| compare(request, &child("compare", n)))
        .collect::<Result<_>>()?;
    let ops = |name: &str, requests: Vec<OpRequest>| -> Result<Vec<Op>> {
        let requests = requests.into_iter().enumerate();
        requests
            .map(|(n, request)| op(request, &child(name, n)))
            .collect()
    };
    Ok(Txn {
        compare,
        then: ops("then", request.then)?,
        or_else: ops("else", request.or_else)?,
    })
}

fn compare(mut request: CompareRequest, path: &str) -> Result<Compare> {
    let range = Range::try_from(take_range!(request)).map_err(|failure| at(path, failure))?;
    let path = format!("{path}.value");
    let condition = match (request.target, request.value) {
        (CompareTarget::Value, CompareValue::Bytes(bytes)) => Condition::Value(bytes.0),
        (CompareTarget::Value, _) => {
            let reason = r#"must be a string or {"base64": "…"}"#;
            return Err(invalid(&path, reason));
        }
        (CompareTarget::Lease, CompareValue::Bytes(text)) => {
            let id = text.to_lossy().parse::<LeaseId>();
            let id = id.map_err(|error| invalid(&path, error))?;
            Condition::Number(CompareTarget::Lease, id.0)
        }
        (CompareTarget::Lease, CompareValue::None | CompareValue::Number(0)) => {
            Condition::Number(CompareTarget::Lease, 0)
        }
        (CompareTarget::Lease, CompareValue::Number(_)) => {
            return Err(invalid(&path, "must be a lease id, a hexadecimal string"));
        }
        (target, CompareValue::Number(number)) => Condition::Number(target, number),
        (_, CompareValue::Bytes(_) | CompareValue::None) => {
            return Err(invalid(&path, "must be an integer"));
        }
    };
    Ok(Compare {
        range,
        op: request.op,
        condition,
    })
}

/// The op at `path`.
pub(in crate::api) fn op(request: OpRequest, path: &str) -> Result<Op> {
    match (request.put, request.get, request.delete, request.txn) {
        (Some(request), None, None, None) => put(request, &format!("{path}.put")).map(Op::Put),
        (None, Some(request), None, None) => get(request, &format!("{path}.get")),
        (None, None, Some(request), None) => delete(request, &format!("{path}.delete")),
        (None, None, None, Some(request)) => txn(request, &format!("{path}.txn")).map(Op::Txn),
        _ => Err(invalid(
            path,
            "must have exactly one of put, get, delete, txn",
        )),
    }
}

/// The put at `path`.
pub(in crate::api) fn put(request: PutOp, path: &str) -> Result<Put> {
    require_key(&request.key, path)?;
    let (lease, ignore_lease) = match request.lease.as_deref() {
        None | Some("none") => (0, false),
        Some("keep") => (0, true),
        Some(text) => {
            let id = text.parse::<LeaseId>();
            let id = id.map_err(|error| invalid(&format!("{path}.lease"), error))?;
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

/// Refuses an empty `key` member of the object at `path`.
pub(in crate::api) fn require_key(key: &shared::Bytes, path: &str) -> Result<()> {
    if key.is_empty() {
        return Err(invalid(
            &format!("{path}.key"),
            "must not be empty: etcd has no empty key",
        ));
    }
    Ok(())
}

fn get(mut request: GetOp, path: &str) -> Result<Op> {
    let range = Range::try_from(take_range!(request)).map_err(|failure| at(path, failure))?;
    for (name, number) in [
        ("limit", request.limit),
        ("revision", request.revision),
        ("min_create_revision", request.min_create_revision),
        ("max_create_revision", request.max_create_revision),
        ("min_mod_revision", request.min_mod_revision),
        ("max_mod_revision", request.max_mod_revision),
    ] {
        if number < 0 {
            return Err(invalid(&format!("{path}.{name}"), "must not be negative"));
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

fn delete(mut request: DeleteOp, path: &str) -> Result<Op> {
    let range = Range::try_from(take_range!(request)).map_err(|failure| at(path, failure))?;
    Ok(Op::Delete(Delete {
        range,
        prev: request.prev,
    }))
}

#[cfg(test)]
mod tests;
