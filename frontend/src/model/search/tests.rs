//! Unit tests of requests, lines and states.

use shared::{Header, MemberId, SearchLimit, SearchPlace};

use super::*;

fn spec(within: &str, text: &str, regex: bool) -> Spec {
    Spec {
        within: within.as_bytes().into(),
        text: text.to_owned(),
        regex,
    }
}

#[test]
fn a_search_is_part_of_the_address() {
    for spec in [spec("/a b/", "wörd & more", false), spec("", "^x|y$", true)] {
        let query = percent::query(&spec.parameters());
        assert_eq!(Spec::of_query(query.trim_start_matches('?')), Some(spec));
    }
    assert_eq!(Spec::of_query("key=a"), None);
    assert_eq!(Spec::of_query("search="), None);
}

#[test]
fn text_has_the_escapes_of_keys_and_expressions_have_their_own() {
    let path = |spec: Spec| spec.path().expect("no bad escape");
    assert_eq!(
        path(spec("/a/", r"\xFFb", false)),
        "search?prefix=/a/&contains=%FFb&ignore_case"
    );
    assert_eq!(
        path(spec("", r"\d+", true)),
        "search?prefix=&regex=%5Cd%2B&ignore_case"
    );
    assert!(spec("", r"\q", false).path().is_err());
}

fn found(key: &str) -> String {
    format!(r#"{{"match":{{"key":"{key}","in":"key","ranges":[[0,1]]}}}}"#)
}

#[test]
fn lines_are_completed_by_later_pieces() {
    let text = format!("{}\n{}\n{{\"prog", found("a"), found("ä"));
    for cut in 1..text.len() {
        let mut lines = Lines::default();
        let mut read = lines.push(&text.as_bytes()[..cut]).expect("valid");
        read.extend(lines.push(&text.as_bytes()[cut..]).expect("valid"));
        assert_eq!(read.len(), 2, "{cut}");
        let rest = lines.push(b"ress\":{\"keys\":1,\"bytes\":2,\"of_keys\":3}}\n");
        assert!(rest.expect("valid")[0].progress.is_some());
    }
    assert_eq!(Lines::default().push(b"<html>\n"), None);
}

fn line(key: &str) -> SearchLine {
    SearchLine {
        found: Some(SearchMatch {
            key: key.into(),
            place: SearchPlace::Key,
            ranges: Vec::new(),
            preview: None,
            offset: None,
            size: None,
        }),
        ..SearchLine::default()
    }
}

fn progress(keys: u64, of_keys: u64) -> SearchProgress {
    SearchProgress {
        keys,
        bytes: keys * 10,
        of_keys,
    }
}

fn end(keys: u64, of_keys: u64, next: Option<&str>) -> SearchLine {
    SearchLine {
        end: Some(SearchEnd {
            header: Header {
                cluster_id: MemberId(1),
                member_id: MemberId(2),
                revision: 7,
                raft_term: 2,
            },
            matches: 1,
            progress: progress(keys, of_keys),
            stopped_by: next.map(|_| SearchLimit::Matches),
            readable_only: false,
            next: next.map(str::to_owned),
        }),
        ..SearchLine::default()
    }
}

#[test]
fn requests_of_a_search_add_up() {
    let mut search = Search::new(spec("", "x", false));
    assert_eq!((search.keys(), search.phase), ((0, 0), Phase::Running));
    search.apply(vec![SearchLine {
        progress: Some(progress(0, 100)),
        ..SearchLine::default()
    }]);
    assert_eq!(search.keys(), (0, 100));
    search.apply(vec![line("a"), end(40, 100, Some("c"))]);
    assert_eq!((search.keys(), search.bytes()), ((40, 100), 400));
    assert_eq!((search.phase, search.next()), (Phase::Ended, Some("c")));
    search.resume();
    assert_eq!((search.keys(), search.next()), ((40, 100), None));
    search.apply(vec![line("b"), end(60, 60, None)]);
    assert_eq!((search.keys(), search.found.len()), ((100, 100), 2));
    assert!((search.done() - 1.0).abs() < 1e-9 && search.next().is_none());
}

#[test]
fn lines_of_a_stopped_request_are_ignored() {
    let mut search = Search::new(spec("", "x", false));
    search.phase = Phase::Stopped;
    search.apply(vec![line("a"), end(1, 1, None)]);
    assert!(search.found.is_empty() && search.phase == Phase::Stopped);
}
