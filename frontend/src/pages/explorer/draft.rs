//! A draft: what is being written, what it began from, and how it is saved.

use leptos::prelude::*;
use shared::{Bytes, Entry};

use super::drafts::{Drafts, Kept, use_drafts};
use super::key::Followed;
use super::text::Text;
use crate::api::kv::{Demand, LeaseChoice};
use crate::api::{self, ApiError};
use crate::i18n::use_i18n;
use crate::model::command::{Deed, KeptLease};
use crate::model::format;
use crate::model::value::{BadDraft, LineEnds, Script, line_ends, read, scripts, write};
use crate::state::{Scope, Tone, use_toasts};

/// Where the editing stands.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Writing,
    Reviewing,
    /// Somebody was faster: what is there now, nothing if it was deleted.
    Conflict(Option<Entry>),
}

/// A draft and what it began from.
#[derive(Clone, Copy)]
pub(crate) struct Draft {
    pub(crate) followed: Followed,
    /// The entry that the draft is to replace.
    pub(crate) base: RwSignal<Entry>,
    pub(crate) step: RwSignal<Step>,
    pub(crate) saving: RwSignal<bool>,
    pub(super) script: RwSignal<Script>,
    pub(super) text: RwSignal<String>,
    pub(super) lease: RwSignal<String>,
    pub(super) error: RwSignal<Option<ApiError>>,
    drafts: Drafts,
    scope: Scope,
}

/// The lease stays.
pub(super) const KEEP: &str = "keep";
/// The lease goes.
pub(super) const DROP: &str = "drop";

impl Draft {
    pub(super) fn new(followed: Followed, base: Entry, kept: Option<Kept>) -> Self {
        let kept = kept.unwrap_or_else(|| {
            let value = base.value.clone().unwrap_or_default();
            let script = scripts(&value.0)[0];
            Kept {
                text: write(&value.0, script),
                script,
                base,
            }
        });
        Self {
            followed,
            text: RwSignal::new(kept.text),
            base: RwSignal::new(kept.base),
            step: RwSignal::new(Step::Writing),
            saving: RwSignal::new(false),
            script: RwSignal::new(kept.script),
            lease: RwSignal::new(KEEP.to_owned()),
            error: RwSignal::new(None),
            drafts: use_drafts(),
            scope: Scope::here(),
        }
    }

    /// Keeps what is written until it is saved or given up.
    pub(super) fn keep(self) {
        Effect::new(move |_| {
            let kept = Kept {
                base: self.base.get(),
                script: self.script.get(),
                text: self.text.get(),
            };
            let unchanged = self.value().is_ok_and(|value| value == self.base_value());
            let key = self.followed.key.get_value();
            if unchanged {
                self.drafts.forget(&key);
            } else {
                self.drafts.keep(key, kept);
            }
        });
    }

    /// Ends the editing.
    pub(crate) fn end(self) {
        self.drafts.forget(&self.followed.key.get_value());
        self.followed.editing.try_set(false);
        self.followed.load();
    }

    /// The value it began from.
    pub(crate) fn base_value(self) -> Vec<u8> {
        self.base
            .with(|base| base.value.clone().unwrap_or_default().0)
    }

    pub(super) fn ends(self) -> LineEnds {
        self.base.with(|base| {
            base.value
                .as_ref()
                .and_then(Bytes::as_str)
                .map_or(LineEnds::Lf, line_ends)
        })
    }

    /// The bytes that are written down.
    pub(crate) fn value(self) -> Result<Vec<u8>, BadDraft> {
        read(&self.text.read(), self.script.get(), self.ends())
    }

    /// Writes the same bytes another way.
    pub(super) fn rewrite(self, script: Script) {
        if let Ok(value) = untrack(|| self.value()) {
            self.text.set(write(&value, script));
            self.script.set(script);
        }
    }

    pub(super) fn lease_choice(self) -> LeaseChoice {
        if self.lease.get() == DROP {
            LeaseChoice::Drop
        } else {
            LeaseChoice::Keep
        }
    }

    pub(super) fn deed(self) -> Option<Deed> {
        let value = self.value().ok()?;
        let lease = if self.lease_choice() == LeaseChoice::Drop {
            KeptLease::Drop
        } else {
            KeptLease::Keep
        };
        let key = self.followed.key.get_value().to_vec();
        Some(Deed::Replace {
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

    /// Saves the draft if the key is as demanded.
    pub(crate) fn save(self, demand: Demand) {
        let draft = self.draft;
        let Ok(value) = untrack(|| draft.value()) else {
            return;
        };
        let lease = match demand {
            Demand::Absent => LeaseChoice::Keep,
            Demand::Revision(_) => untrack(|| draft.lease_choice()),
        };
        let key = draft.followed.key.get_value();
        draft.saving.set(true);
        draft.error.set(None);
        draft.scope.spawn(async move {
            let answer = api::kv::put(&key, &value, lease, demand).await;
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
