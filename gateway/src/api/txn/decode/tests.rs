//! Transactions decoded from JSON, and the member that each error names.

use super::*;
use crate::api::body;

fn decode(json: &str) -> Result<Txn> {
    txn(body::parse::<TxnRequest>(json.as_bytes())?, "")
}

#[test]
fn an_optimistic_lock_is_decoded() {
    let txn = decode(
        r#"{"compare":[{"key":"k","target":"create_revision","op":"=","value":0}],
            "then":[{"put":{"key":"k","value":"v","lease":"a"}}],"else":[{"get":{"key":"k"}}]}"#,
    )
    .expect("the transaction is valid");
    assert_eq!(txn.compare, [Compare::created_at(b"k", 0)]);
    assert!(matches!(&txn.then[..], [Op::Put(put)] if put.lease == 10 && !put.ignore_lease));
    assert!(matches!(&txn.or_else[..], [Op::Get(range, _)] if *range == Range::single("k")));
}

#[test]
fn errors_name_the_member() {
    let check = |json: &str, path: &str| {
        let detail = decode(json).expect_err(json).detail;
        assert!(detail.starts_with(path), "{detail}");
    };
    check(
        r#"{"then":[{"get":{"key":"a"}},{"put":{"key":"","value":""}}]}"#,
        "then[1].put.key",
    );
    check(r#"{"then":[{"put":{"value":""}}]}"#, "then[0].put.key");
    check(r#"{"then":[{"put":{"key":"a"}}]}"#, "then[0].put.value");
    check(r#"{"else":[{}]}"#, "else[0]");
    check(
        r#"{"then":[{"put":{"key":"a","value":"","lease":"x"}}]}"#,
        "then[0].put.lease",
    );
    check(
        r#"{"compare":[{"target":"version","op":"=","value":0}]}"#,
        "compare[0]",
    );
    for value in [r#""0""#, "null", "1.5", "9223372036854775808", "[]", "{}"] {
        let json =
            format!(r#"{{"compare":[{{"key":"a","target":"version","op":"=","value":{value}}}]}}"#);
        check(&json, "compare[0].value");
    }
    check(
        r#"{"compare":[{"key":"a","target":"value","op":"=","value":0}]}"#,
        "compare[0].value",
    );
    check(
        r#"{"compare":[{"key":"a","target":"lease","op":"=","value":7}]}"#,
        "compare[0].value",
    );
    check(
        r#"{"then":[{"txn":{"else":[{"get":{"key":"a"}},{"txn":{"then":[{"put":{"key":"a"}}]}}]}}]}"#,
        "then[0].txn.else[1].txn.then[0].put.value",
    );
    check(
        r#"{"then":[{"txn":{"compare":[{"prefix":"","from":"","target":"lease","op":"=","value":null}]}}]}"#,
        "then[0].txn.compare[0]",
    );
    check(
        r#"{"else":[{"get":{"key":"a","min_mod_revision":-1}}]}"#,
        "else[0].get.min_mod_revision",
    );
}

#[test]
fn unknown_members_are_refused() {
    for json in [
        r#"{"thn":[]}"#,
        r#"{"then":[{"put":{"key":"a","val":"b"}}]}"#,
        r#"{"then":[{"pt":{}}]}"#,
        r#"{"then":[{"txn":{"thn":[]}}]}"#,
    ] {
        assert!(decode(json).is_err(), "{json}");
    }
}

#[test]
fn nesting_depth_is_limited() {
    let nested = |depth: usize| {
        let open = r#"{"then":[{"txn":"#.repeat(depth);
        let close = "}]}".repeat(depth);
        format!("{open}{{}}{close}")
    };
    assert!(decode(&nested(20)).is_ok());
    let deep = decode(&nested(100_000)).expect_err("too deep");
    assert!(deep.detail.contains("recursion limit"), "{}", deep.detail);
    let list = format!(
        r#"{{"compare":[{{"key":"a","target":"value","op":"=","value":{}"#,
        "[".repeat(100_000)
    );
    assert!(decode(&list).is_err());
}
