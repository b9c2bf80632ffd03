//! A search of the server: its request, the lines of its response, its state.

mod highlight;

use std::sync::Arc;

use shared::{SearchEnd, SearchLine, SearchMatch, SearchProgress};

pub(crate) use self::highlight::{Part, key_parts, preview_parts};
use super::key_text::{self, BadEscape};
use super::percent;
use super::tree::Name;

#[cfg(test)]
mod tests;

/// What to search for, and where. It is part of the address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Spec {
    /// Keys with this prefix; empty means all keys.
    pub(crate) within: Name,
    /// A part of a key or value in the display form of keys, or with `regex` a regular expression.
    pub(crate) text: String,
    pub(crate) regex: bool,
}

impl Spec {
    /// The search in a page's query (without `?`).
    pub(crate) fn of_query(query: &str) -> Option<Self> {
        let text = percent::query_value(query, "search")?;
        let text = String::from_utf8(text)
            .ok()
            .filter(|text| !text.is_empty())?;
        Some(Self {
            within: percent::query_value(query, "within")
                .unwrap_or_default()
                .into(),
            text,
            regex: percent::query_value(query, "regex").is_some(),
        })
    }

    /// The parameters of a page's query; [`Self::of_query`] reads them.
    pub(crate) fn parameters(&self) -> Vec<(&'static str, &[u8])> {
        let mut parameters = vec![("search", self.text.as_bytes()), ("within", &*self.within)];
        if self.regex {
            parameters.push(("regex", &b"1"[..]));
        }
        parameters
    }

    /// The API's path. Upper and lower case match alike, as in the filter of the tree.
    pub(crate) fn path(&self) -> Result<String, BadEscape> {
        let within = percent::encode(&self.within);
        let (name, pattern) = if self.regex {
            ("regex", self.text.clone().into_bytes())
        } else {
            ("contains", key_text::parse(&self.text)?)
        };
        let pattern = percent::encode(&pattern);
        Ok(format!(
            "search?prefix={within}&{name}={pattern}&ignore_case"
        ))
    }
}

/// The API's path that continues a search.
pub(crate) fn next_path(cursor: &str) -> String {
    format!("search?cursor={}", percent::encode(cursor.as_bytes()))
}

/// Splits a stream into its lines.
#[derive(Clone, Debug, Default)]
pub(crate) struct Lines {
    /// The start of a line whose end has not arrived.
    rest: Vec<u8>,
}

impl Lines {
    /// The lines that a piece of the stream completes; `None` if one is not a line of a search.
    pub(crate) fn push(&mut self, piece: &[u8]) -> Option<Vec<SearchLine>> {
        self.rest.extend_from_slice(piece);
        let Some(end) = self.rest.iter().rposition(|byte| *byte == b'\n') else {
            return Some(Vec::new());
        };
        let rest = self.rest.split_off(end + 1);
        let whole = std::mem::replace(&mut self.rest, rest);
        let lines = whole.split(|byte| *byte == b'\n');
        let lines = lines.filter(|line| !line.is_empty());
        lines
            .map(|line| serde_json::from_slice(line).ok())
            .collect()
    }
}

/// The state of a search's request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    Running,
    /// Its last line has arrived.
    Ended,
    /// The user stopped it.
    Stopped,
    Failed,
}

/// A search, over all of its requests.
#[derive(Clone, Debug)]
pub(crate) struct Search {
    pub(crate) spec: Spec,
    /// The keys that match, in order.
    pub(crate) found: Arc<Vec<Arc<SearchMatch>>>,
    pub(crate) phase: Phase,
    /// The last line, once it has arrived.
    pub(crate) end: Option<SearchEnd>,
    /// What earlier requests have searched.
    before: SearchProgress,
    /// What this request has searched.
    now: SearchProgress,
}

impl Search {
    /// A search that has just been started.
    pub(crate) fn new(spec: Spec) -> Self {
        Self {
            spec,
            found: Arc::default(),
            phase: Phase::Running,
            end: None,
            before: SearchProgress::default(),
            now: SearchProgress::default(),
        }
    }

    /// Keys searched, and to search in all; the latter is 0 before the first line.
    pub(crate) fn keys(&self) -> (u64, u64) {
        let of_keys = match self.now.of_keys {
            0 => self.before.of_keys,
            rest => self.before.keys + rest,
        };
        (self.before.keys + self.now.keys, of_keys)
    }

    /// Bytes read.
    pub(crate) fn bytes(&self) -> u64 {
        self.before.bytes + self.now.bytes
    }

    /// The part of the keys that has been searched, from 0 to 1.
    pub(crate) fn done(&self) -> f64 {
        let (keys, of_keys) = self.keys();
        if of_keys == 0 {
            return 0.0;
        }
        (keys as f64 / of_keys as f64).min(1.0)
    }

    /// The cursor that continues an ended search.
    pub(crate) fn next(&self) -> Option<&str> {
        let end = self.end.as_ref().filter(|_| self.phase == Phase::Ended)?;
        end.next.as_deref()
    }

    /// Starts the next request.
    pub(crate) fn resume(&mut self) {
        let (keys, of_keys) = self.keys();
        self.before = SearchProgress {
            keys,
            bytes: self.bytes(),
            of_keys,
        };
        self.now = SearchProgress::default();
        self.end = None;
        self.phase = Phase::Running;
    }

    /// Adds lines that arrived. Those of a request that was stopped are ignored. An error is the caller's.
    pub(crate) fn apply(&mut self, lines: Vec<SearchLine>) {
        if self.phase != Phase::Running {
            return;
        }
        let mut found = Vec::new();
        for line in lines {
            found.extend(line.found.map(Arc::new));
            if let Some(progress) = line.progress {
                self.now = progress;
            }
            if let Some(end) = line.end {
                self.now = end.progress;
                self.end = Some(end);
                self.phase = Phase::Ended;
            }
        }
        if !found.is_empty() {
            Arc::make_mut(&mut self.found).extend(found);
        }
    }
}
