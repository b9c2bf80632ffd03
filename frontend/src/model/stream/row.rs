//! One row of a panel.

use shared::{Bytes, Event};

use crate::model::key_text::{KeyFilter, changes_direction};
use crate::model::live::Millis;

/// When an event happened, as far as known. etcd stores no times.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum When {
    /// Received as it happened, at this browser time.
    Received(Millis),
    /// Happened before the watch opened, or during an outage.
    History,
    /// Not known yet: received at this time, before the cluster's revision was known.
    Pending(Millis),
}

/// A note between two events.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Note {
    /// The connection was lost and restored.
    Resumed {
        /// The first revision after the outage.
        from: i64,
        /// Milliseconds without a connection.
        outage: Millis,
        /// Whether no event is missed.
        complete: bool,
    },
    /// Revisions `from` to `to` − 1 are compacted.
    Compacted {
        /// The first revision missed.
        from: i64,
        /// The first revision that is still available.
        to: i64,
    },
    /// The data is not what was watched before.
    Reset {
        /// The reason.
        reason: String,
        /// The current revision.
        revision: i64,
    },
    /// The page was slow; the gateway replays from history.
    Lagged {
        /// Where the replay begins.
        from: i64,
    },
    /// A temporary error.
    Error {
        /// The detail.
        detail: String,
    },
}

/// The content of a row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RowBody {
    /// A change of a key.
    Event {
        /// The change.
        event: Box<Event>,
        /// When it happened.
        when: When,
    },
    /// A note.
    Note {
        /// The note.
        note: Note,
        /// When it was added, in the browser's time.
        at: Millis,
    },
}

/// A filter of rows by a text in their key or value.
#[derive(Clone, Debug, Default)]
pub(super) struct Filter {
    /// The text as a part of a key, with its escapes.
    key: KeyFilter,
    /// The text as a part of a value, which has no escapes; in ASCII lower case.
    needle: Vec<u8>,
}

impl Filter {
    pub(super) fn new(text: &str) -> Self {
        let text = text.trim();
        Self {
            key: KeyFilter::new(text),
            needle: text.as_bytes().to_ascii_lowercase(),
        }
    }
}

/// A row.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Row {
    /// The row's number in the panel, ascending and never reused.
    pub(crate) seq: u64,
    /// The content.
    pub(crate) body: RowBody,
    /// Whether it matches the filter.
    pub(super) shown: bool,
}

impl Row {
    /// The event, if the row is one.
    pub(crate) fn event(&self) -> Option<&Event> {
        match &self.body {
            RowBody::Event { event, .. } => Some(event),
            RowBody::Note { .. } => None,
        }
    }

    /// The event's revision.
    pub(super) fn revision(&self) -> Option<i64> {
        self.event().map(Event::mod_revision)
    }

    /// Size of its keys and values in bytes.
    pub(super) fn bytes(&self) -> usize {
        let Some(event) = self.event() else { return 0 };
        let of =
            |entry: &shared::Entry| entry.key.len() + entry.value.as_ref().map_or(0, Bytes::len);
        let now = match event {
            Event::Put { entry, .. } => of(entry),
            Event::Delete { key, .. } => key.len(),
        };
        now + event.prev().map_or(0, of)
    }

    /// Whether the row matches the filter. Notes always do: a gap concerns every key.
    pub(super) fn matches(&self, filter: &Filter) -> bool {
        let Some(event) = self.event().filter(|_| !filter.needle.is_empty()) else {
            return true;
        };
        let value = value_of(event);
        filter.key.matches(&event.key().0)
            || value.is_some_and(|value| contains(&value.0, &filter.needle))
    }

    /// Resolves a pending time: an event up to `head` is history.
    pub(super) fn resolve_time(&mut self, head: i64) {
        let RowBody::Event { event, when } = &mut self.body else {
            return;
        };
        if let When::Pending(at) = *when {
            *when = if event.mod_revision() <= head {
                When::History
            } else {
                When::Received(at)
            };
        }
    }
}

/// The value a row shows: the new one of a put, the last one of a delete.
pub(super) fn value_of(event: &Event) -> Option<&Bytes> {
    match event {
        Event::Put { entry, .. } => entry.value.as_ref(),
        Event::Delete { .. } => event.prev()?.value.as_ref(),
    }
}

/// Whether `haystack` contains `needle`, ignoring ASCII case. `needle` must be in lower case.
pub(crate) fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    needle.is_empty()
        || haystack
            .windows(needle.len())
            .any(|window| window.eq_ignore_ascii_case(needle))
}

/// A key relative to a watched prefix; the whole key if it equals the prefix or is outside of it.
pub(crate) fn relative<'a>(key: &'a [u8], prefix: &[u8]) -> &'a [u8] {
    match key.strip_prefix(prefix) {
        Some(rest) if !rest.is_empty() => rest,
        _ => key,
    }
}

/// A value on one line of at most `limit` characters. Runs of whitespace become one space; binary values are
/// shown in hex.
pub(crate) fn one_line(value: &[u8], limit: usize) -> String {
    // A character has at most four bytes; a character cut in two is dropped below.
    let head = &value[..value.len().min(limit.saturating_mul(4))];
    let valid = match std::str::from_utf8(head) {
        Ok(text) => Some(text),
        Err(error) if error.error_len().is_none() && head.len() < value.len() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).ok()
        }
        Err(_) => None,
    };
    let Some(text) = valid.filter(|text| !text.contains('\0')) else {
        let bytes = head
            .iter()
            .take(limit / 3)
            .map(|byte| format!("{byte:02x}"));
        return bytes.collect::<Vec<_>>().join(" ");
    };
    let mut out = String::new();
    let mut length = 0;
    for word in text.split_whitespace() {
        if length > 0 {
            out.push(' ');
            length += 1;
        }
        for c in word.chars() {
            if length >= limit {
                return out;
            }
            // These characters would reorder the line, or are invisible.
            let hidden = c.is_control() || changes_direction(c);
            out.push(if hidden { '\u{fffd}' } else { c });
            length += 1;
        }
    }
    out
}
