//! Key ranges of permissions: merged where they touch, and shown in the API's simplest form.

use shared::RangeSpec;

use crate::etcd::{Range, next_key, prefix_end};

/// The ranges in order, with overlapping and adjacent ranges merged.
pub(super) fn merge<'a>(ranges: impl Iterator<Item = &'a Range>) -> Vec<RangeSpec> {
    Range::union(ranges.cloned()).iter().map(spec).collect()
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
