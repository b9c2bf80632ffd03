//! The JSON beside the builder.

use leptos::prelude::*;

use super::store::{JsonFault, use_store, wrong_text};
use super::text::Text;
use crate::i18n::{label, tr, use_i18n};
use crate::model::format;
use crate::model::txn::{Mode, Wrong, WrongAt};
use crate::ui::clipboard::copier;
use crate::ui::{Button, ButtonKind, Icon, When};

/// Faults listed below the JSON.
const MAX_LISTED: usize = 5;

/// The JSON, and what is wrong with it or with the builder.
#[component]
pub(super) fn JsonPane() -> impl IntoView {
    let (i18n, store, copy) = (use_i18n(), use_store(), copier());
    let route = move || {
        let route = match store.mode.get() {
            Mode::Txn => "/txn",
            Mode::Single => "/do",
        };
        i18n.fill(Text::JsonOf, &[route])
    };
    let at = move |WrongAt { place, wrong }: &WrongAt| {
        i18n.fill(Text::At, &[place, &wrong_text(wrong, i18n)])
    };
    let json_fault = move || {
        let text = match store.json_fault.get()? {
            JsonFault::Json(error) => {
                let number = |n: usize| format::count(n as i64);
                i18n.fill(
                    Text::JsonLine,
                    &[&number(error.line), &number(error.column), &error.message],
                )
            }
            JsonFault::Wrong(fault) => at(&fault),
        };
        Some(view! { <p class="txn-json-fault is-bad" role="alert">{text}</p> })
    };
    // What is missing is listed once something was attempted.
    let faults = Memo::new(move |_| {
        let tried = store.tried.get();
        let faults = store.body.with(|body| body.as_ref().err().cloned());
        let mut faults = faults.unwrap_or_default();
        faults.retain(|fault| {
            tried || !matches!(fault.wrong, Wrong::KeyNeeded | Wrong::NumberNeeded)
        });
        faults
    });
    let behind = Memo::new(move |_| {
        store.json_fault.with(Option::is_none) && store.body.with(Result::is_err)
    });
    let listed = move || {
        let faults = faults.get();
        let count = faults.len() as i64;
        (count > 0 && behind.get()).then(|| {
            let items = faults
                .iter()
                .take(MAX_LISTED)
                .map(|fault| view! { <li>{at(fault)}</li> });
            view! {
                <div class="txn-json-fault is-bad" role="status">
                    <p>{i18n.plural(count, Text::FaultsOne, Text::FaultsMany)}</p>
                    <ul>{items.collect_view()}</ul>
                </div>
            }
        })
    };
    let invalid = move || store.json_fault.with(Option::is_some).then_some("true");
    view! {
        <section class="card txn-json">
            <h2 class="card-head">
                {tr(Text::JsonTitle)}
                <span class="card-note">{route}</span>
                <Button
                    kind=ButtonKind::Quiet
                    small=true
                    icon=Icon::Copy
                    label=label(Text::CopyJson)
                    on_press=move || copy(store.json.get_untracked())
                />
            </h2>
            <textarea
                class="txn-json-text mono"
                class:is-behind=move || behind.get()
                spellcheck="false"
                autocomplete="off"
                autocapitalize="off"
                wrap="off"
                aria-label=tr(Text::JsonTitle)
                aria-invalid=invalid
                prop:value=move || store.json.get()
                on:input=move |event| store.edit_json(event_target_value(&event))
            ></textarea>
            {json_fault}
            {listed}
            <When when=move || behind.get() && !store.json.with(String::is_empty)>
                <p class="txn-json-fault">{tr(Text::JsonBehind)}</p>
            </When>
        </section>
    }
}
