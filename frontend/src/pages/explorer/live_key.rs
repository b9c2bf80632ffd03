//! A key kept current: read once, then watched.

use leptos::prelude::*;
use shared::{Bytes, Entry, Event, RangeSpec, WatchRequest};

use crate::api::{self, ApiError};
use crate::live::use_live;
use crate::model::live::WatchUpdate;
use crate::model::tree::Name;
use crate::state::{Phase, Scope, use_connection, use_drafts};

/// The state of a key.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum KeyState {
    /// Not read yet.
    Loading,
    /// Reading it failed.
    Failed(ApiError),
    /// The key exists.
    Present(Entry),
    /// The key does not exist; with its last entry and the revision of its deletion, where the page saw
    /// that.
    Absent { last: Option<(Entry, i64)> },
}

impl KeyState {
    /// The entry, current or last known.
    pub(crate) fn entry(&self) -> Option<&Entry> {
        match self {
            Self::Present(entry)
            | Self::Absent {
                last: Some((entry, _)),
            } => Some(entry),
            _ => None,
        }
    }
}

/// A key that the page reads and watches.
#[derive(Clone, Copy)]
pub(crate) struct LiveKey {
    pub(crate) key: StoredValue<Name>,
    pub(crate) state: RwSignal<KeyState>,
    pub(crate) editing: RwSignal<bool>,
    pub(crate) deleting: RwSignal<bool>,
    scope: Scope,
    watching: StoredValue<bool>,
}

impl LiveKey {
    pub(super) fn new(key: Name) -> Self {
        let has_draft = use_drafts().has(&key);
        let live_key = Self {
            key: StoredValue::new(key),
            state: RwSignal::new(KeyState::Loading),
            editing: RwSignal::new(has_draft),
            deleting: RwSignal::new(false),
            scope: Scope::here(),
            watching: StoredValue::new(false),
        };
        live_key.load();
        // Retries a failed read as soon as the page is live again.
        let connection = use_connection();
        Effect::new(move |_| {
            if connection.phase() == Phase::Live
                && live_key
                    .state
                    .with_untracked(|state| matches!(state, KeyState::Failed(_)))
            {
                live_key.load();
            }
        });
        live_key
    }

    /// Reads the key.
    pub(crate) fn load(self) {
        self.scope.spawn(async move {
            let Some(key) = self.key.try_get_value() else {
                return;
            };
            match api::kv::find(&key).await {
                Ok((revision, Some(entry))) => {
                    self.update(KeyState::Present(entry));
                    self.start_watch(revision + 1);
                }
                Ok((revision, None)) => {
                    self.mark_absent(revision);
                    self.start_watch(revision + 1);
                }
                Err(error) => self.update(KeyState::Failed(error)),
            }
        });
    }

    /// Applies a newer state. A response may be older than an event: it changes nothing then. A
    /// failed read does not replace what is known.
    fn update(self, new: KeyState) {
        let newer = self.state.try_with_untracked(|state| match (state, &new) {
            (KeyState::Present(old), KeyState::Present(new)) => new.mod_revision > old.mod_revision,
            (
                KeyState::Absent {
                    last: Some((_, deleted_at)),
                },
                KeyState::Present(new),
            ) => new.mod_revision > *deleted_at,
            (KeyState::Present(_) | KeyState::Absent { .. }, KeyState::Failed(_)) => false,
            _ => *state != new,
        });
        if newer == Some(true) {
            self.state.try_set(new);
        }
    }

    /// The key was absent at a revision; its last entry stays in view.
    fn mark_absent(self, revision: i64) {
        let last = self.state.try_with_untracked(|state| match state {
            KeyState::Present(entry) if entry.mod_revision <= revision => {
                Some(Some((entry.clone(), revision)))
            }
            KeyState::Present(_) | KeyState::Absent { .. } => None,
            KeyState::Loading | KeyState::Failed(_) => Some(None),
        });
        if let Some(Some(last)) = last {
            self.state.try_set(KeyState::Absent { last });
        }
    }

    /// Watches the key from a revision on, once.
    fn start_watch(self, revision: i64) {
        if self
            .watching
            .try_update_value(|watching| std::mem::replace(watching, true))
            != Some(false)
        {
            return;
        }
        let key = self.key.get_value();
        let request = WatchRequest {
            range: RangeSpec {
                key: Some(Bytes::from(&*key)),
                ..RangeSpec::default()
            },
            revision: Some(revision),
            snapshot: true,
            ..WatchRequest::default()
        };
        self.scope
            .with(|| use_live().watch(request, move |update| self.on_update(update)));
    }

    fn on_update(self, update: WatchUpdate) {
        match update {
            WatchUpdate::Events { events, .. } => {
                for event in events {
                    match event {
                        Event::Put { entry, .. } => self.update(KeyState::Present(entry)),
                        Event::Delete { mod_revision, .. } => self.mark_absent(mod_revision),
                    }
                }
            }
            WatchUpdate::Snapshot {
                entries,
                last: true,
                ..
            } => match entries.into_iter().next() {
                // The data may have been replaced: a snapshot wins over whatever was known.
                Some(entry) => {
                    self.state.try_set(KeyState::Present(entry));
                }
                None => {
                    if !matches!(
                        self.state.try_get_untracked(),
                        Some(KeyState::Absent { .. })
                    ) {
                        self.state.try_set(KeyState::Absent { last: None });
                    }
                }
            },
            _ => {}
        }
    }
}
