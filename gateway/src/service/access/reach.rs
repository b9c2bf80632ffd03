//! Key ranges of permissions: merged where they touch, and shown in the API's simplest form.

use shared::RangeSpec;

use crate::etcd::{Range, prefix_end};

/// From a first key to an exclusive end; `None` is the end of the keyspace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Span {
    start: Vec<u8>,
    end: Option<Vec<u8>>,
}

impl Span {
    fn of(range: &Range) -> Self {
        let end = if range.is_one() {
            Some(next_key(&range.key))
        } else {
            range.upper_bound().map(<[u8]>::to_vec)
        };
        Self {
            // etcd has no empty key, so the smallest key is one zero byte.
            start: range.key.clone().max(vec![0]),
            end,
        }
    }

    fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }

    fn touches(&self, next: &Self) -> bool {
        self.end.as_ref().is_none_or(|end| next.start <= *end)
    }
}

/// The key immediately after a key.
fn next_key(key: &[u8]) -> Vec<u8> {
    let mut next = key.to_vec();
    next.push(0);
    next
}

/// The ranges in order, with overlapping and adjacent ranges merged.
pub(super) fn merge<'a>(ranges: impl Iterator<Item = &'a Range>) -> Vec<RangeSpec> {
    let mut spans: Vec<_> = ranges
        .map(Span::of)
        .filter(|span| !span.is_empty())
        .collect();
    spans.sort();
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if last.touches(&span) => {
                last.end = match (last.end.take(), span.end) {
                    (Some(one), Some(other)) => Some(one.max(other)),
                    _ => None,
                };
            }
            _ => merged.push(span),
        }
    }
    merged.into_iter().map(simplest).collect()
}

/// A range as it was granted.
pub(super) fn spec(range: &Range) -> RangeSpec {
    if range.is_one() {
        return RangeSpec {
            key: Some(range.key.clone().into()),
            ..RangeSpec::default()
        };
    }
    simplest(Span::of(range))
}

fn simplest(span: Span) -> RangeSpec {
    let Span { start, end } = span;
    let none = RangeSpec::default();
    match end {
        None if start == [0] => RangeSpec {
            prefix: Some(Vec::new().into()),
            ..none
        },
        None => RangeSpec {
            from: Some(start.into()),
            ..none
        },
        Some(end) if end == next_key(&start) => RangeSpec {
            key: Some(start.into()),
            ..none
        },
        Some(end) if prefix_end(&start).as_ref() == Some(&end) => RangeSpec {
            prefix: Some(start.into()),
            ..none
        },
        Some(end) => RangeSpec {
            start: Some(start.into()),
            end: Some(end.into()),
            ..none
        },
    }
}

#[cfg(test)]
mod tests {
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
            &[between("a", "z"), between("b", "c"), Range::one("d")],
            r#"[{"start":"a","end":"z"}]"#,
        );
        check(
            &[Range::one("a"), Range::one("b"), Range::one("a")],
            r#"[{"key":"a"},{"key":"b"}]"#,
        );
        check(
            &[
                Range::one("/a/x"),
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
        assert_eq!(shown(&Range::one("a")), r#"{"key":"a"}"#);
        assert_eq!(shown(&Range::prefix(b"a")), r#"{"prefix":"a"}"#);
        assert_eq!(shown(&Range::prefix(b"")), r#"{"prefix":""}"#);
        assert_eq!(shown(&between("a", "c")), r#"{"start":"a","end":"c"}"#);
        assert_eq!(
            shown(&Range::one(vec![0xff])),
            r#"{"key":{"base64":"/w=="}}"#
        );
    }

    #[test]
    fn an_empty_range_allows_nothing() {
        check(&[between("c", "b")], "[]");
    }
}
