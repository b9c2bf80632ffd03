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
mod tests {
    use super::super::schema;
    use super::super::transcode::decode;
    use super::*;

    fn passes(path: &str, asked: &str) -> bool {
        let method = schema::method(path).expect(path);
        let question = decode(method.input, asked.as_bytes()).expect(asked);
        check(method, &question).is_ok()
    }

    #[test]
    fn reads_pass_and_changes_do_not() {
        for path in [
            "/v3/kv/range",
            "/v3/watch",
            "/v3/lease/timetolive",
            "/v3/kv/lease/leases",
            "/v3/election/leader",
            "/v3/election/observe",
            "/v3/maintenance/status",
            "/v3/maintenance/hash",
            "/v3/maintenance/hashkv",
            "/v3/cluster/member/list",
            "/v3/maintenance/alarm",
            "/v3/auth/status",
            "/v3/auth/authenticate",
            "/v3/kv/txn",
        ] {
            assert!(passes(path, "{}"), "{path}");
        }
        for path in [
            "/v3/kv/put",
            "/v3/kv/deleterange",
            "/v3/kv/compaction",
            "/v3/lease/grant",
            "/v3/lease/keepalive",
            "/v3/lock/lock",
            "/v3/lock/unlock",
            "/v3/election/campaign",
            "/v3/cluster/member/add",
            "/v3/auth/enable",
            "/v3/maintenance/defragment",
            "/v3/maintenance/transfer-leadership",
        ] {
            assert!(!passes(path, "{}"), "{path}");
        }
    }

    #[test]
    fn a_transaction_passes_when_it_only_reads_however_deep() {
        let ranges = r#"{"success":[{"request_range":{"key":"YQ=="}}],"compare":[{"key":"YQ=="}]}"#;
        assert!(passes("/v3/kv/txn", ranges));
        let within = |inner: &str| {
            format!(
                r#"{{"failure":[{{"request_txn":{{"success":[{{"request_txn":{inner}}}]}}}}]}}"#
            )
        };
        assert!(passes("/v3/kv/txn", &within(ranges)));
        for change in [
            r#"{"success":[{"request_put":{"key":"YQ=="}}]}"#,
            r#"{"failure":[{"request_delete_range":{"key":"YQ=="}}]}"#,
            r#"{"success":[{"request_range":{}},{"request_put":{}}]}"#,
        ] {
            assert!(!passes("/v3/kv/txn", change), "{change}");
            assert!(!passes("/v3/kv/txn", &within(change)), "{change}");
        }
    }

    #[test]
    fn alarms_may_be_asked_for() {
        assert!(passes("/v3/maintenance/alarm", r#"{"action":"GET"}"#));
        assert!(!passes("/v3/maintenance/alarm", r#"{"action":"ACTIVATE"}"#));
        assert!(!passes("/v3/maintenance/alarm", r#"{"action":2}"#));
    }
}
