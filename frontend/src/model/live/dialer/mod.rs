//! Keeps one connection open: decides when to connect, when to give up an attempt, and when to retry.

use super::Millis;

#[cfg(test)]
mod tests;

/// A socket without a message for this long is dead: the gateway sends one at least every 10 s.
const SILENCE_MS: Millis = 30_000.0;

/// Timeout of a connection attempt.
const CONNECT_MS: Millis = 10_000.0;

/// The range of back-off delays.
const FIRST_MS: Millis = 250.0;
const LONGEST_MS: Millis = 10_000.0;

/// The state of a connection.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) enum LinkState {
    /// Not started yet, or paused.
    #[default]
    Idle,
    /// A socket is being opened.
    Connecting {
        /// The start of the attempt.
        since: Millis,
    },
    /// Open.
    Live,
    /// Lost; another attempt is scheduled.
    Waiting {
        /// The time of the next attempt.
        until: Millis,
        /// Consecutive failures.
        failures: u32,
    },
}

/// An action on the socket, for the caller to perform.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DialAction {
    /// Open a socket.
    Connect,
    /// Drop the dead socket. The failure is already counted.
    Drop,
}

/// The state machine of a connection.
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

    /// The connection is not needed for now: no attempt until [`Dialer::dial`]. Counts as no failure.
    pub(crate) fn pause(&mut self) {
        self.state = LinkState::Idle;
        self.backoff.reset();
    }

    /// Connects immediately: at the start, after a pause, or when the browser reports that the network is back.
    pub(crate) fn dial(&mut self, now: Millis) -> Option<DialAction> {
        matches!(self.state, LinkState::Idle | LinkState::Waiting { .. }).then(|| {
            self.state = LinkState::Connecting { since: now };
            DialAction::Connect
        })
    }

    /// The socket is open.
    pub(crate) fn on_connect(&mut self, now: Millis) {
        self.state = LinkState::Live;
        self.last_received = now;
    }

    /// A message was received. Only this resets the back-off: a proxy in front of a stopped
    /// gateway may accept connections and close them.
    pub(crate) fn on_message(&mut self, now: Millis) {
        self.last_received = now;
        self.backoff.reset();
    }

    /// The socket is closed, or could not be opened.
    pub(crate) fn on_loss(&mut self, now: Millis, jitter: f64) {
        let until = now + self.backoff.next(jitter);
        self.state = LinkState::Waiting {
            until,
            failures: self.backoff.failures(),
        };
    }

    /// Call this about once a second, and when the time of [`LinkState::Waiting`] has come.
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
            self.on_loss(now, jitter);
            DialAction::Drop
        })
    }
}

/// Exponential back-off from a quarter of a second to ten seconds. Each delay is shortened at random by up to a
/// half, so that a thousand pages do not reconnect at the same moment.
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

    /// Resets the delay after a received message.
    fn reset(&mut self) {
        self.failures = 0;
    }

    /// Consecutive failures.
    fn failures(self) -> u32 {
        self.failures
    }
}
