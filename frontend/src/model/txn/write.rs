//! From the form to the request.

use shared::{
    Bytes, CompareRequest, CompareTarget, CompareValue, DeleteOp, GetOp, LeaseId, OpRequest, PutOp,
    RangeSpec, TxnRequest,
};

use super::check::{Faults, number, optional_number};
use super::place::{child, root};
use super::{
    BOUNDS, Body, CompareForm, DeleteForm, Document, Form, GetForm, LeaseForm, Mode, OpForm,
    PutForm, RangeForm, RangeKind, Row, Wrong, WrongAt,
};
use crate::model::key_text;

impl Document {
    /// The request, or everything that is missing or wrong.
    pub(crate) fn body(&self) -> Result<Body, Vec<WrongAt>> {
        let mut faults = Faults::default();
        let body = match self.mode {
            Mode::Txn => txn(&self.txn, "", &mut faults).map(Body::Txn),
            Mode::Single => {
                let row = self.single.then.first();
                row.and_then(|row| op(&row.body, root(self.mode), &mut faults))
                    .map(Body::Single)
            }
        };
        faults.into_result(body)
    }
}

/// Reads every row, so that all faults are found.
fn all<T, U>(
    rows: &[Row<T>],
    place: &str,
    name: &str,
    faults: &mut Faults,
    read: fn(&T, &str, &mut Faults) -> Option<U>,
) -> Option<Vec<U>> {
    let read: Vec<Option<U>> = rows
        .iter()
        .enumerate()
        .map(|(n, row)| read(&row.body, &child(place, name, n), faults))
        .collect();
    read.into_iter().collect()
}

fn txn(form: &Form, place: &str, faults: &mut Faults) -> Option<TxnRequest> {
    let compare = all(&form.compare, place, "compare", faults, compare);
    let then = all(&form.then, place, "then", faults, op);
    let or_else = all(&form.or_else, place, "else", faults, op);
    Some(TxnRequest {
        compare: compare?,
        then: then?,
        or_else: or_else?,
    })
}

fn key(text: &str) -> Result<Bytes, Wrong> {
    key_text::parse(text)
        .map(Bytes)
        .map_err(|bad| Wrong::BadEscape(bad.found))
}

fn single_key(text: &str) -> Result<Bytes, Wrong> {
    let key = key(text)?;
    if key.is_empty() {
        Err(Wrong::KeyNeeded)
    } else {
        Ok(key)
    }
}

fn range(form: &RangeForm, place: &str, faults: &mut Faults) -> Option<RangeSpec> {
    let mut spec = RangeSpec::default();
    match form.kind {
        RangeKind::Key => spec.key = Some(faults.check(place, "key", single_key(&form.first))?),
        RangeKind::Prefix => spec.prefix = Some(faults.check(place, "prefix", key(&form.first))?),
        RangeKind::From => spec.from = Some(faults.check(place, "from", key(&form.first))?),
        RangeKind::Between => {
            let start = faults.check(place, "start", key(&form.first));
            let end = faults.check(place, "end", single_key(&form.end));
            let (start, end) = (start?, end?);
            if start >= end || end.0 == [0] {
                faults.add(format!("{place}.end"), Wrong::EmptyRange);
                return None;
            }
            (spec.start, spec.end) = (Some(start), Some(end));
        }
    }
    Some(spec)
}

pub(super) fn lease_id(text: &str) -> Result<LeaseId, Wrong> {
    text.trim().parse().map_err(|_| Wrong::BadLease)
}

fn compare(form: &CompareForm, place: &str, faults: &mut Faults) -> Option<CompareRequest> {
    let range = range(&form.range, place, faults);
    let value = match form.target {
        CompareTarget::Value => form.value.bytes().map(CompareValue::Bytes),
        CompareTarget::Lease if form.operand.trim().is_empty() => Ok(CompareValue::None),
        CompareTarget::Lease => {
            lease_id(&form.operand).map(|id| CompareValue::Bytes(id.to_string().into()))
        }
        _ => number(&form.operand).map(CompareValue::Number),
    };
    let value = faults.check(place, "value", value);
    let (range, value) = (range?, value?);
    Some(CompareRequest {
        key: range.key,
        prefix: range.prefix,
        start: range.start,
        end: range.end,
        from: range.from,
        target: form.target,
        op: form.op,
        value,
    })
}

fn op(form: &OpForm, place: &str, faults: &mut Faults) -> Option<OpRequest> {
    let mut request = OpRequest::default();
    match form {
        OpForm::Put(form) => request.put = Some(put(form, &format!("{place}.put"), faults)?),
        OpForm::Get(form) => request.get = Some(get(form, &format!("{place}.get"), faults)?),
        OpForm::Delete(form) => {
            request.delete = Some(delete(form, &format!("{place}.delete"), faults)?);
        }
        OpForm::Txn(form) => request.txn = Some(txn(form, &format!("{place}.txn"), faults)?),
    }
    Some(request)
}

fn put(form: &PutForm, place: &str, faults: &mut Faults) -> Option<PutOp> {
    let key = faults.check(place, "key", single_key(&form.key));
    let value = faults.check(place, "value", form.value.bytes());
    let lease = match &form.lease {
        LeaseForm::None => Some(None),
        LeaseForm::Keep => Some(Some("keep".to_owned())),
        LeaseForm::Id(id) => {
            let id = faults.check(place, "lease", lease_id(id));
            id.map(|id| Some(id.to_string()))
        }
    };
    Some(PutOp {
        key: key?,
        value: value?,
        lease: lease?,
        prev: form.prev,
    })
}

fn get(form: &GetForm, place: &str, faults: &mut Faults) -> Option<GetOp> {
    let range = range(&form.range, place, faults);
    let limit = faults.check(place, "limit", optional_number(&form.limit));
    let revision = faults.check(place, "revision", optional_number(&form.revision));
    let mut bounds = [0; 4];
    for ((bound, text), name) in bounds.iter_mut().zip(&form.bounds).zip(BOUNDS) {
        *bound = faults
            .check(place, name, optional_number(text))
            .unwrap_or_default();
    }
    let [
        min_create_revision,
        max_create_revision,
        min_mod_revision,
        max_mod_revision,
    ] = bounds;
    let range = range?;
    Some(GetOp {
        key: range.key,
        prefix: range.prefix,
        start: range.start,
        end: range.end,
        from: range.from,
        limit: limit?,
        revision: revision?,
        keys_only: form.keys_only,
        count_only: form.count_only,
        serializable: form.serializable,
        sort: form.sort,
        order: form.order,
        min_create_revision,
        max_create_revision,
        min_mod_revision,
        max_mod_revision,
    })
}

fn delete(form: &DeleteForm, place: &str, faults: &mut Faults) -> Option<DeleteOp> {
    let range = range(&form.range, place, faults)?;
    Some(DeleteOp {
        key: range.key,
        prefix: range.prefix,
        start: range.start,
        end: range.end,
        from: range.from,
        prev: form.prev,
    })
}
