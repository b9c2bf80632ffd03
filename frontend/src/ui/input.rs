//! Fields: a line of text, a filter, a selection list.

use leptos::html;
use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use super::kbd::Kbd;

/// A labelled line of text. `error` is shown below it and announced.
#[component]
pub(crate) fn TextField(
    #[prop(into)] label: Signal<String>,
    value: RwSignal<String>,
    #[prop(optional, into)] placeholder: MaybeProp<String>,
    #[prop(optional, into)] error: MaybeProp<String>,
    /// Monospaced, for keys, values and ids.
    #[prop(optional)]
    mono: bool,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// For errors shown elsewhere than in `error`.
    #[prop(optional, into)]
    invalid: Signal<bool>,
    #[prop(optional)] node_ref: NodeRef<html::Input>,
) -> impl IntoView {
    view! {
        <label class="field">
            <span class="field-label">{move || label.get()}</span>
            <input
                node_ref=node_ref
                class="input"
                class:mono=mono
                type="text"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                placeholder=move || placeholder.get()
                prop:value=move || value.get()
                disabled=move || disabled.get()
                aria-invalid=move || (error.get().is_some() || invalid.get()).then_some("true")
                on:input=move |event| value.set(event_target_value(&event))
            />
            <span class="field-error" role="alert">{move || error.get()}</span>
        </label>
    }
}

/// A filter: narrows what is shown below it during typing; Escape clears it.
#[component]
pub(crate) fn SearchField(
    #[prop(into)] label: Signal<String>,
    value: RwSignal<String>,
    #[prop(optional)] icon: Option<Icon>,
    /// The key that focuses it, shown while it is empty.
    #[prop(optional)]
    hint: Option<&'static str>,
    #[prop(optional)] node_ref: NodeRef<html::Input>,
    /// Receives Enter and the arrow keys, to move a selection below.
    #[prop(optional, into)]
    on_key: Option<Callback<web_sys::KeyboardEvent>>,
) -> impl IntoView {
    let on_keydown = move |event: web_sys::KeyboardEvent| {
        if event.key() == "Escape" && !value.get_untracked().is_empty() {
            event.stop_propagation();
            event.prevent_default();
            value.set(String::new());
        } else if let Some(on_key) = on_key {
            on_key.run(event);
        }
    };
    view! {
        <div class="search">
            <Glyph icon=icon.unwrap_or(Icon::Filter)/>
            <input
                node_ref=node_ref
                class="search-input"
                type="text"
                autocomplete="off"
                autocapitalize="off"
                spellcheck="false"
                aria-label=move || label.get()
                placeholder=move || label.get()
                prop:value=move || value.get()
                on:input=move |event| value.set(event_target_value(&event))
                on:keydown=on_keydown
            />
            {hint.map(|keys| view! { <span class="search-hint" class:is-hidden=move || !value.get().is_empty()><Kbd keys=keys/></span> })}
        </div>
    }
}

/// A labelled selection list, drawn by the system. `options` are values with their texts.
#[component]
pub(crate) fn SelectField(
    #[prop(into)] label: Signal<String>,
    value: RwSignal<String>,
    #[prop(into)] options: Signal<Vec<(&'static str, String)>>,
    /// Hides the label, which is still announced.
    #[prop(optional)]
    bare: bool,
) -> impl IntoView {
    let choices = move || {
        options
            .get()
            .into_iter()
            .map(|(name, text)| view! { <option value=name selected=move || value.get() == name>{text}</option> })
            .collect_view()
    };
    view! {
        <label class="field">
            <span class="field-label" class:visually-hidden=bare>{move || label.get()}</span>
            <span class="select">
                <select prop:value=move || value.get() on:change=move |event| value.set(event_target_value(&event))>
                    {choices}
                </select>
                <Glyph icon=Icon::Down/>
            </span>
        </label>
    }
}
