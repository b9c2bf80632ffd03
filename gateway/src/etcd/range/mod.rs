//! A range of keys. etcd's two conventions for its end are known only here.

use shared::RangeSpec;

use crate::failure::{Failure, Result};

/// Keys from `key` (inclusive) to `end` (exclusive).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Range {
    /// The first key. Never empty: the first possible key is one zero byte.
    pub key: Vec<u8>,
    /// `None` for one key; a single zero byte for "to the end of the keyspace".
    pub end: Option<Vec<u8>>,
}

/// etcd's encoding of "no upper bound".
const TO_THE_END: &[u8] = &[0];

/// The first key after all keys with `prefix`; `None` if there can be none.
pub fn prefix_end(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte < 0xff)?;
    let mut end = prefix[..=last].to_vec();
    end[last] += 1;
    Some(end)
}

/// The key immediately after a key.
pub fn next_key(key: &[u8]) -> Vec<u8> {
    let mut next = key.to_vec();
    next.push(0);
    next
}

impl Range {
    /// One key.
    pub fn single(key: impl Into<Vec<u8>>) -> Self {
        Self {
            key: key.into(),
            end: None,
        }
    }

    /// Every key with `prefix`; the whole keyspace if it is empty.
    pub fn prefix(prefix: &[u8]) -> Self {
        Self::between(prefix.to_vec(), prefix_end(prefix))
    }

    /// From `start` to `end`, or to the end of the keyspace.
    pub fn between(start: Vec<u8>, end: Option<Vec<u8>>) -> Self {
        let key = if start.is_empty() { vec![0] } else { start };
        Self {
            key,
            end: Some(end.unwrap_or_else(|| TO_THE_END.to_vec())),
        }
    }

    /// The exclusive end as a key, `None` for one key and for "to the end of the keyspace".
    pub fn upper_bound(&self) -> Option<&[u8]> {
        self.end.as_deref().filter(|end| *end != TO_THE_END)
    }

    /// The exclusive end as a key, of one key too; `None` is the end of the keyspace.
    pub fn exclusive_end(&self) -> Option<Vec<u8>> {
        if self.is_one() {
            Some(next_key(&self.key))
        } else {
            self.upper_bound().map(<[u8]>::to_vec)
        }
    }

    /// The ranges in order, with overlapping and adjacent ones merged and empty ones omitted.
    pub fn union(ranges: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut spans: Vec<(Vec<u8>, Option<Vec<u8>>)> = ranges
            .into_iter()
            // etcd has no empty key, so the smallest key is one zero byte.
            .map(|range| (range.key.clone().max(vec![0]), range.exclusive_end()))
            .filter(|(start, end)| end.as_ref().is_none_or(|end| start < end))
            .collect();
        spans.sort();
        let mut merged: Vec<(Vec<u8>, Option<Vec<u8>>)> = Vec::with_capacity(spans.len());
        for (start, end) in spans {
            match merged.last_mut() {
                Some((_, last)) if last.as_ref().is_none_or(|last| start <= *last) => {
                    *last = match (last.take(), end) {
                        (Some(one), Some(other)) => Some(one.max(other)),
                        _ => None,
                    };
                }
                _ => merged.push((start, end)),
            }
        }
        let range = |(start, end): (Vec<u8>, Option<Vec<u8>>)| match end {
            Some(end) if end == next_key(&start) => Self::single(start),
            end => Self::between(start, end),
        };
        merged.into_iter().map(range).collect()
    }

    /// The keys that lie in both ranges; `None` if there can be none.
    pub fn intersection(&self, other: &Self) -> Option<Self> {
        let start = self.key.clone().max(other.key.clone());
        let end = match (self.exclusive_end(), other.exclusive_end()) {
            (Some(one), Some(two)) => Some(one.min(two)),
            (one, two) => one.or(two),
        };
        let is_empty = end.as_ref().is_some_and(|end| *end <= start);
        (!is_empty).then(|| Self::between(start, end))
    }

    /// Whether this is one key.
    pub fn is_one(&self) -> bool {
        self.end.is_none()
    }

    /// Whether it extends to the end of the keyspace.
    pub fn is_open_ended(&self) -> bool {
        self.end.as_deref() == Some(TO_THE_END)
    }

    /// The error of a request without a required range.
    pub fn required() -> Failure {
        Failure::bad_request("a range is required")
            .hint("prefix=…, start=… with end=…, or from=…; prefix= is the whole keyspace")
    }

    /// Whether the key lies in the range.
    pub fn contains(&self, key: &[u8]) -> bool {
        match &self.end {
            None => key == self.key,
            Some(_) => key >= &self.key[..] && self.upper_bound().is_none_or(|end| key < end),
        }
    }
}

impl TryFrom<RangeSpec> for Range {
    type Error = Failure;

    /// The range of a query, a body or an op; exactly one form must be given.
    fn try_from(spec: RangeSpec) -> Result<Self> {
        match (spec.key, spec.prefix, spec.start, spec.end, spec.from) {
            (Some(key), None, None, None, None) if key.is_empty() => Err(Failure::bad_request(
                "`key` must not be empty: etcd has no empty key",
            )),
            (Some(key), None, None, None, None) => Ok(Self::single(key.0)),
            (None, Some(prefix), None, None, None) => Ok(Self::prefix(&prefix.0)),
            // etcd's first key is one zero byte; as an end it would mean "no upper bound".
            (None, None, Some(start), Some(end), None) if start < end && end.0 != TO_THE_END => {
                Ok(Self::between(start.0, Some(end.0)))
            }
            (None, None, Some(_), Some(_), None) => Err(Failure::bad_request(
                "the range is empty: `start` must be below `end`",
            )),
            (None, None, None, None, Some(from)) => Ok(Self::between(from.0, None)),
            (None, None, None, None, None) => Err(Self::required()),
            (None, None, Some(_), None, None) | (None, None, None, Some(_), None) => Err(
                Failure::bad_request("`start` and `end` must be given together"),
            ),
            _ => Err(Failure::bad_request(
                "the range must be given in exactly one form",
            )),
        }
    }
}

#[cfg(test)]
mod tests;
