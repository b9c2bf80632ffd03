//! What a subscription yields: a message without its head, encoded once for every socket.
//!
//! A message on the wire is `{"type":"events","id":"w1",` and a tail. Nothing in the tail depends on
//! the socket; the session writes the head.

use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use shared::{Code, MemberId};
use tokio::sync::OwnedSemaphorePermit;

/// A place to go on from: everything up to `revision` of that cluster has been said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bookmark {
    /// The cluster.
    pub cluster: MemberId,
    /// The last revision that is complete.
    pub revision: i64,
}

impl fmt::Display for Bookmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.cluster, self.revision)
    }
}

impl Bookmark {
    /// Reads what [`Bookmark`] displays; `None` for every other form.
    pub fn parse(text: &str) -> Option<Self> {
        let (cluster, revision) = text.split_once('-')?;
        let digits = !revision.is_empty() && revision.bytes().all(|byte| byte.is_ascii_digit());
        Some(Self {
            cluster: cluster.parse().ok()?,
            revision: digits.then(|| revision.parse().ok())??,
        })
    }
}

/// One message of a watch, without its head.
#[derive(Debug)]
pub struct Frame {
    /// The message's `type`.
    pub kind: &'static str,
    /// The rest of the object, from the first member behind the id to the closing brace.
    pub tail: Bytes,
    /// The place to go on from once this has arrived.
    pub bookmark: Option<Bookmark>,
    /// Nothing follows.
    pub last: bool,
    /// Its share of the socket's memory, given back when the frame has been written.
    pub(super) share: Option<OwnedSemaphorePermit>,
}

impl Frame {
    /// A message whose tail is already encoded.
    pub(super) fn encoded(kind: &'static str, tail: impl Into<Bytes>) -> Self {
        Self {
            kind,
            tail: tail.into(),
            bookmark: None,
            last: false,
            share: None,
        }
    }

    fn of(kind: &'static str, members: &impl Serialize) -> Self {
        let object = serde_json::to_vec(members).expect("a message of plain members serialises");
        Self::encoded(kind, Bytes::from(object).slice(1..))
    }

    /// Adds the place to go on from.
    #[must_use]
    pub(super) fn at(mut self, bookmark: Bookmark) -> Self {
        self.bookmark = Some(bookmark);
        self
    }

    /// The message as text: head and tail.
    pub fn text(&self, head_id: &str) -> Vec<u8> {
        let head = self.head(head_id);
        let mut text = Vec::with_capacity(head.len() + self.tail.len());
        text.extend_from_slice(head.as_bytes());
        text.extend_from_slice(&self.tail);
        text
    }

    /// The head for a watch; `head_id` is its id as a JSON string.
    pub fn head(&self, head_id: &str) -> String {
        format!(r#"{{"type":"{}","id":{head_id},"#, self.kind)
    }
}

/// The tails, in the order of [`shared::ServerMessage`].
pub(super) mod message {
    use super::{Code, Frame, MemberId, Serialize};

    pub(in crate::live) fn opened(cluster_id: MemberId, revision: i64) -> Frame {
        #[derive(Serialize)]
        struct Opened {
            cluster_id: MemberId,
            revision: i64,
        }
        Frame::of(
            "opened",
            &Opened {
                cluster_id,
                revision,
            },
        )
    }

    #[derive(Serialize)]
    struct At {
        revision: i64,
    }

    pub(in crate::live) fn progress(revision: i64) -> Frame {
        Frame::of("progress", &At { revision })
    }

    pub(in crate::live) fn paused(revision: i64) -> Frame {
        Frame::of("paused", &At { revision })
    }

    pub(in crate::live) fn lagged(resume_from: i64) -> Frame {
        #[derive(Serialize)]
        struct Lagged {
            resume_from: i64,
        }
        Frame::of("lagged", &Lagged { resume_from })
    }

    pub(in crate::live) fn compacted(from: i64, to: i64) -> Frame {
        #[derive(Serialize)]
        struct Compacted {
            from: i64,
            to: i64,
        }
        Frame::of("compacted", &Compacted { from, to })
    }

    pub(in crate::live) fn reset(reason: &str, revision: i64, cluster_id: MemberId) -> Frame {
        #[derive(Serialize)]
        struct Reset<'a> {
            reason: &'a str,
            revision: i64,
            cluster_id: MemberId,
        }
        Frame::of(
            "reset",
            &Reset {
                reason,
                revision,
                cluster_id,
            },
        )
    }

    #[derive(Serialize)]
    struct Why<'a> {
        code: &'a str,
        detail: &'a str,
    }

    pub(in crate::live) fn error(code: Code, detail: &str) -> Frame {
        let code = code.as_str();
        Frame::of("error", &Why { code, detail })
    }

    pub(in crate::live) fn closed(code: Code, detail: &str) -> Frame {
        let code = code.as_str();
        let mut frame = Frame::of("closed", &Why { code, detail });
        frame.last = true;
        frame
    }
}

#[cfg(test)]
mod tests;
