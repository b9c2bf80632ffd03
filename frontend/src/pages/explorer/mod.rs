//! The Explorer.

use leptos::prelude::*;

/// The page.
#[component]
pub(crate) fn Explorer() -> impl IntoView {
    view! { <p></p> }
}
