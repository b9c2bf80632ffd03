//! One connection that is wanted for ever: when to dial, when to give up, when to dial again.

use super::Millis;

#[cfg(test)]
mod tests;

/// Without a message for this long a socket is dead: the gateway says something every 10 s.
const SILENCE_MS: Millis = 30_000.0;

/// A connection attempt that takes longer is given up.
const CONNECT_MS: Millis = 10_000.0;

const FIRST_MS: Millis = 250.0;
const LONGEST_MS: Millis = 10_000.0;

/// The state of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum LinkState {
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
pub(crate) enum DialAction {
    /// Open one.
    Connect,
    /// It is dead: drop it. The loss is counted already.
    Drop,
}

/// The life of a connection.
#[derive(Debug, Default)]
pub(crate) struct Dialer {
    state: LinkState,
    backoff: Backoff,
    last_received: Millis,
}

impl Dialer {
    /// The state of the connection.
    pub(crate) fn state(&self) -> LinkState {
        self.state
    }

    /// Dials at once: at the start, or when the browser says that the network is back.
    pub(crate) fn dial(&mut self, now: Millis) -> Option<DialAction> {
        matches!(self.state, LinkState::Idle | LinkState::Waiting { .. }).then(|| {
            self.state = LinkState::Connecting { since: now };
            DialAction::Connect
        })
    }

    /// The socket is open.
    pub(crate) fn connected(&mut self, now: Millis) {
        self.state = LinkState::Live;
        self.last_received = now;
    }

    /// The other side has spoken. Only this ends a row of failures: a proxy in front of a stopped
    /// gateway may well accept and close.
    pub(crate) fn received(&mut self, now: Millis) {
        self.last_received = now;
        self.backoff.reset();
    }

    /// The socket is closed, or could not be opened.
    pub(crate) fn lost(&mut self, now: Millis, jitter: f64) {
        let until = now + self.backoff.next(jitter);
        self.state = LinkState::Waiting {
            until,
            failures: self.backoff.failures(),
        };
    }

    /// To be called about once a second, and when [`LinkState::Waiting`] is over.
    pub(crate) fn tick(&mut self, now: Millis, jitter: f64) -> Option<DialAction> {
        let dead = match self.state {
            LinkState::Idle => false,
            LinkState::Waiting { until, .. } => {
                return if now >= until { self.dial(now) } else { None };
            }
            LinkState::Connecting { since } => now - since >= CONNECT_MS,
            LinkState::Live => now - self.last_received >= SILENCE_MS,
        };
        dead.then(|| {
            self.lost(now, jitter);
            DialAction::Drop
        })
    }
}

/// Delays that double from a quarter of a second to ten seconds, each shortened by up to a half at
/// random, so that a thousand pages do not come back in the same instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The delay before the next attempt. `jitter` is in `0.0..=1.0`.
    fn next(&mut self, jitter: f64) -> Millis {
        let full = (FIRST_MS * 2_f64.powi(self.failures.min(16).cast_signed())).min(LONGEST_MS);
        self.failures = self.failures.saturating_add(1);
        full * (0.5 + 0.5 * jitter.clamp(0.0, 1.0))
    }

    /// To be called when the other side has spoken: the next failure is a first one again.
    fn reset(&mut self) {
        self.failures = 0;
    }

    /// Attempts that failed in a row.
    fn failures(self) -> u32 {
        self.failures
    }
}
