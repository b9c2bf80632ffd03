//! The state of one panel of the Watch page: the newest events, notes about gaps between them, the events
//! held back while paused, a filter, and the event rate.
//!
//! Guarantees that what the panel calls complete is complete. Knows neither wording nor layout.

pub(crate) mod event_diff;
mod layout;
mod rate;
mod row;
pub(crate) mod spec;

#[cfg(test)]
mod tests;

use std::collections::VecDeque;

use shared::Event;

use super::live::{Millis, WatchUpdate};

pub(crate) use layout::{top_of, visible_rows};
pub(crate) use rate::{Rate, SECONDS};
pub(crate) use row::{Note, Row, RowBody, When, contains, one_line, relative};

/// Limit of rows kept in a panel; older ones are dropped.
pub(crate) const KEEP: usize = 5_000;

/// Limit of the bytes of keys and values kept in a panel: a few large values must not exhaust the browser's memory.
pub(crate) const KEEP_BYTES: usize = 32 << 20;

/// The status of the panel's watch.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) enum Status {
    /// Requested.
    #[default]
    Opening,
    /// Open.
    Live,
    /// The connection was lost; the watch resumes automatically.
    Lost,
    /// Ended or refused by the gateway.
    Closed {
        /// The machine-readable code.
        code: String,
        /// The human-readable detail.
        detail: String,
    },
}

/// The state of a panel.
#[derive(Debug, Default)]
pub(crate) struct Stream {
    kept: RowBuffer,
    held: RowBuffer,
    paused: bool,
    status: Status,
    filter: row::Filter,
    next: u64,
    /// The revision from which on nothing is missing in `kept`.
    complete_from: Option<i64>,
    /// The last delivered revision.
    seen: Option<i64>,
    /// The cluster's revision when the watch opened: events up to it are history.
    head: Option<i64>,
    /// Whether `head` is still awaited.
    catching_up: bool,
    from_past: bool,
    rate: Rate,
}

impl Stream {
    /// An empty panel; `from_past` if the watch starts at a revision that may be in the past.
    pub(crate) fn new(from_past: bool) -> Self {
        Self {
            catching_up: from_past,
            from_past,
            ..Self::default()
        }
    }

    /// Applies an update of the watch.
    pub(crate) fn apply(&mut self, update: WatchUpdate, now: Millis) {
        match update {
            WatchUpdate::Opened { from } => {
                self.status = Status::Live;
                self.complete_from = self.complete_from.or(Some(from));
                self.seen = self.seen.or(Some(from - 1));
            }
            WatchUpdate::Head { revision } => self.resolve_times(revision),
            WatchUpdate::Lost => {
                self.status = Status::Lost;
                self.head = None;
                self.catching_up = true;
            }
            WatchUpdate::Resumed {
                from,
                outage,
                complete,
            } => {
                self.status = Status::Live;
                self.note(
                    Note::Resumed {
                        from,
                        outage,
                        complete,
                    },
                    now,
                );
            }
            WatchUpdate::Events { revision, events } => {
                self.rate.add(now, events.len());
                for event in events {
                    self.event(event, now);
                }
                self.seen = self.seen.max(Some(revision));
            }
            WatchUpdate::Progress { revision } => self.seen = self.seen.max(Some(revision)),
            WatchUpdate::Lagged { resume_from } => {
                self.note(Note::Lagged { from: resume_from }, now);
            }
            WatchUpdate::Compacted { from, to } => {
                self.complete_from = Some(to);
                self.note(Note::Compacted { from, to }, now);
            }
            WatchUpdate::Reset { reason, revision } => {
                self.complete_from = Some(revision + 1);
                self.seen = Some(revision);
                self.note(Note::Reset { reason, revision }, now);
            }
            WatchUpdate::Error {
                code,
                detail,
                fatal,
            } => {
                if fatal {
                    self.status = Status::Closed {
                        code: code.as_str().to_owned(),
                        detail,
                    };
                } else {
                    self.note(Note::Error { detail }, now);
                }
            }
            WatchUpdate::Closed { code, detail } => self.status = Status::Closed { code, detail },
            // Panels request neither a snapshot nor closed folders.
            WatchUpdate::Snapshot { .. } | WatchUpdate::Folders { .. } => {}
        }
    }

    /// The status of the watch.
    pub(crate) fn status(&self) -> &Status {
        &self.status
    }

    /// The watch is requested again: the events it catches up with are history.
    pub(crate) fn reopen(&mut self) {
        self.status = Status::Opening;
        self.head = None;
        self.catching_up = self.from_past || self.seen.is_some();
    }

    /// The revision from which on every event of the range is kept.
    pub(crate) fn complete_from(&self) -> Option<i64> {
        self.complete_from
    }

    /// The event rate.
    pub(crate) fn rate(&self) -> &Rate {
        &self.rate
    }

    /// The number of kept events, which are shown unless filtered out.
    pub(crate) fn kept_count(&self) -> usize {
        self.kept.events
    }

    /// The number of events held back while paused.
    pub(crate) fn held_count(&self) -> usize {
        self.held.events
    }

    /// Whether the panel is paused.
    pub(crate) fn paused(&self) -> bool {
        self.paused
    }

    /// Whether the limit of held-back rows is reached: the watch must be suspended, or events would be lost.
    pub(crate) fn full(&self) -> bool {
        self.paused && self.held.is_full()
    }

    /// Starts holding events back.
    pub(crate) fn pause(&mut self) {
        self.paused = true;
    }

    /// Shows the events held back, and stops holding back.
    pub(crate) fn resume(&mut self) {
        self.paused = false;
        for row in std::mem::take(&mut self.held).rows {
            self.kept.push(row);
        }
        self.trim();
    }

    /// Removes the shown rows; those held back stay.
    pub(crate) fn clear(&mut self) {
        let first_held = self.held.rows.iter().find_map(Row::revision);
        let next = first_held.or(self.seen.map(|seen| seen + 1));
        self.complete_from = self.complete_from.max(next);
        self.kept = RowBuffer::default();
    }

    /// Shows only rows whose key or value contains `text`, ignoring case. Escapes in `text` apply to keys.
    pub(crate) fn set_filter(&mut self, text: &str) {
        self.filter = row::Filter::new(text);
        let filter = &self.filter;
        for row in self.kept.rows.iter_mut().chain(&mut self.held.rows) {
            row.shown = row.matches(filter);
        }
    }

    /// The rows to show, newest first.
    pub(crate) fn visible_rows(&self) -> impl DoubleEndedIterator<Item = &Row> {
        self.kept.rows.iter().rev().filter(|row| row.shown)
    }

    /// A row by its number.
    pub(crate) fn row(&self, seq: u64) -> Option<&Row> {
        let at = self
            .kept
            .rows
            .binary_search_by_key(&seq, |row| row.seq)
            .ok()?;
        self.kept.rows.get(at)
    }

    fn event(&mut self, event: Event, now: Millis) {
        let revision = event.mod_revision();
        let when = match self.head {
            _ if self.catching_up => When::Pending(now),
            Some(head) if revision <= head => When::History,
            _ => When::Received(now),
        };
        self.seen = self.seen.max(Some(revision - 1));
        self.push(RowBody::Event {
            event: Box::new(event),
            when,
        });
    }

    fn note(&mut self, note: Note, now: Millis) {
        self.push(RowBody::Note { note, at: now });
    }

    fn push(&mut self, body: RowBody) {
        let mut row = Row {
            seq: self.next,
            body,
            shown: true,
        };
        self.next += 1;
        row.shown = row.matches(&self.filter);
        if self.paused {
            self.held.push(row);
        } else {
            self.kept.push(row);
            self.trim();
        }
    }

    fn trim(&mut self) {
        while self.kept.is_over() {
            let Some(dropped) = self.kept.pop() else {
                break;
            };
            if let Some(revision) = dropped.revision() {
                self.complete_from = self.complete_from.max(Some(revision + 1));
            }
        }
    }

    fn resolve_times(&mut self, head: i64) {
        self.head = Some(head);
        self.catching_up = false;
        for row in self.kept.rows.iter_mut().chain(&mut self.held.rows) {
            row.resolve_time(head);
        }
    }
}

/// Rows in order, with their number of events and bytes.
#[derive(Debug, Default)]
struct RowBuffer {
    rows: VecDeque<Row>,
    events: usize,
    bytes: usize,
}

impl RowBuffer {
    fn push(&mut self, row: Row) {
        self.events += usize::from(row.revision().is_some());
        self.bytes += row.bytes();
        self.rows.push_back(row);
    }

    fn pop(&mut self) -> Option<Row> {
        let row = self.rows.pop_front()?;
        self.events -= usize::from(row.revision().is_some());
        self.bytes -= row.bytes();
        Some(row)
    }

    fn is_full(&self) -> bool {
        self.rows.len() >= KEEP || self.bytes >= KEEP_BYTES
    }

    /// Whether the limits are exceeded. The newest row is kept however large it is.
    fn is_over(&self) -> bool {
        self.rows.len() > KEEP || (self.bytes > KEEP_BYTES && self.rows.len() > 1)
    }
}
