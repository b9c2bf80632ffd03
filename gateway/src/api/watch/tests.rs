//! Watches in queries, and where an EventSource resumes.

use http::HeaderValue;

use super::*;
use crate::live::Collapse;

fn parse(raw: &str) -> Result<Option<Watch>> {
    let mut query = Query::parse(Some(raw))?;
    let watch = first_watch(&mut query)?;
    query.finish()?;
    Ok(watch)
}

#[test]
fn a_query_opens_one_watch() {
    let watch = parse("prefix=/a/&revision=7&prev&only=delete&snapshot=1&future=wait")
        .expect("the query is valid")
        .expect("a watch");
    assert_eq!(watch.id, "0");
    assert_eq!(watch.range, Range::prefix(b"/a/"));
    assert_eq!(watch.start, Start::Revision(7));
    assert!(watch.options.prev && watch.options.snapshot && watch.options.future);
    assert_eq!(watch.options.only, Some(EventType::Delete));
    assert_eq!(parse("").expect("the query is valid"), None);
}

#[test]
fn a_watch_without_values_and_with_closed_folders() {
    let watch = parse("prefix=/a/&keys_only&collapse=/&open=/a/b/,/a/c%2Cd/")
        .expect("the query is valid")
        .expect("a watch");
    assert!(watch.options.keys_only);
    let open = vec![b"/a/b/".to_vec(), b"/a/c,d/".to_vec()];
    let expected = Collapse::new(b"/a/", b"/".to_vec(), open).expect("valid");
    assert_eq!(watch.options.collapse.as_deref(), Some(&expected));
}

#[test]
fn unknown_invalid_and_misplaced_parameters_are_refused() {
    for raw in [
        "perfix=a",
        "prefix=a&only=puts",
        "prefix=a&only=",
        "prefix=a&revision=0",
        "prefix=a&revision=-3",
        "prefix=a&revision=x",
        "prefix=a&future=now",
        "prefix=a&key=b",
        "start=b&end=a",
        "prefix=a&prefix=b",
        "prefix=a&serializable",
        "prev",
        "key=",
        "key=a&collapse=/",
        "from=a&collapse=/",
        "prefix=a&collapse",
        "prefix=a&open=a/",
        "prefix=a&collapse=/&snapshot",
    ] {
        assert!(parse(raw).is_err(), "{raw}");
    }
}

#[test]
fn an_event_source_resumes_after_its_last_id() {
    let check = |id: &'static str, expected: Option<Start>| {
        let mut headers = HeaderMap::new();
        headers.insert(LAST_EVENT_ID, HeaderValue::from_static(id));
        assert_eq!(last_event(&headers), expected, "{id}");
    };
    check("", None);
    check("abc-41", Bookmark::parse("abc-41").map(Start::After));
    check("41", Some(Start::Unknown));
    check("hello", Some(Start::Unknown));
    assert_eq!(last_event(&HeaderMap::new()), None);
}
