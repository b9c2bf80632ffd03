//! Access: users, roles and permissions.

use leptos::prelude::*;

use crate::i18n::{Common, tr};

/// The page.
#[component]
pub(crate) fn Access() -> impl IntoView {
    view! {
        <h1 class="visually-hidden">{tr(Common::Access)}</h1>
    }
}
