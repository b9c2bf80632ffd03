//! How many questions about leases etcd is asked, whoever needs the answers.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Between two questions; with the burst at most 200 in any second.
const GAP: Duration = Duration::from_micros(5_500);
/// Questions at once after a pause.
const BURST: u32 = 16;

/// Spreads questions over time. First come, first served.
#[derive(Debug)]
pub(in crate::service) struct Budget {
    /// When the next question would be due if none had been saved up.
    next: Mutex<Instant>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            next: Mutex::new(Instant::now()),
        }
    }
}

impl Budget {
    /// Waits for the right to ask one question.
    pub(in crate::service) async fn take(&self) {
        let due = self.reserve(Instant::now());
        sleep_until(due).await;
    }

    fn reserve(&self, now: Instant) -> Instant {
        let mut next = self.next.lock().unwrap_or_else(PoisonError::into_inner);
        let saved = now.checked_sub(GAP * BURST).unwrap_or(now);
        *next = (*next).max(saved) + GAP;
        *next
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_second_sees_more_than_two_hundred() {
        let budget = Budget::default();
        let start = Instant::now() + Duration::from_secs(10);
        let due: Vec<_> = (0..1000).map(|_| budget.reserve(start)).collect();
        for (at, first) in due.iter().enumerate() {
            let first = (*first).max(start);
            let within = due[at..]
                .iter()
                .filter(|due| **due < first + Duration::from_secs(1));
            assert!(within.count() <= 200);
        }
        assert!(due[15] <= start, "a pause saves up a few");
    }
}
