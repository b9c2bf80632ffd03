//! One connection that is wanted for ever: when to dial, when to give up, when to dial again.

use super::Millis;
use super::backoff::{Backoff, CONNECT_MS, SILENCE_MS};

/// The state of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum Link {
    /// Not wanted yet.
    #[default]
    Idle,
    /// A socket is being opened.
    Connecting {
        /// Since when.
        since: Millis,
    },
    /// Open and talking.
    Live,
    /// Gone; the next attempt comes by itself.
    Waiting {
        /// When the next attempt is made.
        until: Millis,
        /// Attempts that failed in a row.
        failures: u32,
    },
}

/// What has to be done to the socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Open one.
    Connect,
    /// It is dead: drop it. The loss is counted already.
    Drop,
}

/// The life of a connection.
#[derive(Debug, Default)]
pub(crate) struct Line {
    link: Link,
    backoff: Backoff,
    heard: Millis,
}

impl Line {
    /// The state of the connection.
    pub(crate) fn link(&self) -> Link {
        self.link
    }

    /// Dials at once: at the start, or when the browser says that the network is back.
    pub(crate) fn dial(&mut self, now: Millis) -> Option<Step> {
        matches!(self.link, Link::Idle | Link::Waiting { .. }).then(|| {
            self.link = Link::Connecting { since: now };
            Step::Connect
        })
    }

    /// The socket is open.
    pub(crate) fn connected(&mut self, now: Millis) {
        self.link = Link::Live;
        self.heard = now;
    }

    /// The other side has spoken. Only this ends a row of failures: a proxy in front of a stopped
    /// gateway may well accept and close.
    pub(crate) fn heard(&mut self, now: Millis) {
        self.heard = now;
        self.backoff.reset();
    }

    /// The socket is closed, or could not be opened.
    pub(crate) fn lost(&mut self, now: Millis, jitter: f64) {
        let until = now + self.backoff.next(jitter);
        self.link = Link::Waiting {
            until,
            failures: self.backoff.failures(),
        };
    }

    /// To be called about once a second, and when [`Link::Waiting`] is over.
    pub(crate) fn tick(&mut self, now: Millis, jitter: f64) -> Option<Step> {
        let dead = match self.link {
            Link::Idle => false,
            Link::Waiting { until, .. } => {
                return if now >= until { self.dial(now) } else { None };
            }
            Link::Connecting { since } => now - since >= CONNECT_MS,
            Link::Live => now - self.heard >= SILENCE_MS,
        };
        dead.then(|| {
            self.lost(now, jitter);
            Step::Drop
        })
    }
}

#[cfg(test)]
mod tests;
