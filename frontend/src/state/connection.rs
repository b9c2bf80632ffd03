//! Whether the page is connected, and at which revision. The live client writes it, the shell displays it.

use leptos::prelude::*;

/// The state of the app's one socket.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Phase {
    /// Has not been open yet.
    Connecting,
    /// Open.
    Live,
    /// Disconnected after having been open; `since` is in milliseconds since 1970.
    Lost { since: f64 },
}

/// The connection, as shown to the user.
#[derive(Clone, Copy)]
pub(crate) struct Connection {
    phase: RwSignal<Phase>,
    revision: RwSignal<Option<i64>>,
    retry: RwSignal<u32>,
    restart: RwSignal<u32>,
    wanted: RwSignal<bool>,
}

impl Connection {
    /// The current phase.
    pub(crate) fn phase(self) -> Phase {
        self.phase.try_get().unwrap_or(Phase::Connecting)
    }

    /// The revision up to which the page has received everything.
    pub(crate) fn revision(self) -> Option<i64> {
        self.revision.try_get().flatten()
    }

    /// For the live client.
    pub(crate) fn set_phase(self, phase: Phase) {
        if self.phase.try_get_untracked() != Some(phase) {
            self.phase.try_set(phase);
        }
    }

    /// For the live client: a revision was received. An older one is ignored.
    pub(crate) fn advance_to(self, revision: i64) {
        if self
            .revision
            .try_get_untracked()
            .is_some_and(|known| known.is_none_or(|known| known < revision))
        {
            self.revision.try_set(Some(revision));
        }
    }

    /// For the live client: another cluster or restored data, so the revision may decrease.
    pub(crate) fn reset(self, revision: i64) {
        self.revision.try_set(Some(revision));
    }

    /// How often "Try again" was pressed; the live client reconnects immediately when it changes.
    pub(crate) fn retries(self) -> u32 {
        self.retry.try_get().unwrap_or_default()
    }

    /// How often the connection was to be replaced; the live client does so when it changes.
    pub(crate) fn restarts(self) -> u32 {
        self.restart.try_get().unwrap_or_default()
    }

    /// Replaces the connection, which belongs to the account that opened it.
    pub(crate) fn restart(self) {
        self.restart.try_update(|times| *times += 1);
    }

    /// Whether there should be a connection.
    pub(crate) fn is_wanted(self) -> bool {
        self.wanted.try_get().unwrap_or(true)
    }

    /// Closes the connection, or opens it again.
    pub(crate) fn set_wanted(self, wanted: bool) {
        if self.wanted.try_get_untracked() != Some(wanted) {
            self.wanted.try_set(wanted);
        }
    }

    /// "Try again" was pressed.
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
        restart: RwSignal::new(0),
        wanted: RwSignal::new(true),
    });
}
