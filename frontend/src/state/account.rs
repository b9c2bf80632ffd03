//! The user that the page acts as: the gateway's account, as long as there is no sign-in. Its permissions decide
//! what the pages can show, and what they say about the rest.

use std::time::Duration;

use gloo_timers::future::sleep;
use leptos::prelude::*;
use leptos::task::spawn_local_scoped_with_cancellation;
use shared::{Bytes, SelfResponse};

use super::connection::{Phase, use_connection};
use crate::api::{self, ErrorKind};

/// The delay after a response, and after an error.
const REFRESH_INTERVAL: Duration = Duration::from_mins(1);
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// The account, as of the gateway's last response.
#[derive(Clone, Copy)]
pub(crate) struct Account {
    user: RwSignal<Option<SelfResponse>>,
    needs_credentials: RwSignal<bool>,
}

impl Account {
    /// Whether the gateway requires credentials, which the page has no way to provide.
    pub(crate) fn needs_credentials(self) -> bool {
        self.needs_credentials.try_get().unwrap_or_default()
    }

    /// Whether the account is known to lack permission to read some keys.
    pub(crate) fn is_limited(self) -> bool {
        let limited = |user: &Option<SelfResponse>| user.as_ref().is_some_and(is_limited);
        self.user.try_with(limited).unwrap_or_default()
    }

    /// The account's name, if known.
    pub(crate) fn name(self) -> Option<String> {
        let name = |user: &Option<SelfResponse>| user.as_ref()?.name.clone();
        self.user.try_with(name).flatten()
    }

    async fn refresh(self) -> Duration {
        match api::auth::current_user().await {
            Ok(user) => {
                self.user.try_set(Some(user));
                self.set_needs_credentials(false);
                REFRESH_INTERVAL
            }
            Err(error) => {
                self.set_needs_credentials(error.kind() == ErrorKind::Unauthenticated);
                RETRY_INTERVAL
            }
        }
    }

    fn set_needs_credentials(self, needs_credentials: bool) {
        if self.needs_credentials.try_get_untracked() != Some(needs_credentials) {
            self.needs_credentials.try_set(needs_credentials);
        }
    }
}

fn is_limited(user: &SelfResponse) -> bool {
    let all = |range: &shared::RangeSpec| range.prefix == Some(Bytes::default());
    user.enabled && !user.read.iter().flatten().any(all)
}

/// The account.
pub(crate) fn use_account() -> Account {
    expect_context()
}

pub(super) fn provide() {
    let account = Account {
        user: RwSignal::new(None),
        needs_credentials: RwSignal::new(false),
    };
    provide_context(account);
    spawn_local_scoped_with_cancellation(async move {
        loop {
            let delay = account.refresh().await;
            sleep(delay).await;
        }
    });
    // Browsers do not report why a socket was needs_credentials; a plain request does.
    let connection = use_connection();
    Effect::new(move |_| {
        if matches!(connection.phase(), Phase::Lost { .. }) {
            spawn_local_scoped_with_cancellation(async move {
                account.refresh().await;
            });
        }
    });
}
