//! A draft: the edited value, the entry it is based on, and how it is saved.

use std::time::Duration;

use leptos::prelude::*;
use shared::Entry;

use super::live_key::LiveKey;
use super::text::Text;
use crate::api::kv::{LeaseChoice, Precondition};
use crate::api::{self, ApiError};
use crate::i18n::use_i18n;
use crate::model::command::{KeyCommand, LeaseAction};
use crate::model::edit::{Change, Edited, LineEnds, WindowLines};
use crate::model::format;
use crate::model::value::{DecodeError, Encoding, editable_encodings};
use crate::state::drafts::{Drafts, StoredDraft};
use crate::state::{Scope, Tone, use_drafts, use_toasts};

/// The stage of the edit.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Stage {
    Writing,
    Reviewing,
    /// Someone else changed the key first: its current entry, or `None` if it was deleted.
    Conflict(Option<Entry>),
}

/// A large draft is checked after this long without typing.
const CHECK_DELAY: Duration = Duration::from_millis(200);

/// A draft and the entry it is based on.
#[derive(Clone, Copy)]
pub(crate) struct Draft {
    pub(crate) live_key: LiveKey,
    /// The entry that the draft is to replace.
    pub(crate) base: RwSignal<Entry>,
    pub(crate) stage: RwSignal<Stage>,
    pub(crate) saving: RwSignal<bool>,
    pub(super) lease: RwSignal<String>,
    pub(super) error: RwSignal<Option<ApiError>>,
    /// The line to show when the text area is refilled. The text area keeps its own value during
    /// typing: filling it would cost time and the browser's undo history.
    pub(super) refill_at: RwSignal<usize>,
    edited: StoredValue<Edited>,
    /// Counts the changes of `edited` that have been checked.
    checked_changes: RwSignal<u64>,
    changes: StoredValue<u64>,
    ended: StoredValue<bool>,
    drafts: Drafts,
    scope: Scope,
}

/// The result of checking a draft.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Checked {
    pub(super) error: Option<DecodeError>,
    /// Size of the value in bytes.
    pub(super) size: Option<usize>,
    /// Differs from the base value.
    pub(super) changed: bool,
    pub(super) ends: LineEnds,
    /// The encodings it can be edited in.
    pub(super) encodings: Vec<Encoding>,
    pub(super) window: Option<WindowLines>,
}

/// Keep the lease.
pub(super) const KEEP: &str = "keep";
/// Detach from the lease.
pub(super) const DROP: &str = "drop";

impl Draft {
    pub(super) fn new(live_key: LiveKey, base: Entry, stored: Option<StoredDraft>) -> Self {
        let (base, edited) = if let Some(stored) = stored {
            (
                stored.base,
                Edited::from_text(&stored.text, stored.encoding),
            )
        } else {
            let value = base.value.clone().unwrap_or_default();
            let encoding = editable_encodings(&value.0)[0];
            (base, Edited::new(&value.0, encoding))
        };
        Self {
            live_key,
            base: RwSignal::new(base),
            stage: RwSignal::new(Stage::Writing),
            saving: RwSignal::new(false),
            lease: RwSignal::new(KEEP.to_owned()),
            error: RwSignal::new(None),
            refill_at: RwSignal::new(1),
            edited: StoredValue::new(edited),
            checked_changes: RwSignal::new(0),
            changes: StoredValue::new(0),
            ended: StoredValue::new(false),
            drafts: use_drafts(),
            scope: Scope::here(),
        }
    }

    /// Keeps the draft in the store until it is saved or discarded.
    pub(super) fn store_changes(self) {
        Effect::new(move |_| {
            self.checked_changes.track();
            self.base.track();
            self.store_now();
        });
        // The last input may not have been checked when the view is removed.
        on_cleanup(move || self.store_now());
    }

    fn store_now(self) {
        if self.ended.try_get_value() != Some(false) {
            return;
        }
        let Some(base) = self.base.try_get_untracked() else {
            return;
        };
        let value = base.value.as_ref().map_or(&[][..], |value| &value.0);
        let Some(stored) = self.edited.try_with_value(|edited| {
            let unchanged = edited.value().is_ok_and(|edited| edited == value);
            (!unchanged).then(|| StoredDraft {
                base: base.clone(),
                encoding: edited.encoding(),
                text: edited.text(),
            })
        }) else {
            return;
        };
        let Some(key) = self.live_key.key.try_get_value() else {
            return;
        };
        match stored {
            Some(stored) => self.drafts.put(key, stored),
            None => self.drafts.remove(&key),
        }
    }

    /// Ends the edit.
    pub(crate) fn end(self) {
        self.ended.try_update_value(|ended| *ended = true);
        self.drafts.remove(&self.live_key.key.get_value());
        self.live_key.editing.try_set(false);
        self.live_key.load();
    }

    /// The value of the base entry.
    pub(crate) fn base_value(self) -> Vec<u8> {
        self.base
            .with(|base| base.value.clone().unwrap_or_default().0)
    }

    /// The edited bytes at this moment; not tracked.
    pub(crate) fn value(self) -> Result<Vec<u8>, DecodeError> {
        self.edited.with_value(Edited::value)
    }

    /// The text for the text area, and its caret for a line.
    pub(super) fn fill(self, line: usize) -> (String, usize) {
        self.edited.with_value(|edited| {
            let text = edited.text_area();
            (text.window_text().to_owned(), text.caret_of_line(line))
        })
    }

    /// The text area changed: its value, the end of its selection in UTF-16 units, and how.
    pub(super) fn input(self, value: &str, caret: Option<usize>, change: Change<'_>) {
        let refill = self
            .edited
            .try_update_value(|edited| edited.text_area_mut().input(value, caret, change));
        if let Some(Some(line)) = refill {
            self.refill_at.set(line);
        }
        self.schedule_check();
    }

    /// Moves the window of a long text to another line.
    pub(super) fn show_line(self, line: usize) {
        self.edited
            .update_value(|edited| edited.text_area_mut().show_line(line));
        self.refill_at.set(line);
        self.schedule_check();
    }

    /// Checks the draft: at once if it is small, else after a pause.
    fn schedule_check(self) {
        self.changes.update_value(|changes| *changes += 1);
        let changes = self.changes.get_value();
        if self.edited.with_value(Edited::is_large) {
            let mark_checked = move || {
                if self.changes.try_get_value() == Some(changes) {
                    self.checked_changes.try_set(changes);
                }
            };
            set_timeout(mark_checked, CHECK_DELAY);
        } else {
            self.checked_changes.set(changes);
        }
    }

    /// The result of checking the draft; tracked.
    pub(super) fn check(self) -> Checked {
        self.checked_changes.track();
        self.base.track();
        let value = self.value();
        let base = self.base.read();
        let base = base.value.as_ref().map_or(&[][..], |value| &value.0);
        self.edited.with_value(|edited| Checked {
            error: value.as_ref().err().copied(),
            size: value.as_ref().ok().map(Vec::len),
            changed: value.as_ref().is_ok_and(|value| value != base),
            ends: edited.text_area().ends(),
            encodings: editable_encodings(value.as_deref().unwrap_or(base)),
            window: edited.text_area().window_lines(),
        })
    }

    /// The encoding in use; tracked.
    pub(super) fn encoding(self) -> Encoding {
        self.checked_changes.track();
        self.edited.with_value(Edited::encoding)
    }

    /// Shows the same bytes in another encoding.
    pub(super) fn rewrite(self, encoding: Encoding) {
        if let Ok(value) = self.value() {
            self.edited.set_value(Edited::new(&value, encoding));
            self.refill_at.set(1);
            self.schedule_check();
        }
    }

    pub(super) fn lease_choice(self) -> LeaseChoice {
        if self.lease.get() == DROP {
            LeaseChoice::Drop
        } else {
            LeaseChoice::Keep
        }
    }

    pub(super) fn command(self) -> Option<KeyCommand> {
        let value = self.value().ok()?;
        let lease = if self.lease_choice() == LeaseChoice::Drop {
            LeaseAction::Drop
        } else {
            LeaseAction::Keep
        };
        let key = self.live_key.key.get_value().to_vec();
        Some(KeyCommand::Replace {
            key,
            value,
            revision: self.base.with(|base| base.mod_revision),
            lease,
        })
    }
}

/// The context that saving needs from its view: toasts and language.
#[derive(Clone, Copy)]
pub(crate) struct Saver {
    draft: Draft,
    toasts: crate::state::toasts::Toasts,
    i18n: crate::i18n::I18n,
}

impl Saver {
    /// The saver of a draft, in the component being built.
    pub(super) fn of(draft: Draft) -> Self {
        Self {
            draft,
            toasts: use_toasts(),
            i18n: use_i18n(),
        }
    }

    /// Saves the draft if the precondition holds.
    pub(crate) fn save(self, precondition: Precondition) {
        let draft = self.draft;
        let Ok(value) = draft.value() else {
            return;
        };
        let lease = match precondition {
            Precondition::Absent => LeaseChoice::Keep,
            Precondition::Revision(_) => untrack(|| draft.lease_choice()),
        };
        let key = draft.live_key.key.get_value();
        draft.saving.set(true);
        draft.error.set(None);
        draft.scope.spawn(async move {
            let response = api::kv::put(&key, &value, lease, precondition).await;
            draft.saving.try_set(false);
            match response {
                Ok(response) => {
                    let revision = response.mod_revision.unwrap_or(response.header.revision);
                    let text = self.i18n.fill(
                        Text::SavedAt,
                        &[
                            &crate::model::key_text::in_sentence(&key),
                            &format::count(revision),
                        ],
                    );
                    self.toasts.show(Tone::Good, text);
                    draft.end();
                }
                Err(error) => match error.problem().and_then(|problem| problem.current.clone()) {
                    Some(current) => {
                        draft.stage.try_set(Stage::Conflict(current));
                    }
                    None => {
                        draft.error.try_set(Some(error));
                    }
                },
            }
        });
    }
}
