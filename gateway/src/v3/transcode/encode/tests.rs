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

fn encode_text(message: MessageId, bytes: &[u8]) -> String {
    let mut out = Vec::new();
    encode(message, Bytes::copy_from_slice(bytes), &mut out).expect("well-formed");
    String::from_utf8(out).expect("JSON is UTF-8")
}

/// Decodes a request from JSON, encodes it again and compares.
fn round_trip(path: &str, json: &Value, expected: &Value) {
    let message = input(path);
    let bytes = decode(message, json.to_string().as_bytes()).expect("a request");
    let encoded: Value = serde_json::from_str(&encode_text(message, &bytes)).expect("JSON");
    assert_eq!(&encoded, expected);
}

#[test]
fn messages_round_trip() {
    round_trip(
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
    round_trip(
        "/v3/watch",
        &json!({"create_request": {"filters": [0, 1, 7], "fragment": true, "watch_id": 7}}),
        &json!({"create_request":
            {"filters": ["NOPUT", "NODELETE", 7], "fragment": true, "watch_id": "7"}}),
    );
    round_trip(
        "/v3/cluster/member/add",
        &json!({"peerURLs": ["http://a\"\n", ""], "isLearner": false}),
        &json!({"peerURLs": ["http://a\"\n", ""]}),
    );
}

#[test]
fn small_integers_are_numbers_and_unknown_fields_are_omitted() {
    // hash = 4294967295, compact_revision = 3, and field 99.
    let bytes = [0x10, 0xff, 0xff, 0xff, 0xff, 0x0f, 0x18, 3, 0x9a, 6, 1, 9];
    let message = output("/v3/maintenance/hashkv");
    let expected = r#"{"hash":4294967295,"compact_revision":"3"}"#;
    assert_eq!(encode_text(message, &bytes), expected);
    assert_eq!(encode_text(message, &[]), "{}");
    assert_eq!(encode_text(message, &[0x0a, 0]), r#"{"header":{}}"#);
}

#[test]
fn separated_fields_are_merged() {
    // kvs, count 1, kvs, count 2: the list is joined, and the last number wins.
    let bytes = [
        0x12, 3, 0x0a, 1, b'a', 0x20, 1, 0x12, 3, 0x0a, 1, b'b', 0x20, 2,
    ];
    let expected = r#"{"kvs":[{"key":"YQ=="},{"key":"Yg=="}],"count":"2"}"#;
    assert_eq!(encode_text(output("/v3/kv/range"), &bytes), expected);
    // Two occurrences of a header are merged.
    let bytes = [0x0a, 2, 0x18, 7, 0x0a, 2, 0x20, 9];
    let expected = r#"{"header":{"revision":"7","raft_term":"9"}}"#;
    assert_eq!(encode_text(output("/v3/kv/range"), &bytes), expected);
    // The last member of a oneof wins.
    let bytes = [0x0a, 0, 0x1a, 0];
    assert_eq!(
        encode_text(input("/v3/watch"), &bytes),
        r#"{"progress_request":{}}"#
    );
}

#[test]
fn chunks_join_to_the_whole_message() {
    let mut bytes = Vec::new();
    for _ in 0..1000 {
        bytes.extend([0x12, 8, 0x0a, 1, b'k', 0x2a, 3, b'v', b'a', b'l']);
    }
    let message = output("/v3/kv/range");
    let whole = encode_text(message, &bytes);
    for limit in [1, 7, 100, 4096] {
        let mut encoder = Encoder::new(message, Bytes::from(bytes.clone())).expect("starts");
        let mut joined = Vec::new();
        loop {
            let mut chunk = Vec::new();
            let ended = encoder.write(&mut chunk, limit).expect("well-formed");
            assert!(chunk.len() < limit + 32, "at most one more field");
            joined.extend(chunk);
            if ended {
                break;
            }
        }
        assert_eq!(joined, whole.as_bytes());
    }
}

#[test]
fn malformed_messages_are_errors() {
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
        assert_eq!(encode(message, bytes, &mut out), Err(EncodeError));
    }
}
