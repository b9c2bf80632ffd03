use serde_json::{Value, json};

use super::*;
use crate::v3::schema;
use crate::v3::transcode::decode;

fn output(path: &str) -> MessageId {
    schema::method(path).expect(path).output
}

fn input(path: &str) -> MessageId {
    schema::method(path).expect(path).input
}

fn written(message: MessageId, bytes: &[u8]) -> String {
    let mut out = Vec::new();
    encode(message, Bytes::copy_from_slice(bytes), &mut out).expect("well-formed");
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// Asks in JSON, and shows what etcd would read in it.
fn there_and_back(path: &str, asked: &Value, expected: &Value) {
    let message = input(path);
    let bytes = decode(message, asked.to_string().as_bytes()).expect("it is a request");
    let shown: Value = serde_json::from_str(&written(message, &bytes)).expect("JSON");
    assert_eq!(&shown, expected);
}

#[test]
fn messages_go_there_and_back() {
    there_and_back(
        "/v3/kv/txn",
        &json!({
            "compare": [{"key": "Zm9v", "createRevision": 0, "target": "CREATE", "result": 0}],
            "success": [{"requestPut": {"key": "Zm9v", "value": "YmFy", "lease": -9}},
                        {"request_txn": {"success": [{"request_range": {}}]}}],
            "failure": [],
        }),
        &json!({
            "compare": [{"key": "Zm9v", "create_revision": "0", "target": "CREATE"}],
            "success": [{"request_put": {"key": "Zm9v", "value": "YmFy", "lease": "-9"}},
                        {"request_txn": {"success": [{"request_range": {}}]}}],
        }),
    );
    there_and_back(
        "/v3/watch",
        &json!({"create_request": {"filters": [0, 1, 7], "fragment": true, "watch_id": 7}}),
        &json!({"create_request":
            {"filters": ["NOPUT", "NODELETE", 7], "fragment": true, "watch_id": "7"}}),
    );
    there_and_back(
        "/v3/cluster/member/add",
        &json!({"peerURLs": ["http://a\"\n", ""], "isLearner": false}),
        &json!({"peerURLs": ["http://a\"\n", ""]}),
    );
}

#[test]
fn small_numbers_are_numbers_and_unknown_fields_are_none() {
    // hash = 4294967295, compact_revision = 3, and field 99.
    let bytes = [0x10, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x18, 3, 0x9a, 6, 1, 9];
    let message = output("/v3/maintenance/hashkv");
    let expected = r#"{"hash":4294967295,"compact_revision":"3"}"#;
    assert_eq!(written(message, &bytes), expected);
    assert_eq!(written(message, &[]), "{}");
    assert_eq!(written(message, &[0x0a, 0]), r#"{"header":{}}"#);
}

#[test]
fn fields_in_disorder_are_put_in_order() {
    // kvs, count 1, kvs, count 2: each list is one, and of a number the last holds.
    let bytes = [
        0x12, 3, 0x0a, 1, b'a', 0x20, 1, 0x12, 3, 0x0a, 1, b'b', 0x20, 2,
    ];
    let expected = r#"{"kvs":[{"key":"YQ=="},{"key":"Yg=="}],"count":"2"}"#;
    assert_eq!(written(output("/v3/kv/range"), &bytes), expected);
    // Two halves of a header are one header.
    let bytes = [0x0a, 2, 0x18, 7, 0x0a, 2, 0x20, 9];
    let expected = r#"{"header":{"revision":"7","raft_term":"9"}}"#;
    assert_eq!(written(output("/v3/kv/range"), &bytes), expected);
    // Of alternatives the last one holds.
    let bytes = [0x0a, 0, 0x1a, 0];
    assert_eq!(
        written(input("/v3/watch"), &bytes),
        r#"{"progress_request":{}}"#
    );
}

#[test]
fn chunks_join_to_the_whole() {
    let mut bytes = Vec::new();
    for _ in 0..1000 {
        bytes.extend([0x12, 8, 0x0a, 1, b'k', 0x2a, 3, b'v', b'a', b'l']);
    }
    let message = output("/v3/kv/range");
    let whole = written(message, &bytes);
    for enough in [1, 7, 100, 4096] {
        let mut encoder = Encoder::new(message, Bytes::from(bytes.clone())).expect("starts");
        let mut joined = Vec::new();
        loop {
            let mut chunk = Vec::new();
            let ended = encoder.write(&mut chunk, enough).expect("goes on");
            assert!(chunk.len() < enough + 32, "a field more at most");
            joined.extend(chunk);
            if ended {
                break;
            }
        }
        assert_eq!(joined, whole.as_bytes());
    }
}

#[test]
fn nonsense_is_an_error() {
    let message = output("/v3/kv/range");
    for bytes in [
        &[0x12, 5, 1][..],
        &[0x80],
        &[0x20],
        &[0x0b],
        &[0x12, 1, 0x0a],
    ] {
        let mut out = Vec::new();
        let bytes = Bytes::copy_from_slice(bytes);
        assert_eq!(encode(message, bytes, &mut out), Err(Unreadable));
    }
}
