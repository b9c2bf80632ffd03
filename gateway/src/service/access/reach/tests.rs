//! Unit tests of the form of permitted ranges.

use super::*;

fn check(ranges: &[Range], expected: &str) {
    shows(&Range::union(ranges.to_vec()), expected);
}

fn shows(ranges: &[Range], expected: &str) {
    let shown: Vec<RangeSpec> = ranges.iter().map(spec).collect();
    let shown = serde_json::to_string(&shown).expect("serialises");
    assert_eq!(shown, expected);
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

#[test]
fn the_permitted_parts_of_a_range_are_found() {
    let permitted = [between("b", "d"), Range::prefix(b"/a/"), between("f", "h")];
    let part = |range: &Range, expected: &str, covers| {
        let parts = within(&permitted, range);
        shows(&parts, expected);
        assert_eq!(coverage(&parts, range), covers, "{range:?}");
    };
    part(&Range::single("c"), r#"[{"key":"c"}]"#, Coverage::All);
    part(&Range::single("d"), "[]", Coverage::Nothing);
    part(
        &Range::prefix(b"/a/b"),
        r#"[{"prefix":"/a/b"}]"#,
        Coverage::All,
    );
    part(
        &Range::prefix(b"/"),
        r#"[{"prefix":"/a/"}]"#,
        Coverage::Part,
    );
    part(
        &Range::between("c".into(), None),
        r#"[{"prefix":"c"},{"start":"f","end":"h"}]"#,
        Coverage::Part,
    );
    // Adjacent permissions together allow a range that neither of them allows alone.
    let halves = [between("a", "m"), Range::between("m".into(), None)];
    let whole = Range::between("b".into(), None);
    assert_eq!(coverage(&within(&halves, &whole), &whole), Coverage::All);
}

#[test]
fn only_ranges_that_no_other_permission_allows_are_lost() {
    let all = Range::between("a".into(), None);
    let check = |before: &[Range], after: &[Range], expected: &str| {
        shows(&lost(before, after), expected);
    };
    check(&[between("a", "z")], &[], r#"[{"start":"a","end":"z"}]"#);
    check(&[between("a", "z")], std::slice::from_ref(&all), "[]");
    check(
        &[all],
        &[between("c", "d"), Range::single("m")],
        r#"[{"start":"a","end":"c"},{"start":"d","end":"m"},{"from":"m\u0000"}]"#,
    );
    check(
        &[between("a", "c"), between("e", "g")],
        &[between("b", "f")],
        r#"[{"prefix":"a"},{"prefix":"f"}]"#,
    );
    check(
        &[Range::single("a")],
        &[Range::single("b")],
        r#"[{"key":"a"}]"#,
    );
    check(&[], &[Range::single("b")], "[]");
}
