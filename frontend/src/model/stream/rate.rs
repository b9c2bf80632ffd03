//! The rate of events.

use crate::model::live::Millis;

/// Seconds that are recorded.
pub(crate) const SECONDS: usize = 30;

/// Seconds over which the average is taken.
const AVERAGE: usize = 10;

/// Event counts of the last seconds.
#[derive(Debug, Default)]
pub(crate) struct Rate {
    /// One count per second; the slot of second `s` is `s % SECONDS`.
    counts: [u32; SECONDS],
    /// The latest second counted.
    second: i64,
    first: Option<i64>,
}

fn second_of(now: Millis) -> i64 {
    (now / 1000.0).floor() as i64
}

impl Rate {
    /// Counts events received now.
    pub(super) fn add(&mut self, now: Millis, events: usize) {
        let second = second_of(now).max(self.second);
        self.first.get_or_insert(second);
        let stale = (second - self.second).min(SECONDS as i64);
        for ago in 0..stale {
            self.counts[Self::slot(second - ago)] = 0;
        }
        self.second = second;
        let slot = &mut self.counts[Self::slot(second)];
        *slot = slot.saturating_add(u32::try_from(events).unwrap_or(u32::MAX));
    }

    /// Events in each of the last full seconds, oldest first.
    pub(crate) fn series(&self, now: Millis) -> [u32; SECONDS] {
        let last = second_of(now) - 1;
        std::array::from_fn(|at| {
            let second = last - (SECONDS - 1 - at) as i64;
            let known = second <= self.second && second > self.second - SECONDS as i64;
            if known {
                self.counts[Self::slot(second)]
            } else {
                0
            }
        })
    }

    /// Events per second, over the last ten seconds or since the first event.
    pub(crate) fn per_second(&self, now: Millis) -> f64 {
        let Some(first) = self.first else { return 0.0 };
        let age = usize::try_from(second_of(now) - first)
            .unwrap_or(0)
            .clamp(1, AVERAGE);
        let series = self.series(now);
        f64::from(series[SECONDS - age..].iter().sum::<u32>()) / age as f64
    }

    fn slot(second: i64) -> usize {
        second.rem_euclid(SECONDS as i64) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::{Rate, SECONDS};

    #[test]
    fn seconds_without_events_count_as_zero() {
        let mut rate = Rate::default();
        rate.add(1_000_000.0, 3);
        rate.add(1_000_900.0, 1);
        rate.add(1_004_000.0, 2);
        let series = rate.series(1_005_500.0);
        assert_eq!(series[SECONDS - 5..], [4, 0, 0, 0, 2]);
        assert_eq!(series[..SECONDS - 5], [0; SECONDS - 5]);
        assert!((rate.per_second(1_005_500.0) - 1.2).abs() < 1e-9);
    }

    #[test]
    fn old_seconds_are_dropped() {
        let mut rate = Rate::default();
        rate.add(0.0, 7);
        assert_eq!(rate.series(100_000.0), [0; SECONDS]);
        rate.add(100_000.0, 1);
        assert_eq!(rate.series(101_000.0).iter().sum::<u32>(), 1);
    }

    #[test]
    fn a_clock_set_back_does_not_break_the_count() {
        let mut rate = Rate::default();
        rate.add(50_000.0, 1);
        rate.add(10_000.0, 1);
        assert_eq!(rate.series(51_000.0)[SECONDS - 1], 2);
        assert!(rate.per_second(10_000.0) >= 0.0);
    }
}
