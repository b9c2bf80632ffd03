//! Events received but not drawn yet.
//!
//! A hidden tab draws nothing while events keep arriving, so the backlog is bounded: on overflow all of it is dropped,
//! and the levels are read again when the tab is shown. Values are not kept: the tree shows none.

use shared::Event;

/// Limit of queued events.
const MAX_EVENTS: usize = 50_000;

/// Limit of the queued keys, in bytes.
const MAX_BYTES: usize = 8 << 20;

/// An event without its value, and the size of the value.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct QueuedEvent {
    /// The event without its value.
    pub(crate) event: Event,
    /// Size of the value that was put, in bytes; 0 for a deletion.
    pub(crate) size: i64,
}

impl QueuedEvent {
    fn of(mut event: Event) -> Self {
        let size = match &mut event {
            Event::Put { entry, prev } => {
                *prev = None;
                entry.value.take().map_or(0, |value| value.len() as i64)
            }
            Event::Delete { prev, .. } => {
                *prev = None;
                0
            }
        };
        Self { event, size }
    }
}

/// A bounded queue of events.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    events: Vec<QueuedEvent>,
    bytes: usize,
    overflowed: bool,
}

impl Backlog {
    /// Adds events. False on overflow: all queued events are dropped, and so are later ones until [`Self::take`].
    pub(crate) fn push(&mut self, arrived: Vec<Event>) -> bool {
        if self.overflowed {
            return false;
        }
        for event in arrived {
            self.bytes += event.key().len();
            self.events.push(QueuedEvent::of(event));
            if self.events.len() > MAX_EVENTS || self.bytes > MAX_BYTES {
                *self = Self {
                    overflowed: true,
                    ..Self::default()
                };
                return false;
            }
        }
        true
    }

    /// Whether there is nothing to take.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty() && !self.overflowed
    }

    /// Takes all events; `None` after an overflow. The backlog is empty afterwards.
    pub(crate) fn take(&mut self) -> Option<Vec<QueuedEvent>> {
        let taken = std::mem::take(self);
        (!taken.overflowed).then_some(taken.events)
    }
}

#[cfg(test)]
mod tests {
    use shared::{Bytes, Entry, Event};

    use super::{Backlog, MAX_BYTES, MAX_EVENTS};

    fn put(key: &str, value: usize) -> Event {
        Event::Put {
            entry: Entry {
                key: Bytes::from(key),
                value: Some(vec![0; value].into()),
                create_revision: 1,
                mod_revision: 1,
                version: 1,
                lease: None,
            },
            prev: None,
        }
    }

    #[test]
    fn sizes_are_kept_and_values_are_not() {
        let mut backlog = Backlog::default();
        assert!(backlog.is_empty() && backlog.push(vec![put("a", 1_000_000)]));
        let events = backlog.take().expect("no overflow");
        let Event::Put { entry, .. } = &events[0].event else {
            panic!("a put");
        };
        assert_eq!((&entry.value, events[0].size), (&None, 1_000_000));
        assert!(backlog.is_empty());
    }

    #[test]
    fn the_backlog_is_bounded_and_reports_an_overflow() {
        let mut backlog = Backlog::default();
        for _ in 0..MAX_EVENTS / 1_000 {
            assert!(backlog.push((0..1_000).map(|_| put("k", 0)).collect()));
        }
        assert!(!backlog.push(vec![put("k", 0)]), "one too many");
        assert!(!backlog.push(vec![put("k", 0)]), "nothing after a gap");
        assert!(backlog.events.is_empty() && !backlog.is_empty());
        assert_eq!(backlog.take(), None);
        assert!(backlog.push(vec![put("k", 0)]) && backlog.take().is_some());

        let long = "k".repeat(MAX_BYTES / 4);
        for queued in [true, true, true, true, false] {
            assert_eq!(backlog.push(vec![put(&long, 0)]), queued);
        }
    }
}
