//! How long etcd has been away, and how long to wait before it is tried again.

use std::time::Duration;

use tokio::time::Instant;

/// How long etcd may be away before a watch is told.
const AWAY: Duration = Duration::from_mins(2);
/// Between attempts, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));

/// From the first lost stream to the next answer.
#[derive(Debug, Default)]
pub(super) struct Outage {
    since: Option<Instant>,
    tries: u32,
}

impl Outage {
    /// A stream was lost. How long to wait before the next one; none where it has lasted too long.
    pub(super) fn lost(&mut self, now: Instant) -> Option<Duration> {
        let since = *self.since.get_or_insert(now);
        let doubled = PAUSES.0 * 2_u32.pow(self.tries.min(10));
        self.tries = self.tries.saturating_add(1);
        (now - since <= AWAY).then(|| doubled.min(PAUSES.1))
    }

    /// How many streams were lost without an answer in between.
    pub(super) fn tries(&self) -> u32 {
        self.tries
    }

    /// etcd has answered.
    pub(super) fn over(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_until_it_has_lasted_too_long() {
        let began = Instant::now();
        let mut outage = Outage::default();
        assert_eq!(outage.lost(began), Some(PAUSES.0));
        assert_eq!(outage.lost(began), Some(PAUSES.0 * 2));
        for _ in 0..20 {
            outage.lost(began + AWAY);
        }
        assert_eq!(outage.lost(began + AWAY), Some(PAUSES.1));
        assert_eq!(outage.lost(began + AWAY + PAUSES.0), None);
    }

    #[test]
    fn a_later_outage_is_another_one() {
        let began = Instant::now();
        let mut outage = Outage::default();
        outage.lost(began);
        outage.over();
        assert_eq!(outage.tries(), 0);
        assert_eq!(outage.lost(began + AWAY * 2), Some(PAUSES.0));
        assert_eq!(outage.tries(), 1);
    }
}
