//! Leads to the sign-in page when a request was refused with 401.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use crate::api::base::{SIGN_IN, page_of};
use crate::pages::links::sign_in_link;
use crate::state::use_account;

/// Follows the account until the app ends.
pub(super) fn follow() {
    let account = use_account();
    let pathname = use_location().pathname;
    let (navigate, sign_in) = (use_navigate(), sign_in_link());
    Effect::new(move |_| {
        let is_sign_in = page_of(&pathname.get()) == SIGN_IN;
        if account.needs_credentials() && !is_sign_in {
            let options = NavigateOptions {
                replace: true,
                ..NavigateOptions::default()
            };
            navigate(&sign_in.get_untracked(), options);
        }
    });
}
