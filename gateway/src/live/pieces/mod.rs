//! Cuts a watch's changes into messages: whole revisions, in order, never twice.
//!
//! Pure: changes go in as etcd sends them, encoded pieces come out. It holds one piece and one
//! revision's worth of JSON at most (about twice [`MOST`] and one change), however large a revision
//! is: what does not fit goes out with `"more":true`.

use std::collections::VecDeque;

use shared::Event;

use super::frame::Frame;

/// Largest piece in bytes of JSON, unless a single change is larger.
pub(super) const MOST: usize = 1 << 20;
/// Room for the members around the list.
const MARGIN: usize = 128;

/// A piece of changes, and whether its revision is complete with it.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) frame: Frame,
    pub(super) revision: i64,
    pub(super) more: bool,
}

/// The reducer. It knows what has been handed out, and so where to go on after an interruption.
#[derive(Debug)]
pub(super) struct Pieces {
    most: usize,
    /// Everything up to here is complete.
    done: i64,
    /// Complete revisions that share the next piece, and the last of them.
    whole: Vec<u8>,
    whole_last: i64,
    /// The revision being read (0: none), its changes that are not handed out yet, their number.
    current: i64,
    buffer: Vec<u8>,
    buffered: usize,
    /// Changes of `current` that have been handed out in pieces.
    sent: usize,
    /// Changes of `current` still to be passed over, since they were handed out before an
    /// interruption.
    skip: usize,
    ready: VecDeque<Piece>,
}

impl Pieces {
    /// Begins behind `done`.
    pub(super) fn after(done: i64) -> Self {
        Self {
            most: MOST - MARGIN,
            done,
            whole: Vec::new(),
            whole_last: 0,
            current: 0,
            buffer: Vec::new(),
            buffered: 0,
            sent: 0,
            skip: 0,
            ready: VecDeque::new(),
        }
    }

    /// Everything up to here is complete and has been handed out.
    pub(super) fn done(&self) -> i64 {
        self.done
    }

    /// A revision has been handed out in part: nothing may come between its pieces.
    pub(super) fn inside_revision(&self) -> bool {
        self.sent > 0
    }

    /// The revision to ask etcd for after an interruption.
    pub(super) fn resume_at(&self) -> i64 {
        if self.inside_revision() {
            self.current
        } else {
            self.done + 1
        }
    }

    /// The stream was lost: what has not been handed out will come again, and so will the changes
    /// of a revision handed out in part, which are passed over then.
    pub(super) fn interrupt(&mut self) {
        self.buffer.clear();
        self.buffered = 0;
        if self.inside_revision() {
            self.skip = self.sent;
        } else {
            self.current = 0;
            self.skip = 0;
        }
    }

    /// Everything up to `revision` has been delivered, says etcd. Whether that is news.
    pub(super) fn advance(&mut self, revision: i64) -> bool {
        let between = self.current == 0 && self.whole.is_empty();
        let news = between && revision > self.done;
        if news {
            self.done = revision;
        }
        news
    }

    /// Takes a change. One that is not later than what is complete is dropped, whoever sends it.
    pub(super) fn push(&mut self, event: &Event) {
        let revision = event.mod_revision();
        if revision <= self.done || revision < self.current {
            tracing::debug!(revision, done = self.done, "dropped an event of the past");
            return;
        }
        if revision != self.current {
            self.complete();
            self.current = revision;
        }
        if self.skip > 0 {
            self.skip -= 1;
            return;
        }
        let json = serde_json::to_vec(event).expect("an event serialises");
        if self.buffered > 0 && self.buffer.len() + json.len() >= self.most {
            self.cut();
        }
        if self.buffered > 0 {
            self.buffer.push(b',');
        }
        self.buffer.extend_from_slice(&json);
        self.buffered += 1;
    }

    /// The end of one of etcd's answers; with `more` its last revision may go on in the next.
    pub(super) fn end(&mut self, more: bool) {
        if !more {
            self.complete();
        }
        self.flush();
    }

    /// The next piece that is ready.
    pub(super) fn pop(&mut self) -> Option<Piece> {
        self.ready.pop_front()
    }

    /// Hands out a part of the current revision.
    fn cut(&mut self) {
        self.flush();
        self.sent += self.buffered;
        self.buffered = 0;
        let events = std::mem::take(&mut self.buffer);
        self.hand_out(self.current, &events, true);
    }

    /// The current revision is complete.
    fn complete(&mut self) {
        if self.current == 0 {
            return;
        }
        let revision = std::mem::take(&mut self.current);
        let events = std::mem::take(&mut self.buffer);
        let pieces_before = std::mem::take(&mut self.sent) > 0;
        self.buffered = 0;
        self.skip = 0;
        self.done = revision;
        if pieces_before {
            self.hand_out(revision, &events, false);
            return;
        }
        if !self.whole.is_empty() && self.whole.len() + events.len() >= self.most {
            self.flush();
        }
        if self.whole.is_empty() {
            self.whole = events;
        } else {
            self.whole.push(b',');
            self.whole.extend_from_slice(&events);
        }
        self.whole_last = revision;
    }

    /// Hands out the complete revisions.
    fn flush(&mut self) {
        let events = std::mem::take(&mut self.whole);
        if !events.is_empty() {
            self.hand_out(self.whole_last, &events, false);
        }
    }

    fn hand_out(&mut self, revision: i64, events: &[u8], more: bool) {
        let mut tail = Vec::with_capacity(events.len() + MARGIN);
        tail.extend_from_slice(format!(r#""revision":{revision},"events":["#).as_bytes());
        tail.extend_from_slice(events);
        tail.extend_from_slice(if more { br#"],"more":true}"# } else { b"]}" });
        self.ready.push_back(Piece {
            frame: Frame::encoded("events", tail),
            revision,
            more,
        });
    }
}

#[cfg(test)]
mod tests;
