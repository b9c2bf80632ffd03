//! A draft: what is being written, what it began from, and how it is saved.

use std::time::Duration;

use leptos::prelude::*;
use shared::Entry;

use super::drafts::{Drafts, Kept, use_drafts};
use super::key::Followed;
use super::text::Text;
use crate::api::kv::{LeaseChoice, Precondition};
use crate::api::{self, ApiError};
use crate::i18n::use_i18n;
use crate::model::command::{KeptLease, KeyCommand};
use crate::model::edit::{Edited, LineEnds, WindowLines};
use crate::model::format;
use crate::model::value::{DecodeError, Encoding, editable_encodings};
use crate::state::{Scope, Tone, use_toasts};

/// Where the editing stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Writing,
    Reviewing,
    /// Somebody was faster: what is there now, nothing if it was deleted.
    Conflict(Option<Entry>),
}

/// A large draft is checked once nothing was typed for so long.
const PAUSE: Duration = Duration::from_millis(200);

/// A draft and what it began from.
#[derive(Clone, Copy)]
pub(crate) struct Draft {
    pub(crate) followed: Followed,
    /// The entry that the draft is to replace.
    pub(crate) base: RwSignal<Entry>,
    pub(crate) step: RwSignal<Step>,
    pub(crate) saving: RwSignal<bool>,
    pub(super) lease: RwSignal<String>,
    pub(super) error: RwSignal<Option<ApiError>>,
    /// The line that the text area shows once it is refilled. It keeps its own value while somebody
    /// types: filling it would cost time and the browser's undo.
    pub(super) filled: RwSignal<usize>,
    edited: StoredValue<Edited>,
    /// Counts the changes of `edited` that have been looked at.
    settled: RwSignal<u64>,
    changes: StoredValue<u64>,
    ended: StoredValue<bool>,
    drafts: Drafts,
    scope: Scope,
}

/// What may be said of a draft.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Checked {
    pub(super) error: Option<DecodeError>,
    /// Bytes of the value.
    pub(super) size: Option<usize>,
    /// It differs from the value that it began from.
    pub(super) changed: bool,
    pub(super) ends: LineEnds,
    /// The ways it can be written.
    pub(super) encodings: Vec<Encoding>,
    pub(super) window: Option<WindowLines>,
}

/// The lease stays.
pub(super) const KEEP: &str = "keep";
/// The lease goes.
pub(super) const DROP: &str = "drop";

impl Draft {
    pub(super) fn new(followed: Followed, base: Entry, kept: Option<Kept>) -> Self {
        let (base, edited) = if let Some(kept) = kept {
            (kept.base, Edited::from_text(&kept.text, kept.encoding))
        } else {
            let value = base.value.clone().unwrap_or_default();
            let encoding = editable_encodings(&value.0)[0];
            (base, Edited::new(&value.0, encoding))
        };
        Self {
            followed,
            base: RwSignal::new(base),
            step: RwSignal::new(Step::Writing),
            saving: RwSignal::new(false),
            lease: RwSignal::new(KEEP.to_owned()),
            error: RwSignal::new(None),
            filled: RwSignal::new(1),
            edited: StoredValue::new(edited),
            settled: RwSignal::new(0),
            changes: StoredValue::new(0),
            ended: StoredValue::new(false),
            drafts: use_drafts(),
            scope: Scope::here(),
        }
    }

    /// Keeps what is written until it is saved or given up.
    pub(super) fn keep(self) {
        Effect::new(move |_| {
            self.settled.track();
            self.base.track();
            self.keep_now();
        });
        // What was typed last may not have settled when the view goes.
        on_cleanup(move || self.keep_now());
    }

    fn keep_now(self) {
        if self.ended.try_get_value() != Some(false) {
            return;
        }
        let Some(base) = self.base.try_get_untracked() else {
            return;
        };
        let value = base.value.as_ref().map_or(&[][..], |value| &value.0);
        let Some(kept) = self.edited.try_with_value(|edited| {
            let unchanged = edited.value().is_ok_and(|edited| edited == value);
            (!unchanged).then(|| Kept {
                base: base.clone(),
                encoding: edited.encoding(),
                text: edited.text(),
            })
        }) else {
            return;
        };
        let Some(key) = self.followed.key.try_get_value() else {
            return;
        };
        match kept {
            Some(kept) => self.drafts.keep(key, kept),
            None => self.drafts.forget(&key),
        }
    }

    /// Ends the editing.
    pub(crate) fn end(self) {
        self.ended.try_update_value(|ended| *ended = true);
        self.drafts.forget(&self.followed.key.get_value());
        self.followed.editing.try_set(false);
        self.followed.load();
    }

    /// The value it began from.
    pub(crate) fn base_value(self) -> Vec<u8> {
        self.base
            .with(|base| base.value.clone().unwrap_or_default().0)
    }

    /// The bytes that are written, as of now: not followed.
    pub(crate) fn value(self) -> Result<Vec<u8>, DecodeError> {
        self.edited.with_value(Edited::value)
    }

    /// What the text area is to hold, and its caret at a line.
    pub(super) fn fill(self, line: usize) -> (String, usize) {
        self.edited.with_value(|edited| {
            let text = edited.text_area();
            (text.shown().to_owned(), text.caret_of_line(line))
        })
    }

    /// The text area was changed: its value now, the end of its selection in UTF-16 units, and whether
    /// that was by undo or redo.
    pub(super) fn input(self, value: &str, caret: Option<usize>, restores: bool) {
        let refill = self
            .edited
            .try_update_value(|edited| edited.text_area_mut().input(value, caret, restores));
        if let Some(Some(line)) = refill {
            self.filled.set(line);
        }
        self.settle();
    }

    /// Shows the lines around another line of a long text.
    pub(super) fn show_line(self, line: usize) {
        self.edited
            .update_value(|edited| edited.text_area_mut().show_line(line));
        self.filled.set(line);
        self.settle();
    }

    /// Checks what was written: at once where that is quick, else after a pause.
    fn settle(self) {
        self.changes.update_value(|changes| *changes += 1);
        let changes = self.changes.get_value();
        if self.edited.with_value(Edited::is_large) {
            let settle = move || {
                if self.changes.try_get_value() == Some(changes) {
                    self.settled.try_set(changes);
                }
            };
            set_timeout(settle, PAUSE);
        } else {
            self.settled.set(changes);
        }
    }

    /// What is to be said of what is written; follows it.
    pub(super) fn check(self) -> Checked {
        self.settled.track();
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

    /// How it is written; follows it.
    pub(super) fn encoding(self) -> Encoding {
        self.settled.track();
        self.edited.with_value(Edited::encoding)
    }

    /// Writes the same bytes another way.
    pub(super) fn rewrite(self, encoding: Encoding) {
        if let Ok(value) = self.value() {
            self.edited.set_value(Edited::new(&value, encoding));
            self.filled.set(1);
            self.settle();
        }
    }

    pub(super) fn lease_choice(self) -> LeaseChoice {
        if self.lease.get() == DROP {
            LeaseChoice::Drop
        } else {
            LeaseChoice::Keep
        }
    }

    pub(super) fn deed(self) -> Option<KeyCommand> {
        let value = self.value().ok()?;
        let lease = if self.lease_choice() == LeaseChoice::Drop {
            KeptLease::Drop
        } else {
            KeptLease::Keep
        };
        let key = self.followed.key.get_value().to_vec();
        Some(KeyCommand::Replace {
            key,
            value,
            revision: self.base.with(|base| base.mod_revision),
            lease,
        })
    }
}

/// What a save needs from its view: toasts and language.
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
        let key = draft.followed.key.get_value();
        draft.saving.set(true);
        draft.error.set(None);
        draft.scope.spawn(async move {
            let answer = api::kv::put(&key, &value, lease, precondition).await;
            draft.saving.try_set(false);
            match answer {
                Ok(answer) => {
                    let revision = answer.mod_revision.unwrap_or(answer.header.revision);
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
                        draft.step.try_set(Step::Conflict(current));
                    }
                    None => {
                        draft.error.try_set(Some(error));
                    }
                },
            }
        });
    }
}
