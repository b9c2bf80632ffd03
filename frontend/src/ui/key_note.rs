//! How a typed key is read, where that could be misunderstood.

use leptos::prelude::*;

use crate::i18n::{Common, use_i18n};
use crate::model::key_text;

/// A note below a field for a key: why its text is not a key, or which key it is read as where
/// escapes, blanks or invisible characters could hide that.
#[component]
pub(crate) fn KeyNote(
    #[prop(into)] text: Signal<String>,
    /// For a filter: a part of a key cannot be created by mistake.
    #[prop(optional)]
    errors_only: bool,
) -> impl IntoView {
    let i18n = use_i18n();
    let bad = Memo::new(move |_| text.with(|text| key_text::parse(text).err()));
    let reading = Memo::new(move |_| {
        text.with(|text| key_text::reading(text))
            .filter(|_| !errors_only)
    });
    let message = move || match bad.get() {
        Some(bad) => Some(i18n.fill(Common::BadEscape, &[&key_text::isolate(&bad.found)])),
        None => reading
            .get()
            .map(|key| i18n.fill(Common::ReadAs, &[&key_text::isolate(&key)])),
    };
    view! {
        <p class="key-note" class:is-bad=move || bad.with(Option::is_some) role="status">{message}</p>
    }
}
