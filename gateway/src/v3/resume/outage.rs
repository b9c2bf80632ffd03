//! How long etcd has been unavailable, and the back-off before the next attempt.

use std::time::Duration;

use tokio::time::Instant;

/// How long etcd may be unavailable before a watch fails.
const GIVE_UP_AFTER: Duration = Duration::from_mins(2);
/// Delay before the first retry; it doubles with each further one.
const MIN_DELAY: Duration = Duration::from_millis(50);
/// Longest delay between retries.
const MAX_DELAY: Duration = Duration::from_secs(2);

/// The time from the first lost stream to the next response.
#[derive(Debug, Default)]
pub(super) struct Outage {
    since: Option<Instant>,
    attempts: u32,
}

impl Outage {
    /// A stream was lost. Returns the delay before the next attempt; `None` to give up.
    pub(super) fn record_loss(&mut self, now: Instant) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        let doubled = MIN_DELAY * 2_u32.pow(self.attempts.min(10));
        self.attempts = self.attempts.saturating_add(1);
        (now - since <= GIVE_UP_AFTER).then(|| doubled.min(MAX_DELAY))
    }

    /// How many streams were lost without a response in between.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// etcd has responded.
    pub(super) fn end(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_grow_until_it_gives_up() {
        let start = Instant::now();
        let mut outage = Outage::default();
        assert_eq!(outage.record_loss(start), Some(MIN_DELAY));
        assert_eq!(outage.record_loss(start), Some(MIN_DELAY * 2));
        for _ in 0..20 {
            outage.record_loss(start + GIVE_UP_AFTER);
        }
        assert_eq!(outage.record_loss(start + GIVE_UP_AFTER), Some(MAX_DELAY));
        assert_eq!(outage.record_loss(start + GIVE_UP_AFTER + MIN_DELAY), None);
    }

    #[test]
    fn a_response_ends_the_outage() {
        let start = Instant::now();
        let mut outage = Outage::default();
        outage.record_loss(start);
        outage.end();
        assert_eq!(outage.attempts(), 0);
        assert_eq!(
            outage.record_loss(start + GIVE_UP_AFTER * 2),
            Some(MIN_DELAY)
        );
        assert_eq!(outage.attempts(), 1);
    }
}
