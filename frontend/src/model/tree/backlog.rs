//! Events received but not drawn yet.
//!
//! A hidden tab draws nothing while events keep arriving, so the backlog is bounded: on overflow all of it is dropped,
//! and the levels are read again when the tab is shown. Values are not kept: the tree shows none.

use shared::{Event, FolderChange};

/// Limit of queued events, changed folders included.
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
            Event::Put { entry, size, prev } => {
                *prev = None;
                let value = entry.value.take().map(|value| value.len() as i64);
                value.or(*size).unwrap_or(0)
            }
            Event::Delete { prev, .. } => {
                *prev = None;
                0
            }
        };
        Self { event, size }
    }
}

/// Changes in closed folders: those after `after`.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct FolderChanges {
    /// Everything up to this revision came before.
    pub(crate) after: i64,
    /// The changes by folder.
    pub(crate) folders: Vec<FolderChange>,
    /// Whether further folders changed.
    pub(crate) incomplete: bool,
}

/// A queued change.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Queued {
    /// Of one key.
    Event(QueuedEvent),
    /// In closed folders.
    Folders(FolderChanges),
}

/// A bounded queue of events.
#[derive(Debug, Default)]
pub(crate) struct Backlog {
    events: Vec<Queued>,
    /// The number of events and changed folders.
    number: usize,
    bytes: usize,
    overflowed: bool,
}

impl Backlog {
    /// Adds events. False on overflow: all queued events are dropped, and so are later ones until [`Self::take`].
    pub(crate) fn push(&mut self, arrived: Vec<Event>) -> bool {
        arrived.into_iter().all(|event| {
            let bytes = event.key().len();
            self.add(Queued::Event(QueuedEvent::of(event)), 1, bytes)
        })
    }

    /// Adds changes in closed folders, like [`Self::push`].
    pub(crate) fn push_folders(&mut self, changes: FolderChanges) -> bool {
        let bytes = changes.folders.iter().map(|folder| folder.prefix.len());
        let (number, bytes) = (changes.folders.len().max(1), bytes.sum());
        self.add(Queued::Folders(changes), number, bytes)
    }

    fn add(&mut self, queued: Queued, number: usize, bytes: usize) -> bool {
        if self.overflowed {
            return false;
        }
        self.number += number;
        self.bytes += bytes;
        if self.number > MAX_EVENTS || self.bytes > MAX_BYTES {
            *self = Self {
                overflowed: true,
                ..Self::default()
            };
            return false;
        }
        self.events.push(queued);
        true
    }

    /// Whether there is nothing to take.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty() && !self.overflowed
    }

    /// Takes all events; `None` after an overflow. The backlog is empty afterwards.
    pub(crate) fn take(&mut self) -> Option<Vec<Queued>> {
        let taken = std::mem::take(self);
        (!taken.overflowed).then_some(taken.events)
    }
}

#[cfg(test)]
mod tests {
    use shared::{Bytes, Entry, Event, FolderChange};

    use super::{Backlog, FolderChanges, MAX_BYTES, MAX_EVENTS, Queued};

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
            size: None,
            prev: None,
        }
    }

    #[test]
    fn sizes_are_kept_and_values_are_not() {
        let mut backlog = Backlog::default();
        assert!(backlog.is_empty() && backlog.push(vec![put("a", 1_000_000)]));
        let events = backlog.take().expect("no overflow");
        let Queued::Event(queued) = &events[0] else {
            panic!("an event");
        };
        let Event::Put { entry, .. } = &queued.event else {
            panic!("a put");
        };
        assert_eq!((&entry.value, queued.size), (&None, 1_000_000));
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

    #[test]
    fn changed_folders_count_like_events() {
        let folder = FolderChange {
            prefix: Bytes::from("a/"),
            created: 1,
            updated: 0,
            deleted: 0,
            revision: 2,
        };
        let changes = |folders: usize| FolderChanges {
            after: 1,
            folders: vec![folder.clone(); folders],
            incomplete: false,
        };
        let mut backlog = Backlog::default();
        assert!(backlog.push_folders(changes(MAX_EVENTS)));
        assert!(!backlog.push_folders(changes(0)));
        assert_eq!(backlog.take(), None);
        assert!(backlog.push_folders(changes(1)));
        let taken = backlog.take().expect("no overflow");
        assert_eq!(taken, [Queued::Folders(changes(1))]);
    }
}
