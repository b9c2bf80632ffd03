//! The ranges that an account may read or write.

use shared::RangeSpec;

#[cfg(test)]
mod tests;

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
