//! Transactions: compare, then or else.

use leptos::prelude::*;

use crate::i18n::{Common, tr};

/// The page.
#[component]
pub(crate) fn Transactions() -> impl IntoView {
    view! {
        <h1 class="visually-hidden">{tr(Common::Transactions)}</h1>
    }
}
