//! A setting that is on or off.

use leptos::prelude::*;

/// A checkbox with its label.
#[component]
pub(crate) fn CheckField(
    #[prop(into)] label: Signal<String>,
    value: RwSignal<bool>,
    #[prop(optional, into)] disabled: Signal<bool>,
) -> impl IntoView {
    view! {
        <label class="check-field">
            <input
                type="checkbox"
                prop:checked=move || value.get()
                disabled=move || disabled.get()
                on:change=move |event| value.set(event_target_checked(&event))
            />
            <span>{move || label.get()}</span>
        </label>
    }
}
