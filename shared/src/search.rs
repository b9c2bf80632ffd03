//! Searches in keys and values: the lines of their stream, and the estimate of their cost.

use serde::{Deserialize, Serialize};

use crate::{Bytes, Header, Problem};

/// Where a search matched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SearchPlace {
    /// In the key.
    Key,
    /// In the value.
    Value,
}

/// A key that matches. Each key is reported once: if it matches itself, its value is not searched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SearchMatch {
    /// The key.
    pub key: Bytes,
    /// Where it matches.
    #[serde(rename = "in")]
    pub place: SearchPlace,
    /// The matches in order, the first 16 at most, each as `[start, end]`: offsets in bytes from 0, the end exclusive.
    /// Of the key with `"in": "key"`, of the preview with `"in": "value"`; a match that the preview cuts off ends with
    /// the preview. `start` equals `end` where the pattern matches no byte.
    #[cfg_attr(feature = "schema", schema(value_type = Vec<Vec<u64>>))]
    pub ranges: Vec<[usize; 2]>,
    /// A part of the value, at most 200 bytes: around the first match with `"in": "value"`, the beginning with
    /// `"in": "key"`. Characters of UTF-8 are not cut. Absent if the search reads no values.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<Bytes>,
    /// With `preview`: where it starts in the value, in bytes from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offset: Option<usize>,
    /// With `preview`: the size of the value in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<usize>,
}

/// How much of the range has been read by this request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SearchProgress {
    /// Keys searched.
    pub keys: u64,
    /// Bytes of keys and values read.
    pub bytes: u64,
    /// Keys to search: all of the range, or with `cursor` the rest of it.
    pub of_keys: u64,
}

/// A limit that ends a search before its range does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SearchLimit {
    /// `limit` keys matched.
    Matches,
    /// 30 seconds passed.
    Time,
    /// 256 MiB were read.
    Bytes,
}

/// The end of a search.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SearchEnd {
    /// etcd's response header; `revision` is the one that was searched.
    pub header: Header,
    /// Keys that matched.
    pub matches: u64,
    /// How much was searched.
    #[serde(flatten)]
    pub progress: SearchProgress,
    /// The limit that ended the search; absent if all of the range was searched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stopped_by: Option<SearchLimit>,
    /// Whether only a part of the range was searched, because the account may not read the rest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub readable_only: bool,
    /// The cursor that continues the search at the same revision; `null` if all of the range was searched.
    pub next: Option<String>,
}

/// A line of a search's response: exactly one member. A stream whose last line is neither `end` nor `error` is
/// incomplete.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SearchLine {
    /// A key that matches, in key order.
    #[serde(default, rename = "match", skip_serializing_if = "Option::is_none")]
    pub found: Option<SearchMatch>,
    /// The progress: as the first line, then at most twice per second.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<SearchProgress>,
    /// The last line: the range, or a limit, is exhausted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<SearchEnd>,
    /// The last line: the search failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<Problem>,
}

/// What a search would read.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SearchEstimateResponse {
    /// etcd's response header; `revision` is the one that was counted.
    pub header: Header,
    /// Keys to search, exactly.
    pub keys: u64,
    /// Bytes to read: of keys and values, or of keys alone with `in=keys`.
    pub bytes: u64,
    /// Whether `bytes` is exact. If not, it is extrapolated from `sampled_keys` keys, spread over the range.
    pub bytes_exact: bool,
    /// How many keys were read to estimate `bytes`.
    pub sampled_keys: u64,
    /// Whether only a part of the range would be searched, because the account may not read the rest.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub readable_only: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_one_member() {
        let line = SearchLine {
            found: Some(SearchMatch {
                key: "/a".into(),
                place: SearchPlace::Value,
                ranges: vec![[1, 3]],
                preview: Some(vec![0xff, b'a', b'b'].into()),
                offset: Some(0),
                size: Some(3),
            }),
            ..SearchLine::default()
        };
        let json = r#"{"match":{"key":"/a","in":"value","ranges":[[1,3]],"preview":{"base64":"/2Fi"},"offset":0,"size":3}}"#;
        assert_eq!(serde_json::to_string(&line).expect("serialises"), json);
        let read: SearchLine = serde_json::from_str(json).expect("reads");
        assert_eq!(read, line);
    }
}
