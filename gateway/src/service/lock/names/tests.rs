//! Unit tests of names and recipes of keys.

use super::*;

#[test]
fn a_claim_ends_with_its_own_lease() {
    let rows: [(&str, i64, Option<&str>); 8] = [
        ("deploy/prod/2a", 0x2a, Some("deploy/prod")),
        ("/my-lock//2a", 0x2a, Some("/my-lock/")),
        ("/my-lock/2a", 0x2a, Some("/my-lock")),
        ("a/-9", -9, Some("a")),
        ("a/2b", 0x2a, None),
        ("a/002a", 0x2a, None),
        ("2a", 0x2a, None),
        ("a/0", 0, None),
    ];
    for (key, lease, queue) in rows {
        assert_eq!(
            queue_of(key.as_bytes(), lease),
            queue.map(str::as_bytes),
            "{key}"
        );
    }
}

#[test]
fn a_readers_writer_key_ends_with_a_time() {
    let rw = |key: &'static str| rw_of(key.as_bytes()).map(|rw| (rw.name, rw.writes));
    assert_eq!(rw("a/read/1764086400123456789"), Some((&b"a"[..], false)));
    assert_eq!(
        rw("/a//write/1764086400123456789"),
        Some((&b"/a/"[..], true))
    );
    for key in [
        "a/read/694d604f1cc13e0f",
        "a/read/1764086400",
        "a/read/17640864001234567a9",
        "a/reads/1764086400123456789",
        "read/1764086400123456789",
        "a/write/",
    ] {
        assert_eq!(rw(key), None, "{key}");
    }
}

#[test]
fn a_lease_is_formatted_as_in_go() {
    assert_eq!(claim_key(b"/my-lock/", LeaseId(-9)), b"/my-lock//-9");
    assert_eq!(lease_in_name(b"a", b"a/2a"), Some(LeaseId(0x2a)));
    for key in ["a/2A", "a/02a", "a/dec:42", "a/0", "a/", "a/b/2a", "b/2a"] {
        assert_eq!(lease_in_name(b"a", key.as_bytes()), None, "{key}");
    }
}

#[test]
fn a_key_blocks_every_name_above_it() {
    let names: Vec<_> = blocked_names(b"/a//b/2a").collect();
    assert_eq!(names, [&b""[..], b"/a", b"/a/", b"/a//b"]);
}

#[test]
fn single_key_locks_are_detected_by_whole_words() {
    let single_key_rules = SingleKeyRules::new(vec![b"/jobs/".to_vec()]);
    let rows: [(&[u8], Option<bool>); 9] = [
        (b"/cron/lock/ado", Some(false)),
        (b"/dev/lock", Some(false)),
        (b"app-leader", Some(false)),
        (b"locks_of_x", Some(false)),
        (b"/master:1", Some(false)),
        (b"/clock/block", None),
        (b"/services/checkout/10.0.0.1:80", None),
        (b"/jobs/anything", Some(true)),
        (b"\xff/lock", Some(false)),
    ];
    for (key, expected) in rows {
        assert_eq!(
            single_key_rules.single(key, b"node-1"),
            expected,
            "{}",
            key.escape_ascii()
        );
    }
}

#[test]
fn kubernetes_objects_are_not_locks() {
    let single_key_rules = SingleKeyRules::new(vec![b"/jobs/".to_vec()]);
    let key = b"/registry/events/default/master.17a1f2b3c4d5e6f7";
    // As the API server stores them: protobuf, encrypted, JSON.
    let objects: [&[u8]; 3] = [
        b"k8s\0\n\x0b\n\x02v1\x12\x05Event\x12\x1b",
        b"k8s:enc:aescbc:v1:key1:\x93\x01",
        br#"{"kind":"Event","apiVersion":"v1","metadata":{"name":"master.17a1f2b3c4d5e6f7"}}"#,
    ];
    for value in objects {
        assert_eq!(
            single_key_rules.single(key, value),
            None,
            "{}",
            value.escape_ascii()
        );
        // The operator's configuration takes precedence.
        assert_eq!(single_key_rules.single(b"/jobs/master", value), Some(true));
    }
    let others: [&[u8]; 4] = [
        b"",
        b"k8s-node-1",
        br#"{"kind":"lock"}"#,
        br#"{"holder":"a"}"#,
    ];
    for value in others {
        assert_eq!(
            single_key_rules.single(key, value),
            Some(false),
            "{}",
            value.escape_ascii()
        );
    }
}
