//! What a search is about, from a request's parameters or from a cursor.

use regex::bytes::Regex;
use serde::{Deserialize, Serialize};
use shared::Bytes;

use super::pattern::Needle;
use crate::etcd::Range;
use crate::failure::Result;
use crate::service::cursor;

/// The limit on matches of one request, and the default.
pub const MAX_MATCHES: usize = 1000;

/// Which parts of an entry are searched; at least one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Places {
    /// Keys.
    pub keys: bool,
    /// Values.
    pub values: bool,
}

/// A search, validated. Has no `Debug`: patterns are not logged.
#[derive(Clone)]
pub struct SearchQuery {
    pub(super) range: Range,
    needle: Needle,
    ignore_case: bool,
    pub(super) pattern: Regex,
    pub(super) places: Places,
    /// 0 is now.
    pub(super) revision: i64,
    pub(super) limit: usize,
}

/// A search and its position. Values are read back from clients, so [`SearchQuery::next`] validates them.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    /// Distinguishes the cursors of different listings.
    search: u8,
    at: Bytes,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    end: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    contains: Option<Bytes>,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    regex: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    ignore_case: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    keys: bool,
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    values: bool,
    revision: i64,
    limit: usize,
}

impl SearchQuery {
    /// A search of a range at a revision; 0 is now.
    pub fn new(
        range: Range,
        needle: Needle,
        ignore_case: bool,
        places: Places,
        revision: i64,
    ) -> Result<Self> {
        Ok(Self {
            pattern: needle.compile(ignore_case)?,
            range,
            needle,
            ignore_case,
            places,
            revision,
            limit: MAX_MATCHES,
        })
    }

    /// The rest of a search.
    pub fn next(text: &str) -> Result<Self> {
        let cursor: Cursor = cursor::decode_if(text, |cursor: &Cursor| {
            cursor.revision > 0
                && (1..=MAX_MATCHES).contains(&cursor.limit)
                && (cursor.keys || cursor.values)
                && cursor.contains.is_some() != cursor.regex.is_some()
                && cursor.end.as_ref().is_none_or(|end| cursor.at < *end)
        })?;
        let needle = match (cursor.contains, cursor.regex) {
            (Some(bytes), _) => Needle::Contains(bytes.0),
            (None, text) => Needle::Regex(text.unwrap_or_default()),
        };
        let range = Range::between(cursor.at.0, cursor.end.map(|end| end.0));
        let places = Places {
            keys: cursor.keys,
            values: cursor.values,
        };
        let search = Self::new(range, needle, cursor.ignore_case, places, cursor.revision)?;
        Ok(search.limit(cursor.limit))
    }

    /// The limit on matches of this request and the following ones.
    #[must_use]
    pub fn limit(mut self, limit: usize) -> Self {
        self.limit = limit;
        self
    }

    /// The cursor of the rest from a key on, at a revision.
    pub(super) fn cursor(&self, at: Vec<u8>, revision: i64) -> String {
        let (contains, regex) = match self.needle.clone() {
            Needle::Contains(bytes) => (Some(bytes.into()), None),
            Needle::Regex(text) => (None, Some(text)),
        };
        cursor::encode(&Cursor {
            search: 1,
            at: at.into(),
            end: self.range.exclusive_end().map(Into::into),
            contains,
            regex,
            ignore_case: self.ignore_case,
            keys: self.places.keys,
            values: self.places.values,
            revision,
            limit: self.limit,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOTH: Places = Places {
        keys: true,
        values: true,
    };

    #[test]
    fn a_cursor_keeps_the_whole_search() {
        let needle = Needle::Contains(b"\xffx".to_vec());
        let search = SearchQuery::new(Range::prefix(b"/a/"), needle.clone(), true, BOTH, 0);
        let search = search.expect("valid").limit(7);
        let rest = SearchQuery::next(&search.cursor(b"/a/k\0".to_vec(), 9));
        let rest = rest.expect("a cursor of our own");
        let range = Range::between(b"/a/k\0".to_vec(), Some(b"/a0".to_vec()));
        assert_eq!((rest.range, rest.revision, rest.limit), (range, 9, 7));
        assert!(rest.needle == needle && rest.ignore_case && rest.places == BOTH);
    }

    #[test]
    fn a_forged_cursor_is_refused() {
        let good =
            r#"{"search":1,"at":"/a","end":"/b","regex":"x","keys":true,"revision":5,"limit":9}"#;
        let check = |old: &str, new: &str| {
            let cursor: serde_json::Value =
                serde_json::from_str(&good.replace(old, new)).expect("JSON");
            SearchQuery::next(&cursor::encode(&cursor)).is_ok()
        };
        assert!(check("", ""));
        assert!(!check(r#""regex":"x""#, r#""regex":"(""#));
        assert!(!check(r#""regex":"x","#, ""));
        assert!(!check(r#""regex":"x""#, r#""regex":"x","contains":"x""#));
        assert!(!check(r#""keys":true,"#, ""));
        assert!(!check(r#""end":"/b""#, r#""end":"/a""#));
        assert!(!check("\"limit\":9", "\"limit\":1001"));
        assert!(!check("\"revision\":5", "\"revision\":0"));
    }
}
