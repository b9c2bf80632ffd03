//! Deduplicated requests for items: at most one per item is waiting or in flight.

use std::collections::VecDeque;

/// The requests for items of one kind.
#[derive(Debug)]
pub(crate) struct Requests<T> {
    waiting: VecDeque<T>,
    in_flight: Vec<T>,
    max_waiting: usize,
}

impl<T: Clone + PartialEq> Requests<T> {
    /// An empty queue; the oldest of more than `max_waiting` waiting requests are dropped.
    pub(crate) fn new(max_waiting: usize) -> Self {
        Self {
            waiting: VecDeque::new(),
            in_flight: Vec::new(),
            max_waiting,
        }
    }

    /// Adds a request for an item, unless one is waiting or in flight.
    pub(crate) fn want(&mut self, item: &T) {
        if self.in_flight.contains(item) || self.waiting.contains(item) {
            return;
        }
        self.waiting.push_back(item.clone());
        if self.waiting.len() > self.max_waiting {
            self.waiting.pop_front();
        }
    }

    /// The next item to request, the latest first: it is the one in view. In flight until [`Self::done`].
    pub(crate) fn begin(&mut self) -> Option<T> {
        let item = self.waiting.pop_back()?;
        self.in_flight.push(item.clone());
        Some(item)
    }

    /// A request has ended, successfully or not.
    pub(crate) fn done(&mut self, item: &T) {
        self.in_flight.retain(|other| other != item);
    }

    /// Drops the waiting requests that match.
    pub(crate) fn forget(&mut self, matches: impl Fn(&T) -> bool) {
        self.waiting.retain(|item| !matches(item));
    }
}

#[cfg(test)]
mod tests {
    use super::Requests;

    #[test]
    fn an_item_is_requested_once_at_a_time() {
        let mut requests = Requests::new(10);
        requests.want(&"a");
        requests.want(&"a");
        assert_eq!((requests.begin(), requests.begin()), (Some("a"), None));
        requests.want(&"a");
        assert_eq!(requests.begin(), None, "the request is in flight");
        requests.done(&"a");
        requests.want(&"a");
        assert_eq!(requests.begin(), Some("a"));
    }

    #[test]
    fn the_latest_comes_first_and_the_oldest_are_dropped() {
        let mut requests = Requests::new(2);
        for item in ["a", "b", "c", "d"] {
            requests.want(&item);
        }
        requests.forget(|item| *item == "d");
        assert_eq!((requests.begin(), requests.begin()), (Some("c"), None));
    }
}
