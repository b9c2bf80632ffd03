//! Which calls `--read-only` permits: decided by the method, and for methods that can both read and write by
//! the request.

use super::errors::CallError;
use super::schema::Method;
use super::transcode::wire::{Malformed, fields};
use crate::failure::Failure;
use shared::Code;

/// Methods that only read.
const READS: [&str; 11] = [
    "/etcdserverpb.Auth/AuthStatus",
    "/etcdserverpb.Cluster/MemberList",
    "/etcdserverpb.KV/Range",
    "/etcdserverpb.Lease/LeaseLeases",
    "/etcdserverpb.Lease/LeaseTimeToLive",
    "/etcdserverpb.Maintenance/Hash",
    "/etcdserverpb.Maintenance/HashKV",
    "/etcdserverpb.Maintenance/Status",
    "/etcdserverpb.Watch/Watch",
    "/v3electionpb.Election/Leader",
    "/v3electionpb.Election/Observe",
];
/// Adds only a token, through etcd's raft log; no stored key changes.
const AUTHENTICATE: &str = "/etcdserverpb.Auth/Authenticate";
const TXN: &str = "/etcdserverpb.KV/Txn";
const ALARM: &str = "/etcdserverpb.Maintenance/Alarm";

/// Whether a method only reads, so that its calls may be retried.
pub(super) fn is_read(method: &Method) -> bool {
    READS.contains(&method.path.as_str())
}

/// Refuses a call that writes.
pub(super) fn check(method: &Method, request: &[u8]) -> Result<(), CallError> {
    let reads = match method.path.as_str() {
        TXN => transaction_reads(request),
        ALARM => alarm_reads(request),
        path => Ok(is_read(method) || path == AUTHENTICATE),
    };
    if reads == Ok(true) {
        return Ok(());
    }
    Err(Failure::new(Code::ReadOnly, "this gateway was started with --read-only").into())
}

/// Whether a `TxnRequest` consists only of ranges, nested transactions included.
fn transaction_reads(txn: &[u8]) -> Result<bool, Malformed> {
    const SUCCESS: u32 = 2;
    const FAILURE: u32 = 3;
    const RANGE: u32 = 1;
    const NESTED: u32 = 4;
    // Transactions still to be checked. No recursion: the sender chooses how deep they are nested.
    let mut pending = vec![txn];
    while let Some(txn) = pending.pop() {
        for op in fields(txn) {
            let op = op?;
            if op.number != SUCCESS && op.number != FAILURE {
                continue;
            }
            for request in fields(op.bytes) {
                let request = request?;
                match request.number {
                    RANGE => {}
                    NESTED => pending.push(request.bytes),
                    _ => return Ok(false),
                }
            }
        }
    }
    Ok(true)
}

/// Whether an `AlarmRequest` lists the alarms.
fn alarm_reads(alarm: &[u8]) -> Result<bool, Malformed> {
    const ACTION: u32 = 1;
    let mut get = true;
    for field in fields(alarm) {
        let field = field?;
        if field.number == ACTION {
            get = field.varint == 0;
        }
    }
    Ok(get)
}

#[cfg(test)]
mod tests;
