//! Unit tests of the form of permitted ranges.

use super::*;

fn check(ranges: &[Range], expected: &str) {
    let merged = serde_json::to_string(&merge(ranges.iter())).expect("serialises");
    assert_eq!(merged, expected);
}

fn between(start: &str, end: &str) -> Range {
    Range::between(start.into(), Some(end.into()))
}

#[test]
fn adjacent_ranges_are_merged() {
    check(&[], "[]");
    check(
        &[between("c", "e"), between("a", "c")],
        r#"[{"start":"a","end":"e"}]"#,
    );
    check(
        &[between("a", "z"), between("b", "c"), Range::single("d")],
        r#"[{"start":"a","end":"z"}]"#,
    );
    check(
        &[Range::single("a"), Range::single("b"), Range::single("a")],
        r#"[{"key":"a"},{"key":"b"}]"#,
    );
    check(
        &[
            Range::single("/a/x"),
            Range::prefix(b"/a/"),
            Range::prefix(b"/c/"),
        ],
        r#"[{"prefix":"/a/"},{"prefix":"/c/"}]"#,
    );
    check(
        &[Range::prefix(b"/a"), Range::prefix(b"/b")],
        r#"[{"start":"/a","end":"/c"}]"#,
    );
}

#[test]
fn an_open_range_absorbs_all_that_follow() {
    let from = |start: &str| Range::between(start.into(), None);
    check(&[from("m"), between("x", "y")], r#"[{"from":"m"}]"#);
    check(&[from("m"), Range::prefix(b"")], r#"[{"prefix":""}]"#);
    check(&[between("", "m"), from("m")], r#"[{"prefix":""}]"#);
}

#[test]
fn a_permission_is_shown_as_it_was_granted() {
    let shown = |range: &Range| serde_json::to_string(&spec(range)).expect("serialises");
    assert_eq!(shown(&Range::single("a")), r#"{"key":"a"}"#);
    assert_eq!(shown(&Range::prefix(b"a")), r#"{"prefix":"a"}"#);
    assert_eq!(shown(&Range::prefix(b"")), r#"{"prefix":""}"#);
    assert_eq!(shown(&between("a", "c")), r#"{"start":"a","end":"c"}"#);
    assert_eq!(
        shown(&Range::single(vec![0xff])),
        r#"{"key":{"base64":"/w=="}}"#
    );
}

#[test]
fn an_empty_range_allows_nothing() {
    check(&[between("c", "b")], "[]");
}
