//! What passes where nothing may change: decided by the call, and where the call can be both by what
//! is asked.

use super::errors::Refused;
use super::schema::Method;
use super::transcode::wire::{Broken, fields};
use crate::failure::Failure;
use shared::Code;

/// Calls that read.
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
/// It writes a token into etcd's log, and nothing that anybody reads.
const AUTHENTICATE: &str = "/etcdserverpb.Auth/Authenticate";
const TXN: &str = "/etcdserverpb.KV/Txn";
const ALARM: &str = "/etcdserverpb.Maintenance/Alarm";

/// Whether a call only ever reads, so that it may be made twice.
pub(super) fn is_read(method: &Method) -> bool {
    READS.contains(&method.path.as_str())
}

/// Refuses what changes something.
pub(super) fn check(method: &Method, question: &[u8]) -> Result<(), Refused> {
    let reads = match method.path.as_str() {
        TXN => transaction_reads(question),
        ALARM => alarm_reads(question),
        path => Ok(is_read(method) || path == AUTHENTICATE),
    };
    if reads == Ok(true) {
        return Ok(());
    }
    Err(Failure::new(Code::ReadOnly, "this gateway was started with --read-only").into())
}

/// Whether a `TxnRequest` is made of ranges alone, those within it too.
fn transaction_reads(txn: &[u8]) -> Result<bool, Broken> {
    const SUCCESS: u32 = 2;
    const FAILURE: u32 = 3;
    const RANGE: u32 = 1;
    const NESTED: u32 = 4;
    // Transactions still to be looked at: how deep they lie is the sender's choice.
    let mut left = vec![txn];
    while let Some(txn) = left.pop() {
        for op in fields(txn) {
            let op = op?;
            if op.number != SUCCESS && op.number != FAILURE {
                continue;
            }
            for what in fields(op.bytes) {
                let what = what?;
                match what.number {
                    RANGE => {}
                    NESTED => left.push(what.bytes),
                    _ => return Ok(false),
                }
            }
        }
    }
    Ok(true)
}

/// Whether an `AlarmRequest` asks for the alarms.
fn alarm_reads(alarm: &[u8]) -> Result<bool, Broken> {
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
