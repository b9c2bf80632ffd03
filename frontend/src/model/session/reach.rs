//! The ranges that an account may read or write.

use shared::RangeSpec;

/// A range in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum RangeWords {
    All,
    Key(Vec<u8>),
    Prefix(Vec<u8>),
    From(Vec<u8>),
    Between(Vec<u8>, Vec<u8>),
}

impl RangeWords {
    /// The words for a range; `None` for one that names nothing.
    pub(crate) fn of(range: &RangeSpec) -> Option<Self> {
        if let Some(key) = &range.key {
            return Some(Self::Key(key.0.clone()));
        }
        if let Some(prefix) = &range.prefix {
            return Some(if prefix.0.is_empty() {
                Self::All
            } else {
                Self::Prefix(prefix.0.clone())
            });
        }
        if let (Some(start), Some(end)) = (&range.start, &range.end) {
            return Some(Self::Between(start.0.clone(), end.0.clone()));
        }
        let from = range.from.as_ref()?;
        Some(if from.0.is_empty() || from.0 == [0] {
            Self::All
        } else {
            Self::From(from.0.clone())
        })
    }
}

/// The first key, and the end, which is not part of it; without an end it is the rest of the keyspace.
type Bounds = (Vec<u8>, Option<Vec<u8>>);

/// Whether one of the ranges contains the whole wanted one. The gateway's ranges are merged: none of them overlap
/// or are adjacent, so no two together can contain a range that neither of them does.
pub(crate) fn covers(ranges: &[RangeSpec], wanted: &RangeSpec) -> bool {
    let Some((start, end)) = bounds(wanted) else {
        return false;
    };
    ranges.iter().filter_map(bounds).any(|(first, last)| {
        let begins = first <= start || (start.is_empty() && first == [0]);
        let ends = match (&last, &end) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(last), Some(end)) => end <= last,
        };
        begins && ends
    })
}

fn bounds(range: &RangeSpec) -> Option<Bounds> {
    Some(match RangeWords::of(range)? {
        RangeWords::All => (Vec::new(), None),
        RangeWords::Key(key) => {
            let mut end = key.clone();
            end.push(0);
            (key, Some(end))
        }
        RangeWords::Prefix(prefix) => {
            let end = prefix_end(&prefix);
            (prefix, end)
        }
        RangeWords::From(from) => (from, None),
        RangeWords::Between(start, end) => (start, Some(end)),
    })
}

/// The first key after every key with the prefix; `None` where there is none.
fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

#[cfg(test)]
mod tests {
    use shared::{Bytes, RangeSpec};

    use super::{RangeWords, covers};

    fn bytes(text: &[u8]) -> Option<Bytes> {
        Some(Bytes(text.to_vec()))
    }

    fn key(key: &[u8]) -> RangeSpec {
        RangeSpec {
            key: bytes(key),
            ..RangeSpec::default()
        }
    }

    fn prefix(prefix: &[u8]) -> RangeSpec {
        RangeSpec {
            prefix: bytes(prefix),
            ..RangeSpec::default()
        }
    }

    fn between(start: &[u8], end: &[u8]) -> RangeSpec {
        RangeSpec {
            start: bytes(start),
            end: bytes(end),
            ..RangeSpec::default()
        }
    }

    fn from(from: &[u8]) -> RangeSpec {
        RangeSpec {
            from: bytes(from),
            ..RangeSpec::default()
        }
    }

    #[test]
    fn a_range_is_covered_by_one_that_contains_it() {
        for (may, wanted, is_covered) in [
            (prefix(b"/a/"), key(b"/a/x"), true),
            (prefix(b"/a/"), key(b"/a/"), true),
            (prefix(b"/a/"), key(b"/a"), false),
            (prefix(b"/a/"), key(b"/b"), false),
            (prefix(b"/a/"), prefix(b"/a/b/"), true),
            (prefix(b"/a/"), prefix(b"/"), false),
            (prefix(b"/a/"), prefix(b""), false),
            (prefix(b"/a/"), from(b"/a/"), false),
            (prefix(b""), from(b"/a/"), true),
            (prefix(b""), prefix(b""), true),
            (from(b"\0"), prefix(b""), true),
            (from(b"/a"), key(b"\xff\xff"), true),
            (prefix(b"\xff"), from(b"\xff"), true),
            (prefix(b"\xff"), prefix(b"\xff\xff"), true),
            (between(b"a", b"c"), prefix(b"b"), true),
            (between(b"a", b"b"), prefix(b"a"), true),
            (between(b"a", b"ab"), prefix(b"a"), false),
            (key(b"x"), key(b"x"), true),
            (key(b"x"), key(b"x\0"), false),
            (key(b"x"), prefix(b"x"), false),
        ] {
            let ranges = [key(b"\x01"), may.clone()];
            assert_eq!(covers(&ranges, &wanted), is_covered, "{may:?} {wanted:?}");
        }
        assert!(!covers(&[], &key(b"x")));
    }

    #[test]
    fn a_range_has_words() {
        let all = Some(RangeWords::All);
        assert_eq!(RangeWords::of(&prefix(b"")), all);
        assert_eq!(RangeWords::of(&from(b"\0")), all);
        let words = RangeWords::Between(b"a".to_vec(), b"b".to_vec());
        assert_eq!(RangeWords::of(&between(b"a", b"b")), Some(words));
        assert_eq!(RangeWords::of(&RangeSpec::default()), None);
    }
}
