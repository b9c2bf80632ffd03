//! Leases: what runs out when, and what that deletes.

use leptos::prelude::*;

use crate::i18n::{Common, tr};

/// The page.
#[component]
pub(crate) fn Leases() -> impl IntoView {
    view! {
        <h1 class="visually-hidden">{tr(Common::Leases)}</h1>
    }
}
