//! What the account and the gateway allow on this page.

use leptos::prelude::*;
use shared::SelfResponse;

use super::text::Text;
use crate::api::{self, ApiError};
use crate::i18n::{I18n, use_i18n};

/// Why the cluster cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Denied {
    ReadOnly,
    RootOnly,
}

/// What is allowed. What is not known to be refused is not disabled.
#[derive(Clone, Copy)]
pub(super) struct Permission {
    user: RwSignal<Option<SelfResponse>>,
    read_only: RwSignal<bool>,
    i18n: I18n,
}

impl Permission {
    pub(super) fn load() -> Self {
        let permission = Self {
            user: RwSignal::new(None),
            read_only: RwSignal::new(false),
            i18n: use_i18n(),
        };
        leptos::task::spawn_local_scoped_with_cancellation(async move {
            if let Ok(user) = api::auth::current_user().await {
                permission.user.try_set(Some(user));
            }
        });
        permission
    }

    /// Learns from a refusal.
    pub(super) fn observe(self, error: &ApiError) {
        let refused = error.problem().map(|problem| problem.code);
        if refused == Some(shared::Code::ReadOnly) {
            self.read_only.try_set(true);
        }
    }

    fn denied(self) -> Option<Denied> {
        let root = |user: &Option<SelfResponse>| {
            user.as_ref().is_none_or(|user| user.root || !user.enabled)
        };
        match (self.read_only.get(), self.user.with(root)) {
            (true, _) => Some(Denied::ReadOnly),
            (false, false) => Some(Denied::RootOnly),
            (false, true) => None,
        }
    }

    /// Why nothing can be changed, in short: a control's tooltip.
    pub(super) fn reason(self) -> Option<String> {
        let text = match self.denied()? {
            Denied::ReadOnly => Text::ReadOnly,
            Denied::RootOnly => Text::RootOnly,
        };
        Some(self.i18n.t(text).to_owned())
    }

    /// Why what reads every key cannot be done: the account's rights only.
    pub(super) fn reading_reason(self) -> Option<String> {
        (self.denied()? == Denied::RootOnly).then(|| self.i18n.t(Text::RootOnly).to_owned())
    }

    /// Why nothing can be changed, in full.
    pub(super) fn explanation(self) -> Option<String> {
        Some(match self.denied()? {
            Denied::ReadOnly => self.i18n.t(Text::ReadOnlyPage).to_owned(),
            Denied::RootOnly => {
                let name = self.user.with(|user| user.as_ref()?.name.clone());
                self.i18n
                    .fill_name(name, Text::RootOnlyPage, Text::RootOnlyPageNameless)
            }
        })
    }
}
