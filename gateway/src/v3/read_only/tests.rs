use super::super::schema;
use super::super::transcode::decode;
use super::*;

fn passes(path: &str, json: &str) -> bool {
    let method = schema::method(path).expect(path);
    let request = decode(method.input, json.as_bytes()).expect(json);
    check(method, &request).is_ok()
}

#[test]
fn reads_pass_and_writes_do_not() {
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
fn a_transaction_passes_only_if_all_nested_ones_read() {
    let ranges = r#"{"success":[{"request_range":{"key":"YQ=="}}],"compare":[{"key":"YQ=="}]}"#;
    assert!(passes("/v3/kv/txn", ranges));
    let nested = |inner: &str| {
        format!(r#"{{"failure":[{{"request_txn":{{"success":[{{"request_txn":{inner}}}]}}}}]}}"#)
    };
    assert!(passes("/v3/kv/txn", &nested(ranges)));
    for write in [
        r#"{"success":[{"request_put":{"key":"YQ=="}}]}"#,
        r#"{"failure":[{"request_delete_range":{"key":"YQ=="}}]}"#,
        r#"{"success":[{"request_range":{}},{"request_put":{}}]}"#,
    ] {
        assert!(!passes("/v3/kv/txn", write), "{write}");
        assert!(!passes("/v3/kv/txn", &nested(write)), "{write}");
    }
}

#[test]
fn alarms_may_be_listed() {
    assert!(passes("/v3/maintenance/alarm", r#"{"action":"GET"}"#));
    assert!(!passes("/v3/maintenance/alarm", r#"{"action":"ACTIVATE"}"#));
    assert!(!passes("/v3/maintenance/alarm", r#"{"action":2}"#));
}
