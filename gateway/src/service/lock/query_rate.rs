//! The rate limit on requests about leases, shared by all of the gateway's callers.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};

/// Interval between two requests; with the burst at most 200 in any second.
const GAP: Duration = Duration::from_micros(5_500);
/// Requests sent at once after a pause.
const BURST: u32 = 16;

/// Spreads requests over time, first come, first served.
#[derive(Debug)]
pub(in crate::service) struct QueryRate {
    /// When the next request would be due without a burst.
    next: Mutex<Instant>,
}

impl Default for QueryRate {
    fn default() -> Self {
        Self {
            next: Mutex::new(Instant::now()),
        }
    }
}

impl QueryRate {
    /// Waits until one request may be sent.
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
    fn at_most_200_requests_start_in_any_second() {
        let query_rate = QueryRate::default();
        let start = Instant::now() + Duration::from_secs(10);
        let due: Vec<_> = (0..1000).map(|_| query_rate.reserve(start)).collect();
        for (at, first) in due.iter().enumerate() {
            let first = (*first).max(start);
            let within = due[at..]
                .iter()
                .filter(|due| **due < first + Duration::from_secs(1));
            assert!(within.count() <= 200);
        }
        assert!(due[15] <= start, "a pause allows a burst");
    }
}
