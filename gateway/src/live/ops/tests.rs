//! Valid and invalid operations.

use shared::Code;

use super::*;

fn opened(text: &str) -> Watch {
    match parse(text) {
        Ok(Op::Watch(watch)) => watch,
        other => panic!("{text}: {other:?}"),
    }
}

fn refused(text: &str, id: Option<&str>, part: &str) {
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
    let watch = opened(
        r#"{"op":"watch","id":"w1","prefix":"/cron/","revision":123,"prev":true,"only":["delete"],"snapshot":true,"future":"wait"}"#,
    );
    assert_eq!(watch.id, "w1");
    assert_eq!(watch.range, Range::prefix(b"/cron/"));
    assert_eq!(watch.start, Start::Revision(123));
    assert_eq!(
        watch.options,
        Options {
            prev: true,
            only: Some(EventType::Delete),
            snapshot: true,
            future: true
        }
    );
}

#[test]
fn every_form_of_range_is_parsed() {
    let range = |members: &str| opened(&format!(r#"{{"op":"watch","id":"w",{members}}}"#)).range;
    assert_eq!(range(r#""key":"a""#), Range::one("a"));
    assert_eq!(
        range(r#""key":{"base64":"//4A"}"#),
        Range::one([255, 254, 0])
    );
    assert_eq!(range(r#""prefix":"""#), Range::prefix(b""));
    assert_eq!(
        range(r#""start":"a","end":"b""#),
        Range::between(b"a".to_vec(), Some(b"b".to_vec()))
    );
    assert_eq!(range(r#""from":"a""#), Range::between(b"a".to_vec(), None));
}

#[test]
fn both_types_are_no_filter() {
    let only = |list: &str| {
        let text = format!(r#"{{"op":"watch","id":"w","key":"a","only":{list}}}"#);
        opened(&text).options.only
    };
    assert_eq!(only(r#"["put","delete"]"#), None);
    assert_eq!(only(r#"["put","put"]"#), Some(EventType::Put));
}

#[test]
fn the_error_names_what_is_wrong() {
    refused("{", None, "JSON object");
    refused("[]", None, "JSON object");
    refused(r#"{"id":"a"}"#, Some("a"), "`op` is required");
    refused(r#"{"op":7}"#, None, "`op` must be a string");
    refused(r#"{"op":"wtach","id":"a"}"#, Some("a"), "`wtach`");
    refused(r#"{"op":"cancel"}"#, None, "`id`");
    refused(
        r#"{"op":"cancel","id":"a","prefix":""}"#,
        Some("a"),
        "`prefix`",
    );
    let watch = |members: &str, part| {
        refused(
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
    refused(r#"{"op":"watch","prefix":""}"#, None, "id");
    refused(r#"{"op":"watch","id":"","prefix":""}"#, Some(""), "`id`");
}
