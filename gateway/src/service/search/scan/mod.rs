//! Matches the keys of a window, and cuts the previews. Pure computation.

use regex::bytes::Regex;
use shared::{SearchMatch, SearchPlace};

use super::query::Places;
use crate::etcd::KeyValue;

/// The limit on ranges of a match.
const MAX_RANGES: usize = 16;
/// The limit on bytes of a preview.
const PREVIEW: usize = 200;
/// Bytes of a preview before the match.
const CONTEXT: usize = 40;

/// The result of a window.
#[derive(Debug, Default)]
pub(super) struct Scanned {
    /// The keys that match, in order.
    pub(super) matches: Vec<SearchMatch>,
    /// How many keys were examined, from the first.
    pub(super) keys: usize,
}

/// Examines keys until `room` of them match, or `stop` says so.
pub(super) fn scan(
    kvs: &[KeyValue],
    pattern: &Regex,
    places: Places,
    room: usize,
    stop: impl Fn() -> bool,
) -> Scanned {
    let mut scanned = Scanned::default();
    for kv in kvs {
        if scanned.matches.len() == room || stop() {
            break;
        }
        scanned.keys += 1;
        scanned.matches.extend(examine(kv, pattern, places));
    }
    scanned
}

fn examine(kv: &KeyValue, pattern: &Regex, places: Places) -> Option<SearchMatch> {
    if places.keys && pattern.is_match(&kv.key) {
        let found = pattern.find_iter(&kv.key).take(MAX_RANGES);
        let value = places.values.then_some(&kv.value[..]);
        return Some(SearchMatch {
            key: kv.key.clone().into(),
            place: SearchPlace::Key,
            ranges: found.map(|found| [found.start(), found.end()]).collect(),
            preview: value.map(|value| cut(value, 0).1.into()),
            offset: value.map(|_| 0),
            size: value.map(<[u8]>::len),
        });
    }
    if !places.values {
        return None;
    }
    let value = &kv.value[..];
    let (offset, preview) = cut(value, pattern.find(value)?.start());
    let end = offset + preview.len();
    let found = pattern.find_iter(value).take(MAX_RANGES);
    // An empty match may be after the last byte.
    let to_the_end = end == value.len();
    let shown = found.take_while(|found| found.start() < end || to_the_end);
    let ranges = shown.map(|found| [found.start() - offset, found.end().min(end) - offset]);
    Some(SearchMatch {
        key: kv.key.clone().into(),
        place: SearchPlace::Value,
        ranges: ranges.collect(),
        preview: Some(preview.into()),
        offset: Some(offset),
        size: Some(value.len()),
    })
}

/// The part of a value to show for a match at `at`, and its offset. Cuts no character of UTF-8.
fn cut(value: &[u8], at: usize) -> (usize, &[u8]) {
    /// The longest character has three bytes after its first.
    const REST: usize = 3;
    let continues = |at: usize| value[at] & 0b1100_0000 == 0b1000_0000;
    let latest = value.len().saturating_sub(PREVIEW);
    let wanted = at.saturating_sub(CONTEXT).min(latest);
    let mut start = wanted;
    while start < (wanted + REST).min(at) && continues(start) {
        start += 1;
    }
    let wanted = (start + PREVIEW).min(value.len());
    let mut end = wanted;
    while end < value.len() && end + REST > wanted && continues(end) {
        end -= 1;
    }
    (start, &value[start..end])
}

#[cfg(test)]
mod tests;
