//! Random numbers for timing and values; not for secrets.

use std::ops::RangeInclusive;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Marsaglia's xorshift over 64 bits.
#[derive(Debug)]
pub(super) struct Random(u64);

impl Random {
    /// A different sequence at every start, and for every `salt`.
    pub(super) fn new(salt: u64) -> Self {
        let now = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        let seed = now.as_secs() ^ u64::from(now.subsec_nanos()) << 32;
        let mut random = Self(seed ^ (salt + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1);
        // Similar seeds diverge only after a few steps.
        for _ in 0..8 {
            random.next();
        }
        random
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// A number in the range.
    pub(super) fn number(&mut self, range: RangeInclusive<u64>) -> u64 {
        let (start, end) = range.into_inner();
        let width = end.saturating_sub(start).saturating_add(1);
        start + self.next() % width
    }

    /// A duration in the range, in milliseconds.
    pub(super) fn time(&mut self, range: RangeInclusive<Duration>) -> Duration {
        let (start, end) = range.into_inner();
        Duration::from_millis(self.number(start.as_millis() as u64..=end.as_millis() as u64))
    }

    /// One of the choices.
    pub(super) fn choose<'a, T>(&mut self, choices: &'a [T]) -> &'a T {
        &choices[self.number(0..=choices.len() as u64 - 1) as usize]
    }

    /// True with a probability of 1 in `n`.
    pub(super) fn one_in(&mut self, n: u64) -> bool {
        self.number(1..=n) == 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_in_their_range_and_reach_its_ends() {
        let mut random = Random::new(7);
        let drawn: Vec<u64> = (0..1_000).map(|_| random.number(3..=6)).collect();
        assert!(drawn.iter().all(|number| (3..=6).contains(number)));
        assert!((3..=6).all(|number| drawn.contains(&number)));
        assert_eq!(random.number(5..=5), 5);
    }
}
