//! Fields: a line of text, a filter, a choice.

use leptos::html;
use leptos::prelude::*;

use super::icon::{Glyph, Icon};
use super::kbd::Kbd;

/// A labelled line of text. `error` stands below it and is announced.
#[component]
pub(crate) fn TextField(
    #[prop(into)] label: Signal<String>,
    value: RwSignal<String>,
    #[prop(optional, into)] placeholder: MaybeProp<String>,
    #[prop(optional, into)] error: MaybeProp<String>,
    /// Keys, values and ids are shown in mono.
    #[prop(optional)]
    mono: bool,
    #[prop(optional, into)] disabled: Signal<bool>,
    /// For what is said elsewhere than in `error`.
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

/// A filter: narrows what is shown below it as one types; Escape empties it.
#[component]
pub(crate) fn SearchField(
    #[prop(into)] label: Signal<String>,
    value: RwSignal<String>,
    #[prop(optional)] icon: Option<Icon>,
    /// The key that focuses it, shown while it is empty.
    #[prop(optional)]
    hint: Option<&'static str>,
    #[prop(optional)] node_ref: NodeRef<html::Input>,
    /// Enter and the arrows, for whoever moves a selection below.
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

/// A labelled choice of a few, by the system's own menu. `options` are values with what they show.
#[component]
pub(crate) fn SelectField(
    #[prop(into)] label: Signal<String>,
    value: RwSignal<String>,
    #[prop(into)] options: Signal<Vec<(&'static str, String)>>,
    /// Without the label above it, which then is only announced.
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
