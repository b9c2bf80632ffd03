//! Cuts a watch's events into messages: whole revisions, in order, no event twice.
//!
//! Pure: events go in as etcd sends them, encoded pieces come out. Buffered are one piece and one
//! revision's worth of JSON at most (about twice [`MAX_PIECE`] and one event), however large a revision
//! is: what does not fit is sent with `"more":true`. Where closed folders are collapsed, a bounded list of them is
//! buffered too, and complete revisions are held until [`Pieces::flush`].

use std::collections::VecDeque;
use std::sync::Arc;

use shared::Event;

use super::folders::{Collapse, Folders};
use super::message::WatchMessage;

/// Largest piece in bytes of JSON, unless a single event is larger.
pub(super) const MAX_PIECE: usize = 1 << 20;
/// Room for the members around the list, bytes.
const MARGIN: usize = 128;

/// A piece of events.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) message: WatchMessage,
    pub(super) revision: i64,
    /// `revision` continues in the next piece.
    pub(super) more: bool,
}

/// What waits for [`Pieces::flush`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    /// Nothing.
    Nothing,
    /// Changes in closed folders alone.
    Folders,
    /// Events.
    Events,
}

/// The delivery state of one watch: where to resume, and which re-sent events to drop.
#[derive(Debug)]
pub(super) struct Pieces {
    max_bytes: usize,
    /// Every event up to this revision has been delivered.
    last_delivered: i64,
    /// The events of complete revisions that share the next piece, and the last of these revisions.
    complete: Vec<u8>,
    complete_revision: i64,
    /// The revision being read (0: none), its events that are not in a piece yet, and their number.
    current: i64,
    buffer: Vec<u8>,
    buffered: usize,
    /// Events of `current` that have been delivered in pieces.
    delivered: usize,
    /// Events of `current` still to be dropped: duplicates of those delivered before an interruption.
    duplicates: usize,
    /// Changes that are counted instead.
    folders: Option<Folders>,
    ready: VecDeque<Piece>,
}

impl Pieces {
    /// Starts after this revision.
    pub(super) fn after(last_delivered: i64) -> Self {
        Self {
            max_bytes: MAX_PIECE - MARGIN,
            last_delivered,
            complete: Vec::new(),
            complete_revision: 0,
            current: 0,
            buffer: Vec::new(),
            buffered: 0,
            delivered: 0,
            duplicates: 0,
            folders: None,
            ready: VecDeque::new(),
        }
    }

    /// Counts changes in closed folders instead of delivering them.
    #[must_use]
    pub(super) fn collapsing(mut self, collapse: Option<&Arc<Collapse>>) -> Self {
        self.folders = collapse.map(|collapse| Folders::new(Arc::clone(collapse)));
        self
    }

    /// The last delivered revision: every event up to it is in a piece.
    pub(super) fn last_delivered(&self) -> i64 {
        self.last_delivered
    }

    /// A revision has been delivered in part: nothing may come between its pieces.
    pub(super) fn inside_revision(&self) -> bool {
        self.delivered > 0
    }

    /// The start revision of the next watch after an interruption.
    pub(super) fn resume_from(&self) -> i64 {
        if self.inside_revision() {
            self.current
        } else {
            self.last_delivered + 1
        }
    }

    /// The stream was interrupted: etcd will re-send what has not been delivered, and also the events of
    /// a revision delivered in part, which are dropped then.
    pub(super) fn interrupt(&mut self) {
        if let Some(folders) = &mut self.folders {
            folders.interrupt();
        }
        self.buffer.clear();
        self.buffered = 0;
        if self.inside_revision() {
            self.duplicates = self.delivered;
        } else {
            self.current = 0;
            self.duplicates = 0;
        }
    }

    /// etcd's progress: it has sent every event up to `revision`. Returns whether this moves the last
    /// delivered revision.
    pub(super) fn advance(&mut self, revision: i64) -> bool {
        let between_revisions = self.current == 0 && self.held() == Held::Nothing;
        let advanced = between_revisions && revision > self.last_delivered;
        if advanced {
            self.last_delivered = revision;
        }
        advanced
    }

    /// Adds an event. One that has been delivered already is dropped, whichever member re-sends it.
    pub(super) fn push(&mut self, event: &Event) {
        let revision = event.mod_revision();
        if revision <= self.last_delivered || revision < self.current {
            let last_delivered = self.last_delivered;
            tracing::debug!(revision, last_delivered, "dropped a re-sent event");
            return;
        }
        if revision != self.current {
            self.complete_revision();
            self.current = revision;
        }
        if let Some(folders) = &mut self.folders
            && folders.count(event)
        {
            return;
        }
        if self.duplicates > 0 {
            self.duplicates -= 1;
            return;
        }
        let json = serde_json::to_vec(event).expect("an event serialises");
        if self.buffered > 0 && self.buffer.len() + json.len() >= self.max_bytes {
            self.cut();
        }
        if self.buffered > 0 {
            self.buffer.push(b',');
        }
        self.buffer.extend_from_slice(&json);
        self.buffered += 1;
    }

    /// The end of one of etcd's responses; with `more` its last revision may continue in the next.
    pub(super) fn end(&mut self, more: bool) {
        if !more {
            self.complete_revision();
        }
        if self.folders.is_none() {
            self.flush();
        }
    }

    /// What is complete but not in a piece yet, after [`Pieces::end`].
    pub(super) fn held(&self) -> Held {
        if !self.complete.is_empty() {
            Held::Events
        } else if self.folders.as_ref().is_some_and(|it| !it.is_empty()) {
            Held::Folders
        } else {
            Held::Nothing
        }
    }

    /// The next piece that is ready.
    pub(super) fn pop(&mut self) -> Option<Piece> {
        self.ready.pop_front()
    }

    /// Makes a piece of a part of the current revision.
    fn cut(&mut self) {
        self.flush();
        self.delivered += self.buffered;
        self.buffered = 0;
        let events = std::mem::take(&mut self.buffer);
        self.add_piece(self.current, &events, true);
    }

    /// The current revision is complete.
    fn complete_revision(&mut self) {
        if self.current == 0 {
            return;
        }
        let revision = std::mem::take(&mut self.current);
        let events = std::mem::take(&mut self.buffer);
        let was_cut = std::mem::take(&mut self.delivered) > 0;
        self.buffered = 0;
        self.duplicates = 0;
        self.last_delivered = revision;
        // A piece of earlier revisions must not include this one's folders.
        if !self.complete.is_empty() && self.complete.len() + events.len() >= self.max_bytes {
            self.flush();
        }
        if let Some(folders) = &mut self.folders {
            folders.complete_revision();
        }
        if was_cut {
            self.add_piece(revision, &events, false);
            return;
        }
        if self.complete.is_empty() {
            self.complete = events;
        } else if !events.is_empty() {
            self.complete.push(b',');
            self.complete.extend_from_slice(&events);
        }
        self.complete_revision = revision;
    }

    /// Makes a piece of the complete revisions.
    pub(super) fn flush(&mut self) {
        if self.held() != Held::Nothing {
            let events = std::mem::take(&mut self.complete);
            self.add_piece(self.complete_revision, &events, false);
        }
    }

    fn add_piece(&mut self, revision: i64, events: &[u8], more: bool) {
        let mut tail = Vec::with_capacity(events.len() + MARGIN);
        tail.extend_from_slice(format!(r#""revision":{revision},"events":["#).as_bytes());
        tail.extend_from_slice(events);
        tail.push(b']');
        if more {
            tail.extend_from_slice(br#","more":true"#);
        } else if let Some(folders) = &mut self.folders {
            tail.append(&mut folders.take());
        }
        tail.push(b'}');
        self.ready.push_back(Piece {
            message: WatchMessage::encoded("events", tail),
            revision,
            more,
        });
    }
}

#[cfg(test)]
mod tests;
