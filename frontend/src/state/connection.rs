//! Whether the page is live, and at which revision. The live client writes, the shell shows.

use leptos::prelude::*;

/// The state of the app's one socket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Phase {
    /// Never been open.
    Connecting,
    /// Open.
    Live,
    /// Was open and is not now; since when, in milliseconds since 1970.
    Lost { since: f64 },
}

/// The connection, as people see it.
#[derive(Clone, Copy)]
pub(crate) struct Connection {
    phase: RwSignal<Phase>,
    revision: RwSignal<Option<i64>>,
    retry: RwSignal<u32>,
}

impl Connection {
    /// The phase now.
    pub(crate) fn phase(self) -> Phase {
        self.phase.try_get().unwrap_or(Phase::Connecting)
    }

    /// The latest revision that the page knows everything up to.
    pub(crate) fn revision(self) -> Option<i64> {
        self.revision.try_get().flatten()
    }

    /// For the live client.
    pub(crate) fn set_phase(self, phase: Phase) {
        if self.phase.try_get_untracked() != Some(phase) {
            self.phase.try_set(phase);
        }
    }

    /// For the live client: a revision was seen. An older one changes nothing.
    pub(crate) fn advance_to(self, revision: i64) {
        if self
            .revision
            .try_get_untracked()
            .is_some_and(|known| known.is_none_or(|known| known < revision))
        {
            self.revision.try_set(Some(revision));
        }
    }

    /// For the live client: another cluster or restored data, so the revision may go back.
    pub(crate) fn reset(self, revision: i64) {
        self.revision.try_set(Some(revision));
    }

    /// Counts "Try again" pressed; the live client reconnects at once when it changes.
    pub(crate) fn retries(self) -> u32 {
        self.retry.try_get().unwrap_or_default()
    }

    /// Somebody pressed "Try again".
    pub(crate) fn retry(self) {
        self.retry.update(|presses| *presses += 1);
    }
}

/// The connection.
pub(crate) fn use_connection() -> Connection {
    expect_context()
}

pub(super) fn provide() {
    provide_context(Connection {
        phase: RwSignal::new(Phase::Connecting),
        revision: RwSignal::new(None),
        retry: RwSignal::new(0),
    });
}
