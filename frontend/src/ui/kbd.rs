//! A key of the keyboard.

use leptos::prelude::*;

/// Shows a key or a chord: `Ctrl K`.
#[component]
pub(crate) fn Kbd(keys: &'static str) -> impl IntoView {
    view! { <kbd class="kbd">{keys}</kbd> }
}
