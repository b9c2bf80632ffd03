//! When to try again, and when to stop believing in a silent socket.

use super::Millis;

/// Without a message for this long a socket is dead: the gateway says something every 10 s.
pub(super) const SILENCE_MS: Millis = 30_000.0;

/// A connection attempt that takes longer is given up.
pub(super) const CONNECT_MS: Millis = 10_000.0;

const FIRST_MS: Millis = 250.0;
const LONGEST_MS: Millis = 10_000.0;

/// Delays that double from a quarter of a second to ten seconds, each shortened by up to a half at
/// random, so that a thousand pages do not come back in the same instant.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The delay before the next attempt. `jitter` is in `0.0..=1.0`.
    pub(super) fn next(&mut self, jitter: f64) -> Millis {
        let full = (FIRST_MS * 2_f64.powi(self.failures.min(16).cast_signed())).min(LONGEST_MS);
        self.failures = self.failures.saturating_add(1);
        full * (0.5 + 0.5 * jitter.clamp(0.0, 1.0))
    }

    /// To be called when the other side has spoken: the next failure is a first one again.
    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    /// Attempts that failed in a row.
    pub(super) fn failures(self) -> u32 {
        self.failures
    }
}

#[cfg(test)]
mod tests {
    use super::Backoff;

    #[test]
    fn delays_double_up_to_ten_seconds() {
        let mut backoff = Backoff::default();
        let delays: Vec<f64> = (0..8).map(|_| backoff.next(1.0)).collect();
        assert_eq!(
            delays,
            [
                250.0, 500.0, 1000.0, 2000.0, 4000.0, 8000.0, 10_000.0, 10_000.0
            ]
        );
        backoff.reset();
        assert!((backoff.next(0.0) - 125.0).abs() < f64::EPSILON);
    }

    #[test]
    fn a_month_of_failures_does_not_overflow() {
        let mut backoff = Backoff { failures: u32::MAX };
        assert!((backoff.next(1.0) - 10_000.0).abs() < f64::EPSILON);
    }
}
