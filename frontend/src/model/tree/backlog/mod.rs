//! Events received but not drawn yet.
//!
//! A hidden tab draws nothing while events keep arriving, so the backlog is bounded: on overflow all of it is dropped,
//! and the levels are read again when the tab is shown. Values are not kept: the tree shows none.

#[cfg(test)]
mod tests;

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
