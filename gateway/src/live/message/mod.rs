//! The messages of a watch, encoded once and without what depends on the client.
//!
//! A message on the wire is a head, `{"type":"events","id":"w1",`, and a tail. Only the head depends on
//! the client, and the session writes it.

use std::fmt;

use bytes::Bytes;
use serde::Serialize;
use shared::{Code, MemberId};
use tokio::sync::OwnedSemaphorePermit;

/// Where to resume: everything up to `revision` of that cluster has been delivered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bookmark {
    /// The cluster.
    pub cluster: MemberId,
    /// The last delivered revision.
    pub revision: i64,
}

impl fmt::Display for Bookmark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.cluster, self.revision)
    }
}

impl Bookmark {
    /// Parses what [`Bookmark`] displays; `None` for every other form.
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
pub struct WatchMessage {
    /// The message's `type`.
    pub kind: &'static str,
    /// The rest of the object, from the first member after the id to the closing brace.
    pub tail: Bytes,
    /// Where to resume once this has arrived.
    pub bookmark: Option<Bookmark>,
    /// The last message.
    pub last: bool,
    /// Its share of the client's memory, returned once the message has been written.
    pub(super) share: Option<OwnedSemaphorePermit>,
}

impl WatchMessage {
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

    /// Adds where to resume.
    #[must_use]
    pub(super) fn at(mut self, bookmark: Bookmark) -> Self {
        self.bookmark = Some(bookmark);
        self
    }

    /// The whole message: head and tail.
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

/// The types of messages, in the order of [`shared::ServerMessage`], which documents them.
impl WatchMessage {
    pub(super) fn opened(cluster_id: MemberId, revision: i64) -> Self {
        #[derive(Serialize)]
        struct Opened {
            cluster_id: MemberId,
            revision: i64,
        }
        Self::of(
            "opened",
            &Opened {
                cluster_id,
                revision,
            },
        )
    }

    pub(super) fn progress(revision: i64) -> Self {
        Self::of("progress", &AtRevision { revision })
    }

    pub(super) fn paused(revision: i64) -> Self {
        Self::of("paused", &AtRevision { revision })
    }

    pub(super) fn lagged(resume_from: i64) -> Self {
        #[derive(Serialize)]
        struct Lagged {
            resume_from: i64,
        }
        Self::of("lagged", &Lagged { resume_from })
    }

    pub(super) fn compacted(from: i64, to: i64) -> Self {
        #[derive(Serialize)]
        struct Compacted {
            from: i64,
            to: i64,
        }
        Self::of("compacted", &Compacted { from, to })
    }

    pub(super) fn reset(reason: &str, revision: i64, cluster_id: MemberId) -> Self {
        #[derive(Serialize)]
        struct Reset<'a> {
            reason: &'a str,
            revision: i64,
            cluster_id: MemberId,
        }
        Self::of(
            "reset",
            &Reset {
                reason,
                revision,
                cluster_id,
            },
        )
    }

    pub(super) fn error(code: Code, detail: &str) -> Self {
        let code = code.as_str();
        Self::of("error", &Reason { code, detail })
    }

    pub(super) fn closed(code: Code, detail: &str) -> Self {
        let code = code.as_str();
        let mut message = Self::of("closed", &Reason { code, detail });
        message.last = true;
        message
    }
}

#[derive(Serialize)]
struct AtRevision {
    revision: i64,
}

#[derive(Serialize)]
struct Reason<'a> {
    code: &'a str,
    detail: &'a str,
}

#[cfg(test)]
mod tests;
