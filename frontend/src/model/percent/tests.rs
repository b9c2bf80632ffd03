use super::*;

#[test]
fn every_key_round_trips() {
    let keys: &[&[u8]] = &[
        b"",
        b"a/b",
        b"/a/b",
        b"/a//b",
        b"/a/b/",
        b"/",
        b"a/../b",
        b"\xff\xfe\0",
        b"+",
        b"%",
        b"?",
        b"%2F",
        b"a b",
        b"a&b=c#d",
        "占用".as_bytes(),
        b"'\"\\",
    ];
    for key in keys {
        assert_eq!(decode(&encode(key)), *key);
        let query = query(&[("tab", b"history"), ("key", key)]);
        assert_eq!(
            query_value(&query[1..], "key").as_deref(),
            Some(*key),
            "{query}"
        );
    }
}

#[test]
fn encoding_matches_the_gateways_decoder() {
    for (bytes, text) in [
        (&b"/cron/jobs/job1"[..], "/cron/jobs/job1"),
        (b"\xff\xfe\0", "%FF%FE%00"),
        (b"+ %?", "%2B%20%25%3F"),
        (b"it's", "it%27s"),
    ] {
        assert_eq!(encode(bytes), text);
    }
}

#[test]
fn invalid_escapes_are_taken_literally() {
    for (text, bytes) in [
        ("100%", &b"100%"[..]),
        ("%zz", b"%zz"),
        ("%4", b"%4"),
        ("a+b", b"a+b"),
        ("%+1", b"%+1"),
    ] {
        assert_eq!(decode(text), bytes);
    }
}

#[test]
fn an_absent_parameter_differs_from_an_empty_one() {
    assert_eq!(query_value("prefix=&key=a", "prefix"), Some(vec![]));
    assert_eq!(query_value("key=a", "prefix"), None);
    assert_eq!(query_value("", "key"), None);
}
