use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage};

use super::*;
use crate::v3::schema;

fn input(path: &str) -> MessageId {
    schema::method(path).expect(path).input
}

fn decode_request(path: &str, text: &str) -> Vec<u8> {
    decode(input(path), text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"))
}

fn assert_invalid(path: &str, text: &str) {
    assert!(decode(input(path), text.as_bytes()).is_err(), "{text}");
}

/// The message in the protobuf text format, as prost-reflect decodes it.
fn read(message: &str, bytes: &[u8]) -> String {
    let pool = DescriptorPool::decode(schema::DESCRIPTORS).expect("embedded");
    let described = pool.get_message_by_name(message).expect(message);
    let found = DynamicMessage::decode(described, bytes).expect("well-formed");
    found.to_string()
}

const RANGE: &str = "/v3/kv/range";

#[test]
fn both_field_names_and_every_form_of_number_are_accepted() {
    for text in [
        r#"{"key":"Zm9v","range_end":"Zm9w","limit":5,"sort_order":"DESCEND","keys_only":true}"#,
        r#"{"key":"Zm9v","rangeEnd":"Zm9w","limit":"5","sortOrder":2,"keysOnly":true}"#,
        r#" {"keysOnly":true,"sortOrder":2.0,"limit":"50e-1","rangeEnd":"Zm9w","key":"Zm9v","revision":0}"#,
        r#"{"key":"Zm9v","rangeEnd":"Zm9w","limit":5.0,"sort_order":"DESCEND","sort_target":"NOSUCH","keysOnly":true,"nosuch":[{"a":[1]}],"serializable":null}"#,
    ] {
        let found = read("etcdserverpb.RangeRequest", &decode_request(RANGE, text));
        let mut parts: Vec<_> = found.split(", ").flat_map(|one| one.split(',')).collect();
        parts.sort_unstable();
        let expected = [
            "key:\"foo\"",
            "keys_only:true",
            "limit:5",
            "range_end:\"fop\"",
            "sort_order:DESCEND",
        ];
        assert_eq!(parts, expected, "{text}");
    }
    assert_eq!(decode_request(RANGE, " \n"), b"");
    assert_eq!(
        decode_request(RANGE, r#"{"key":"","limit":0,"keys_only":false}"#),
        b""
    );
    assert_eq!(decode_request(RANGE, "{} trailing"), b"");
}

#[test]
fn values_invalid_in_protojson_are_refused() {
    for text in [
        "null",
        "[]",
        "1",
        "\"x\"",
        "{",
        r#"{"key":"Zm9v""#,
        r#"{"key":1}"#,
        r#"{"key":"Zm9"}x"#,
        r#"{"key":"Zm9v","key":"Zm9v"}"#,
        r#"{"range_end":"Zm9v","rangeEnd":"Zm9v"}"#,
        r#"{"key":"Z!9v"}"#,
        r#"{"key":"Zm9vZ==="}"#,
        r#"{"key":{}}"#,
        r#"{"limit":1.5}"#,
        r#"{"limit":" 5"}"#,
        r#"{"limit":""}"#,
        r#"{"limit":"x"}"#,
        r#"{"limit":true}"#,
        r#"{"limit":9223372036854775808}"#,
        r#"{"limit":[1]}"#,
        r#"{"keys_only":1}"#,
        r#"{"keys_only":"true"}"#,
        r#"{"sort_order":true}"#,
        r#"{"sort_order":2147483648}"#,
        r#"{"sort_order":1.5}"#,
    ] {
        if text == r#"{"key":"Zm9"}x"# {
            // Unpadded, and text after the value is ignored.
            assert_eq!(decode_request(RANGE, text), b"\x0a\x02fo");
            continue;
        }
        assert_invalid(RANGE, text);
    }
    assert_invalid("/v3/kv/txn", r#"{"compare":{}}"#);
    assert_invalid("/v3/kv/txn", r#"{"compare":[null]}"#);
    assert_invalid(
        "/v3/kv/txn",
        r#"{"success":[{"request_put":{},"requestRange":{}}]}"#,
    );
    assert_invalid("/v3/maintenance/hashkv", r#"{"revision":"1x"}"#);
    assert_invalid("/v3/cluster/member/remove", r#"{"ID":-1}"#);
}

#[test]
fn base64_is_decoded_as_by_go() {
    for (text, value) in [
        ("Zm8=", &b"fo"[..]),
        ("Zm8", b"fo"),
        ("_-8", b"\xff\xef"),
        ("/+8=", b"\xff\xef"),
        ("Zm9v\\n", b"foo"),
        ("Zh==", b"f"),
        ("", b""),
    ] {
        let json = format!("{{\"value\":\"{text}\"}}");
        let mut expected = Vec::new();
        if !value.is_empty() {
            expected.extend([0x12, value.len() as u8]);
            expected.extend(value);
        }
        assert_eq!(decode_request("/v3/kv/put", &json), expected, "{text}");
    }
}

#[test]
fn zero_is_kept_in_oneofs_and_lists() {
    let compare = decode_request(
        "/v3/kv/txn",
        r#"{"compare":[{"version":"0","key":"Zm9v"}]}"#,
    );
    let found = read("etcdserverpb.TxnRequest", &compare);
    assert!(found.contains("version:0"), "{found}");
    let filters = decode_request(
        "/v3/watch",
        r#"{"create_request":{"filters":[0,"NODELETE"]}}"#,
    );
    let found = read("etcdserverpb.WatchRequest", &filters);
    assert!(found.contains("filters:[NOPUT,NODELETE]"), "{found}");
    assert_eq!(
        decode_request("/v3/watch", r#"{"progress_request":{}}"#),
        b"\x1a\x00"
    );
}

#[test]
fn negative_numbers_keep_their_sign() {
    let lease = decode_request("/v3/lease/revoke", r#"{"ID":"-9"}"#);
    let found = read("etcdserverpb.LeaseRevokeRequest", &lease);
    assert_eq!(found, "ID:-9");
    let order = decode_request(RANGE, r#"{"sort_order":-1}"#);
    assert_eq!(read("etcdserverpb.RangeRequest", &order), "sort_order:-1");
}

#[test]
fn the_nesting_limit_exceeds_the_limit_of_etcd() {
    let nested = |depth: usize| {
        let open = r#"{"success":[{"request_txn":"#.repeat(depth);
        format!("{open}{{}}{}", "}]}".repeat(depth))
    };
    let bytes = decode_request("/v3/kv/txn", &nested(128));
    assert!(bytes.len() > 128 * 4, "lengths of nested messages grow");
    assert!(nesting_depth(&bytes) >= 128);
    assert_invalid("/v3/kv/txn", &nested(1000));
}

/// `depth` nested transactions around a put of `value` bytes; each also has `beside` small puts.
fn transaction(depth: usize, value: usize, beside: usize) -> String {
    let small = r#"{"request_put":{"key":"Zm9v"}},"#.repeat(beside);
    let open = format!(r#"{{"success":[{small}{{"request_txn":"#).repeat(depth);
    let put = format!(
        r#"{{"success":[{{"request_put":{{"value":"{}"}}}}]}}"#,
        "A".repeat(value / 3 * 4)
    );
    format!("{open}{put}{}", "}]}".repeat(depth))
}

#[test]
fn lengths_match_those_of_another_encoder() {
    let pool = DescriptorPool::decode(schema::DESCRIPTORS).expect("embedded");
    let described = pool
        .get_message_by_name("etcdserverpb.TxnRequest")
        .expect("transactions exist");
    // prost decodes at most 100 levels, and each transaction here has two.
    for depth in [0, 1, 2, 5, 40] {
        for value in [0, 99, 120, 126, 129, 16_377, 16_383, 20_001] {
            for beside in [0, 1, 3] {
                let bytes = decode_request("/v3/kv/txn", &transaction(depth, value, beside));
                let read = DynamicMessage::decode(described.clone(), &bytes[..]);
                let written = read.expect("well-formed").encode_to_vec();
                assert!(written == bytes, "{depth} {value} {beside}");
            }
        }
    }
    let deepest = decode_request("/v3/kv/txn", &transaction(190, 20_001, 0));
    assert!(nesting_depth(&deepest) >= 2 * 190);
}

#[test]
fn each_byte_is_copied_once_at_any_depth() {
    let text = transaction(190, 600_000, 40);
    let mut reader = Reader::new(text.as_bytes());
    let mut out = Output::default();
    read_message(&mut reader, input("/v3/kv/txn"), &mut out, DEPTH).expect("a transaction");
    assert!(out.long.len() >= 2 * 190, "{} long lengths", out.long.len());
    let (mut copied, mut pieces) = (0, 0);
    out.pieces(|piece| {
        copied += piece.len();
        pieces += 1;
    });
    let lengths = out.long.len();
    let message = out.finish();
    assert_eq!(copied, message.len());
    assert!(pieces <= 2 * lengths + 1, "{pieces} pieces");
}

/// How many messages are nested, each at the first byte of the one around it.
fn nesting_depth(mut bytes: &[u8]) -> usize {
    let mut depth = 0;
    while let [0x12 | 0x22, rest @ ..] = bytes {
        bytes = rest;
        let length = prost::encoding::decode_varint(&mut bytes).expect("a length");
        assert_eq!(length as usize, bytes.len());
        depth += 1;
    }
    depth
}
