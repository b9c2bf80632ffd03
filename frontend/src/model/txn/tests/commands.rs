//! Command lines.

use super::super::command::{Reason, curl, etcdctl};
use super::super::{Body, Mode, parse};

fn txn(json: &str) -> Body {
    parse(Mode::Txn, json).expect("a transaction")
}

fn single(json: &str) -> Body {
    parse(Mode::Single, json).expect("an op")
}

#[test]
fn curl_posts_the_body() {
    let body = txn(r#"{"then":[{"put":{"key":"it's","value":"a\nb"}}]}"#);
    assert_eq!(
        curl(&body, "http://h/api/v1/", false),
        r#"curl --json '{"then":[{"put":{"key":"it'\''s","value":"a\nb"}}]}' 'http://h/api/v1/txn'"#
    );
    assert!(curl(&body, "http://h/api/v1/", true).ends_with("'http://h/api/v1/txn?explain'"));
    let get = single(r#"{"get":{"key":"a"}}"#);
    assert!(curl(&get, "http://h/api/v1/", false).ends_with("'http://h/api/v1/do'"));
    let long = format!(r#"{{"put":{{"key":"a","value":"{}"}}}}"#, "x".repeat(3000));
    let line = curl(&single(&long), "http://h/api/v1/", false);
    assert!(
        line.starts_with("curl --json @- 'http://h/api/v1/do' <<'EOF'\n{"),
        "{line}"
    );
    assert!(line.ends_with("}\nEOF"), "{line}");
}

#[test]
fn etcdctl_reads_the_three_parts() {
    let body = txn(r#"{"compare":[
            {"key":"/a","target":"mod_revision","op":"<","value":7},
            {"key":"/a","target":"value","op":"!=","value":"x \"y\""}],
        "then":[
            {"put":{"key":"-k","value":"line\n","lease":"1f","prev":true}},
            {"put":{"key":"k","value":{"base64":"/wA="},"lease":"keep"}},
            {"delete":{"start":"a","end":"b"}}],
        "else":[
            {"get":{"prefix":"/jobs/","limit":5,"sort":"mod_revision","order":"desc"}},
            {"get":{"from":"","keys_only":true,"count_only":true,"serializable":true}}]}"#);
    assert_eq!(
        etcdctl(&body).expect("etcdctl can express it"),
        r#"etcdctl txn <<'EOF'
mod("/a") < "7"
val("/a") != "x \"y\""

put --lease=1f --prev-kv -- "-k" "line\n"
put --ignore-lease -- "k" "\xff\x00"
del --range -- "a" "b"

get --limit=5 --sort-by=MODIFY --order=DESCEND --prefix -- "/jobs/"
get --count-only --consistency=s --from-key -- ""

EOF"#
    );
}

#[test]
fn a_single_op_is_etcdctls_own_command() {
    for (json, line) in [
        (r#"{"get":{"key":"-a"}}"#, "etcdctl get -- '-a'"),
        (
            r#"{"get":{"prefix":"","count_only":true}}"#,
            "etcdctl -w fields get --count-only --prefix -- ''",
        ),
        (
            r#"{"delete":{"prefix":"/x/","prev":true}}"#,
            "etcdctl del --prev-kv --prefix -- '/x/'",
        ),
        (
            r#"{"put":{"key":"a","value":"it's"}}"#,
            r"etcdctl put -- 'a' 'it'\''s'",
        ),
        (
            r#"{"put":{"key":"a","value":{"base64":"AA=="}}}"#,
            "etcdctl txn <<'EOF'\n\nput -- \"a\" \"\\x00\"\n\n\nEOF",
        ),
    ] {
        assert_eq!(etcdctl(&single(json)).as_deref(), Ok(line));
    }
}

#[test]
fn inexpressible_commands_name_the_reason() {
    for (json, place, reason) in [
        (
            r#"{"compare":[{"prefix":"a","target":"version","op":"=","value":0}]}"#,
            "compare[0]",
            Reason::RangeCompare,
        ),
        (
            r#"{"compare":[{"key":"a","target":"lease","op":"=","value":null}]}"#,
            "compare[0]",
            Reason::LeaseCompare,
        ),
        (
            r#"{"else":[{"get":{"key":"a"}},{"txn":{}}]}"#,
            "else[1]",
            Reason::Nested,
        ),
    ] {
        let refused = etcdctl(&txn(json)).expect_err("etcdctl cannot express it");
        assert_eq!((&refused.place[..], refused.reason), (place, reason));
    }
}
