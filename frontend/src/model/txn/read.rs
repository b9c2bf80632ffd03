//! From a request to the form.

use shared::{
    Bytes, CompareRequest, CompareTarget, CompareValue, DeleteOp, GetOp, LeaseId, OpRequest, PutOp,
    TxnRequest,
};

use super::edit::Ids;
use super::place::child;
use super::{
    Body, CompareForm, DeleteForm, Form, GetForm, LeaseForm, OpForm, PutForm, RangeForm, RangeKind,
    Row, ValueForm, Wrong, WrongAt,
};
use crate::model::key_text;

type Read<T> = Result<T, WrongAt>;

fn wrong<T>(place: impl Into<String>, wrong: Wrong) -> Read<T> {
    Err(WrongAt {
        place: place.into(),
        wrong,
    })
}

/// The form of a request; a single op is the only one of `then`.
pub(super) fn form(body: &Body, ids: &mut Ids<'_>) -> Read<Form> {
    match body {
        Body::Txn(request) => txn(request, "", ids),
        Body::Single(request) => {
            let body = op(request, "op", ids)?;
            let row = Row {
                id: ids.next(),
                body,
            };
            Ok(Form {
                then: vec![row],
                ..Form::default()
            })
        }
    }
}

fn rows<T, U>(
    requests: &[T],
    place: &str,
    name: &str,
    ids: &mut Ids<'_>,
    read: fn(&T, &str, &mut Ids<'_>) -> Read<U>,
) -> Read<Vec<Row<U>>> {
    let mut rows = Vec::with_capacity(requests.len());
    for (n, request) in requests.iter().enumerate() {
        let id = ids.next();
        let body = read(request, &child(place, name, n), ids)?;
        rows.push(Row { id, body });
    }
    Ok(rows)
}

pub(super) fn txn(request: &TxnRequest, place: &str, ids: &mut Ids<'_>) -> Read<Form> {
    Ok(Form {
        compare: rows(&request.compare, place, "compare", ids, |one, place, _| {
            compare(one, place)
        })?,
        then: rows(&request.then, place, "then", ids, op)?,
        or_else: rows(&request.or_else, place, "else", ids, op)?,
    })
}

/// The given members of a range: `key`, `prefix`, `start`, `end`, `from`.
fn range(members: [&Option<Bytes>; 5], place: &str) -> Read<RangeForm> {
    let text = |bytes: &Bytes| key_text::display(&bytes.0);
    let one = |kind, bytes| RangeForm {
        kind,
        first: text(bytes),
        end: String::new(),
    };
    Ok(match members {
        [Some(key), None, None, None, None] if key.is_empty() => {
            return wrong(format!("{place}.key"), Wrong::KeyNeeded);
        }
        [Some(key), None, None, None, None] => one(RangeKind::Key, key),
        [None, Some(prefix), None, None, None] => one(RangeKind::Prefix, prefix),
        [None, None, None, None, Some(from)] => one(RangeKind::From, from),
        [None, None, Some(start), Some(end), None] if start < end && end.0 != [0] => RangeForm {
            kind: RangeKind::Between,
            first: text(start),
            end: text(end),
        },
        [None, None, Some(_), Some(_), None] => {
            return wrong(format!("{place}.end"), Wrong::EmptyRange);
        }
        _ => return wrong(place, Wrong::RangeForms),
    })
}

fn compare(request: &CompareRequest, place: &str) -> Read<CompareForm> {
    let CompareRequest {
        key,
        prefix,
        start,
        end,
        from,
        target,
        op,
        value,
    } = request;
    let mut form = CompareForm {
        range: range([key, prefix, start, end, from], place)?,
        target: *target,
        op: *op,
        ..CompareForm::default()
    };
    let place = format!("{place}.value");
    match (target, value) {
        (CompareTarget::Value, CompareValue::Bytes(bytes)) => form.value = ValueForm::of(&bytes.0),
        (CompareTarget::Value, _) => return wrong(place, Wrong::BytesNeeded),
        (CompareTarget::Lease, CompareValue::None | CompareValue::Number(0)) => {}
        (CompareTarget::Lease, CompareValue::Bytes(text)) => {
            match text.to_lossy().parse::<LeaseId>() {
                Ok(LeaseId(0)) => {}
                Ok(id) => form.operand = id.to_string(),
                Err(_) => return wrong(place, Wrong::BadLease),
            }
        }
        (CompareTarget::Lease, CompareValue::Number(_)) => return wrong(place, Wrong::BadLease),
        (_, CompareValue::Number(number)) => form.operand = number.to_string(),
        (_, CompareValue::Bytes(_) | CompareValue::None) => {
            return wrong(place, Wrong::NumberNeeded);
        }
    }
    Ok(form)
}

fn op(request: &OpRequest, place: &str, ids: &mut Ids<'_>) -> Read<OpForm> {
    let OpRequest {
        put: write,
        get: read,
        delete: remove,
        txn: nested,
    } = request;
    Ok(match (write, read, remove, nested) {
        (Some(op), None, None, None) => OpForm::Put(put(op, &format!("{place}.put"))?),
        (None, Some(op), None, None) => OpForm::Get(get(op, &format!("{place}.get"))?),
        (None, None, Some(op), None) => OpForm::Delete(delete(op, &format!("{place}.delete"))?),
        (None, None, None, Some(op)) => OpForm::Txn(txn(op, &format!("{place}.txn"), ids)?),
        _ => return wrong(place, Wrong::OpMembers),
    })
}

fn put(request: &PutOp, place: &str) -> Read<PutForm> {
    if request.key.is_empty() {
        return wrong(format!("{place}.key"), Wrong::KeyNeeded);
    }
    let lease = match request.lease.as_deref() {
        None | Some("none") => LeaseForm::None,
        Some("keep") => LeaseForm::Keep,
        Some(text) => match text.parse::<LeaseId>() {
            Ok(id) => LeaseForm::Id(id.to_string()),
            Err(_) => return wrong(format!("{place}.lease"), Wrong::BadLease),
        },
    };
    Ok(PutForm {
        key: key_text::display(&request.key.0),
        value: ValueForm::of(&request.value.0),
        lease,
        prev: request.prev,
    })
}

fn get(request: &GetOp, place: &str) -> Read<GetForm> {
    let GetOp {
        key,
        prefix,
        start,
        end,
        from,
        ..
    } = request;
    let number = |name: &str, number: i64| match number {
        0 => Ok(String::new()),
        1.. => Ok(number.to_string()),
        _ => wrong(format!("{place}.{name}"), Wrong::Negative),
    };
    Ok(GetForm {
        range: range([key, prefix, start, end, from], place)?,
        limit: number("limit", request.limit)?,
        revision: number("revision", request.revision)?,
        keys_only: request.keys_only,
        count_only: request.count_only,
        serializable: request.serializable,
        sort: request.sort,
        order: request.order,
        bounds: [
            number("min_create_revision", request.min_create_revision)?,
            number("max_create_revision", request.max_create_revision)?,
            number("min_mod_revision", request.min_mod_revision)?,
            number("max_mod_revision", request.max_mod_revision)?,
        ],
    })
}

fn delete(request: &DeleteOp, place: &str) -> Read<DeleteForm> {
    let DeleteOp {
        key,
        prefix,
        start,
        end,
        from,
        prev,
    } = request;
    Ok(DeleteForm {
        range: range([key, prefix, start, end, from], place)?,
        prev: *prev,
    })
}
