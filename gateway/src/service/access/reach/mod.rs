//! Key ranges of permissions: compared with each other, and shown in the API's simplest form.

use shared::{Coverage, RangeSpec};

use crate::etcd::{Range, next_key, prefix_end};

/// A first key, and an exclusive end; `None` is the end of the keyspace.
type Span = (Vec<u8>, Option<Vec<u8>>);

/// The ranges in order and merged, as spans.
fn spans<'a>(ranges: impl IntoIterator<Item = &'a Range>) -> Vec<Span> {
    let merged = Range::union(ranges.into_iter().cloned()).into_iter();
    merged
        .map(|range| (range.key.clone(), range.exclusive_end()))
        .collect()
}

fn ranges(spans: Vec<Span>) -> Vec<Range> {
    let range = |(start, end)| Range::between(start, end);
    Range::union(spans.into_iter().map(range))
}

/// Whether a span has a key: its start is below its end.
fn has_keys(start: &[u8], end: Option<&Vec<u8>>) -> bool {
    end.is_none_or(|end| start < &end[..])
}

/// The parts of `range` that one of `permitted` contains.
pub(super) fn within<'a>(
    permitted: impl IntoIterator<Item = &'a Range>,
    range: &Range,
) -> Vec<Range> {
    let Some((first, last)) = spans([range]).pop() else {
        return Vec::new();
    };
    let parts = spans(permitted).into_iter().map(|(start, end)| {
        let end = match (end, last.clone()) {
            (Some(one), Some(other)) => Some(one.min(other)),
            (one, other) => one.or(other),
        };
        (start.max(first.clone()), end)
    });
    let parts = parts.filter(|(start, end)| has_keys(start, end.as_ref()));
    ranges(parts.collect())
}

/// What of `before` is not in `after`.
pub(super) fn lost<'a>(
    before: impl IntoIterator<Item = &'a Range>,
    after: impl IntoIterator<Item = &'a Range>,
) -> Vec<Range> {
    let kept = spans(after);
    let mut lost = Vec::new();
    for (mut start, end) in spans(before) {
        let mut rest = true;
        for (kept_start, kept_end) in &kept {
            if !has_keys(&start, kept_end.as_ref()) {
                continue;
            }
            if !has_keys(kept_start, end.as_ref()) {
                break;
            }
            if start < *kept_start {
                lost.push((start.clone(), Some(kept_start.clone())));
            }
            match kept_end {
                Some(kept_end) => start.clone_from(kept_end),
                None => rest = false,
            }
            if !rest || !has_keys(&start, end.as_ref()) {
                rest = false;
                break;
            }
        }
        if rest {
            lost.push((start, end));
        }
    }
    ranges(lost)
}

/// How much of a range these parts of it are.
pub(super) fn coverage(parts: &[Range], range: &Range) -> Coverage {
    if parts.is_empty() {
        Coverage::Nothing
    } else if lost([range], parts).is_empty() {
        Coverage::All
    } else {
        Coverage::Part
    }
}

/// The simplest form of a range.
pub(super) fn spec(range: &Range) -> RangeSpec {
    let none = RangeSpec::default();
    // etcd has no empty key, so the smallest key is one zero byte.
    let start = range.key.clone().max(vec![0]);
    match range.exclusive_end() {
        None if start == [0] => RangeSpec {
            prefix: Some(Vec::new().into()),
            ..none
        },
        None => RangeSpec {
            from: Some(start.into()),
            ..none
        },
        Some(end) if end == next_key(&range.key) => RangeSpec {
            key: Some(range.key.clone().into()),
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
mod tests;
