//! Growing, capped, jittered pauses between attempts.

use std::hash::{BuildHasher as _, Hasher as _, RandomState};
use std::time::Duration;

const FIRST: Duration = Duration::from_millis(100);
const LONGEST: Duration = Duration::from_secs(3);

/// The next pause is about twice the last.
#[derive(Debug)]
pub(super) struct Backoff {
    next: Duration,
}

impl Backoff {
    pub(super) fn new() -> Self {
        Self { next: FIRST }
    }

    /// It worked: the next failure begins anew.
    pub(super) fn reset(&mut self) {
        self.next = FIRST;
    }

    /// How long to wait now: between half and the whole of the step, so that a thousand watches do
    /// not come back to a restarted etcd in one moment.
    pub(super) fn pause(&mut self) -> Duration {
        let step = self.next;
        self.next = (step * 2).min(LONGEST);
        let random = RandomState::new().build_hasher().finish() % 1024;
        step / 2 + step / 2048 * u32::try_from(random).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_to_the_cap_and_begin_anew() {
        let mut backoff = Backoff::new();
        assert!(backoff.pause() <= FIRST);
        for _ in 0..10 {
            assert!(backoff.pause() <= LONGEST);
        }
        assert!(backoff.pause() >= LONGEST / 2);
        backoff.reset();
        assert!(backoff.pause() <= FIRST);
    }
}
