//! Exponential back-off with a cap and jitter.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

const MIN_DELAY: Duration = Duration::from_millis(100);
const MAX_DELAY: Duration = Duration::from_secs(3);

/// Each delay is about twice the one before.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { next: MIN_DELAY }
    }

    /// After a success: the next failure starts again at the shortest delay.
    pub(super) fn reset(&mut self) {
        self.next = MIN_DELAY;
    }

    /// How long to wait before the next attempt. The jitter is half of the delay, so that a thousand
    /// watches do not return to a restarted etcd at the same moment.
    pub(super) fn next_delay(&mut self) -> Duration {
        let delay = self.next;
        self.next = (delay * 2).min(MAX_DELAY);
        let random = RandomState::new().build_hasher().finish() % 1024;
        delay / 2 + delay / 2048 * u32::try_from(random).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_to_the_cap_until_a_reset() {
        let mut backoff = Backoff::new();
        assert!(backoff.next_delay() <= MIN_DELAY);
        for _ in 0..10 {
            assert!(backoff.next_delay() <= MAX_DELAY);
        }
        assert!(backoff.next_delay() >= MAX_DELAY / 2);
        backoff.reset();
        assert!(backoff.next_delay() <= MIN_DELAY);
    }
}
