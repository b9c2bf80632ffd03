//! Deletes one key, or a range whose size was confirmed.

use shared::{Code, CompareOp, CompareTarget, DeleteResponse, Header};

use super::{
    Guard, KvService, Precondition, absent, precondition_failed, read_current, read_on_failure,
};
use crate::etcd::{Compare, Delete, Get, KeyValue, Op, OpResponse, Range, Txn, entry};
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// A range with more keys is deleted without comparing each: etcd would load them all.
const MAX_COMPARED: i64 = 10_000;

impl KvService {
    /// Deletes one key.
    pub async fn delete(
        &self,
        caller: &Caller,
        key: &[u8],
        prev: bool,
        precondition: &Precondition,
        guard: Option<&Guard>,
    ) -> Result<DeleteResponse> {
        let condition = self.comparison(caller, key, precondition).await?;
        let conditional = condition.is_some();
        let delete = Delete {
            range: Range::single(key),
            prev,
        };
        let compare: Vec<_> = guard
            .map(Guard::compare)
            .into_iter()
            .chain(condition)
            .collect();
        let (header, deleted, before) = if compare.is_empty() {
            self.etcd.delete(caller, delete).await?
        } else {
            let or_else = read_on_failure(key, guard, false);
            let txn = Txn {
                compare,
                then: vec![Op::Delete(delete)],
                or_else,
            };
            let response = self.etcd.txn(caller, txn).await?;
            if !response.succeeded {
                let current = read_current(guard, &response.header, response.responses, false)?;
                debug_assert!(conditional, "without a condition only the guard can fail");
                return Err(precondition_failed(current, &response.header));
            }
            deletion(response.header, response.responses)
        };
        if deleted == 0 {
            return Err(absent(key, &header));
        }
        Ok(delete_response(
            header,
            deleted,
            prev.then_some(before),
            None,
        ))
    }

    /// Deletes a range of `confirm` keys, counted at `revision` or now. A key written after that count is
    /// never deleted: the whole deletion is refused instead.
    pub async fn delete_range(
        &self,
        caller: &Caller,
        range: &Range,
        confirm: Option<i64>,
        revision: Option<i64>,
        prev: bool,
        guard: Option<&Guard>,
    ) -> Result<DeleteResponse> {
        let count = Get::count_only().at(revision.unwrap_or(0));
        let counted = self.etcd.range(caller, range, &count).await?;
        let at = revision.unwrap_or(counted.header.revision);
        let changed = |code, detail: String, count, revision, header: &Header| {
            let store_revision = header.revision;
            Failure::new(code, detail).with(|facts| {
                facts.count = Some(count);
                facts.revision = Some(revision);
                facts.store_revision = Some(store_revision);
            })
        };
        let Some(confirm) = confirm else {
            let detail = format!("this would delete {} keys", counted.count);
            let hint = format!("add confirm={}&revision={at}", counted.count);
            return Err(changed(
                Code::ConfirmRequired,
                detail,
                counted.count,
                at,
                &counted.header,
            )
            .hint(hint));
        };
        if counted.count != confirm {
            let detail = format!(
                "at revision {at} the range has {} keys, not {confirm}",
                counted.count
            );
            return Err(changed(
                Code::CountChanged,
                detail,
                counted.count,
                at,
                &counted.header,
            ));
        }
        let guarded = counted.count <= MAX_COMPARED;
        let unchanged = guarded.then(|| {
            let target = CompareTarget::ModRevision;
            Compare::number(range.clone(), target, CompareOp::Less, at.saturating_add(1))
        });
        let compare: Vec<_> = guard
            .map(Guard::compare)
            .into_iter()
            .chain(unchanged)
            .collect();
        let or_else = guard
            .map(|guard| Op::peek(&guard.key))
            .into_iter()
            .chain([Op::Get(range.clone(), Get::count_only())])
            .collect();
        let delete = Delete {
            range: range.clone(),
            prev,
        };
        let txn = Txn {
            compare,
            then: vec![Op::Delete(delete)],
            or_else,
        };
        let result = self.etcd.txn(caller, txn).await?;
        if !result.succeeded {
            let now = match result.responses.last() {
                Some(OpResponse::Get(_, count, _)) => *count,
                _ => 0,
            };
            // Returns not_holder if it was the guard that failed.
            read_current(guard, &result.header, result.responses, true)?;
            let detail = format!("keys of the range were written after revision {at}");
            return Err(changed(
                Code::CountChanged,
                detail,
                now,
                result.header.revision,
                &result.header,
            ));
        }
        let (header, deleted, before) = deletion(result.header, result.responses);
        Ok(delete_response(
            header,
            deleted,
            prev.then_some(before),
            (!guarded).then_some(false),
        ))
    }
}

fn deletion(header: Header, responses: Vec<OpResponse>) -> (Header, i64, Vec<KeyValue>) {
    match responses.into_iter().next() {
        Some(OpResponse::Delete(deleted, before)) => (header, deleted, before),
        _ => (header, 0, Vec::new()),
    }
}

fn delete_response(
    header: Header,
    deleted: i64,
    before: Option<Vec<KeyValue>>,
    guarded: Option<bool>,
) -> DeleteResponse {
    let prev = before.map(|kvs| kvs.into_iter().map(|kv| entry(kv, false)).collect());
    DeleteResponse {
        header,
        deleted,
        prev,
        guarded,
    }
}
