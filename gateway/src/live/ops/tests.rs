//! Valid and invalid operations.

use shared::Code;

use super::*;

fn parse_watch(text: &str) -> Watch {
    match parse(text) {
        Ok(Op::Watch(watch)) => watch,
        other => panic!("{text}: {other:?}"),
    }
}

fn assert_invalid(text: &str, id: Option<&str>, part: &str) {
    let invalid = parse(text).expect_err(text);
    assert_eq!(invalid.id.as_deref(), id, "{text}");
    assert_eq!(invalid.failure.code, Code::BadRequest, "{text}");
    assert!(
        invalid.failure.detail.contains(part),
        "{text}: {}",
        invalid.failure.detail
    );
}

#[test]
fn every_member_of_a_watch_is_parsed() {
    let watch = parse_watch(
        r#"{"op":"watch","id":"w1","prefix":"/cron/","revision":123,"prev":true,"only":["delete"],"keys_only":true,"snapshot":true,"future":"wait"}"#,
    );
    assert_eq!(watch.id, "w1");
    assert_eq!(watch.range, Range::prefix(b"/cron/"));
    assert_eq!(watch.start, Start::Revision(123));
    assert_eq!(
        watch.options,
        Options {
            prev: true,
            only: Some(EventType::Delete),
            keys_only: true,
            collapse: None,
            snapshot: true,
            future: true
        }
    );
}

#[test]
fn closed_folders_need_a_prefix_a_separator_and_no_snapshot() {
    let watch = parse_watch(
        r#"{"op":"watch","id":"w","prefix":"/a/","collapse":"/","open":["/a/b/",{"base64":"/w=="}]}"#,
    );
    let open = vec![b"/a/b/".to_vec(), vec![255]];
    let expected = Collapse::new(b"/a/", b"/".to_vec(), open).expect("valid");
    assert_eq!(watch.options.collapse.as_deref(), Some(&expected));
    let invalid = |members: &str, part: &str| {
        let text = format!(r#"{{"op":"watch","id":"w",{members}}}"#);
        assert_invalid(&text, Some("w"), part);
    };
    invalid(
        r#""key":"a","collapse":"/""#,
        "`collapse` requires `prefix`",
    );
    invalid(
        r#""prefix":"a","open":["a/"]"#,
        "`open` requires `collapse`",
    );
    invalid(r#""prefix":"a","collapse":"""#, "empty");
    invalid(
        r#""prefix":"a","collapse":"/","snapshot":true"#,
        "both `collapse` and `snapshot`",
    );
}

#[test]
fn every_form_of_range_is_parsed() {
    let range =
        |members: &str| parse_watch(&format!(r#"{{"op":"watch","id":"w",{members}}}"#)).range;
    assert_eq!(range(r#""key":"a""#), Range::single("a"));
    assert_eq!(
        range(r#""key":{"base64":"//4A"}"#),
        Range::single([255, 254, 0])
    );
    assert_eq!(range(r#""prefix":"""#), Range::prefix(b""));
    assert_eq!(
        range(r#""start":"a","end":"b""#),
        Range::between(b"a".to_vec(), Some(b"b".to_vec()))
    );
    assert_eq!(range(r#""from":"a""#), Range::between(b"a".to_vec(), None));
}

#[test]
fn listing_both_event_types_filters_nothing() {
    let only = |list: &str| {
        let text = format!(r#"{{"op":"watch","id":"w","key":"a","only":{list}}}"#);
        parse_watch(&text).options.only
    };
    assert_eq!(only(r#"["put","delete"]"#), None);
    assert_eq!(only(r#"["put","put"]"#), Some(EventType::Put));
}

#[test]
fn an_error_names_the_invalid_member() {
    assert_invalid("{", None, "JSON object");
    assert_invalid("[]", None, "JSON object");
    assert_invalid(r#"{"id":"a"}"#, Some("a"), "`op` is required");
    assert_invalid(r#"{"op":7}"#, None, "`op` must be a string");
    assert_invalid(r#"{"op":"wtach","id":"a"}"#, Some("a"), "`wtach`");
    assert_invalid(r#"{"op":"cancel"}"#, None, "`id`");
    assert_invalid(
        r#"{"op":"cancel","id":"a","prefix":""}"#,
        Some("a"),
        "`prefix`",
    );
    let watch = |members: &str, part| {
        assert_invalid(
            &format!(r#"{{"op":"watch","id":"w",{members}}}"#),
            Some("w"),
            part,
        );
    };
    watch(r#""prefix":"a","perfix":"a""#, "`perfix`");
    watch(r#""prefix":"a","revision":0"#, "`revision`");
    watch(r#""prefix":"a","revision":-4"#, "`revision`");
    watch(r#""prefix":"a","revision":1.5"#, "1.5");
    watch(r#""prefix":"a","only":[]"#, "`only`");
    watch(r#""prefix":"a","only":["puts"]"#, "puts");
    watch(r#""prefix":"a","future":"now""#, "now");
    watch(r#""prefix":"a","key":"a""#, "exactly one form");
    watch(r#""start":"a""#, "together");
    watch(r#""start":"b","end":"a""#, "empty");
    watch(r#""start":"","end":"\u0000""#, "empty");
    watch(r#""key":"""#, "empty");
    watch(r#""prev":true"#, "range is required");
    assert_invalid(r#"{"op":"watch","prefix":""}"#, None, "id");
    assert_invalid(r#"{"op":"watch","id":"","prefix":""}"#, Some(""), "`id`");
}
