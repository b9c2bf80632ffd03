//! What the account and the gateway allow on this page.

use super::text::Text;
use crate::api::{ApiError, ErrorKind};
use crate::i18n::{I18n, use_i18n};
use crate::state::account::{Account, Denied};
use crate::state::use_account;

/// What is allowed. What is not known to be refused is not disabled.
#[derive(Clone, Copy)]
pub(super) struct Permission {
    account: Account,
    i18n: I18n,
}

impl Permission {
    pub(super) fn here() -> Self {
        Self {
            account: use_account(),
            i18n: use_i18n(),
        }
    }

    /// A refusal may mean that the account has changed.
    pub(super) fn observe(self, error: &ApiError) {
        if error.kind() == ErrorKind::Forbidden {
            self.account.refresh_now();
        }
    }

    /// Why nothing can be changed, in short: a control's tooltip.
    pub(super) fn reason(self) -> Option<String> {
        let denied = self.account.administration_denied()?;
        Some(self.account.reason(denied, self.i18n))
    }

    /// Why what reads every key cannot be done: the account's rights only.
    pub(super) fn reading_reason(self) -> Option<String> {
        (!self.account.is_root()).then(|| self.account.reason(Denied::RootOnly, self.i18n))
    }

    /// Why nothing can be changed, in full.
    pub(super) fn explanation(self) -> Option<String> {
        Some(match self.account.administration_denied()? {
            Denied::ReadOnly => self.i18n.t(Text::ReadOnlyPage).to_owned(),
            Denied::NotGranted | Denied::RootOnly => self.i18n.fill_name(
                self.account.name(),
                Text::RootOnlyPage,
                Text::RootOnlyPageNameless,
            ),
        })
    }
}
