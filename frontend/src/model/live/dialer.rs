//! One connection that is wanted for ever: when to dial, when to give up, when to dial again.

use super::Millis;
use super::backoff::{Backoff, CONNECT_MS, SILENCE_MS};

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

#[cfg(test)]
mod tests {
    use super::{DialAction, Dialer, LinkState};

    #[test]
    fn silence_is_death_and_failures_back_off() {
        let mut dialer = Dialer::default();
        assert_eq!(dialer.dial(0.0), Some(DialAction::Connect));
        dialer.connected(0.0);
        dialer.received(1000.0);
        assert_eq!(dialer.tick(30_999.0, 1.0), None);
        assert_eq!(dialer.tick(31_000.0, 1.0), Some(DialAction::Drop));
        assert_eq!(
            dialer.state(),
            LinkState::Waiting {
                until: 31_250.0,
                failures: 1
            }
        );
        assert_eq!(dialer.tick(31_249.0, 1.0), None);
        assert_eq!(dialer.tick(31_250.0, 1.0), Some(DialAction::Connect));
        dialer.lost(31_251.0, 1.0);
        assert_eq!(
            dialer.state(),
            LinkState::Waiting {
                until: 31_751.0,
                failures: 2
            }
        );
    }

    #[test]
    fn an_attempt_that_hangs_is_given_up() {
        let mut dialer = Dialer::default();
        dialer.dial(0.0);
        assert_eq!(dialer.tick(9_999.0, 0.0), None);
        assert_eq!(dialer.tick(10_000.0, 0.0), Some(DialAction::Drop));
    }

    #[test]
    fn a_connection_that_never_speaks_does_not_end_the_row_of_failures() {
        let mut dialer = Dialer::default();
        dialer.dial(0.0);
        for _ in 0..3 {
            dialer.connected(0.0);
            dialer.lost(0.0, 1.0);
            dialer.dial(0.0);
        }
        dialer.lost(0.0, 1.0);
        assert_eq!(
            dialer.state(),
            LinkState::Waiting {
                until: 2000.0,
                failures: 4
            }
        );
    }

    #[test]
    fn the_network_coming_back_ends_the_waiting() {
        let mut dialer = Dialer::default();
        dialer.dial(0.0);
        dialer.lost(0.0, 1.0);
        assert_eq!(dialer.dial(1.0), Some(DialAction::Connect));
        assert_eq!(dialer.dial(2.0), None, "one socket at a time");
    }
}
