//! The dialog of the templates.

use leptos::prelude::*;

use super::store::use_store;
use super::text::Text;
use crate::api;
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::key_text;
use crate::model::txn::Body;
use crate::model::txn::template::{self, Template};
use crate::state::Scope;
use crate::ui::{Button, ButtonKind, Dialog, KeyNote, Note, NoteKind, TextField, When};

fn texts(template: Template) -> (Text, Text) {
    match template {
        Template::Create => (Text::TplCreate, Text::TplCreateDetail),
        Template::CompareAndSet => (Text::TplCas, Text::TplCasDetail),
        Template::OptimisticLock => (Text::TplOptimistic, Text::TplOptimisticDetail),
        Template::Move => (Text::TplMove, Text::TplMoveDetail),
    }
}

/// Open while `open` is true; the chosen template replaces what is on the page.
#[component]
pub(super) fn TemplateDialog(open: RwSignal<bool>) -> impl IntoView {
    view! {
        <Dialog open=open title=label(Text::TemplateTitle) on_close=move |()| open.set(false)>
            <Form open=open/>
        </Dialog>
    }
}

#[component]
fn Form(open: RwSignal<bool>) -> impl IntoView {
    let (i18n, store, scope) = (use_i18n(), use_store(), Scope::here());
    let chosen = RwSignal::new(Template::Create);
    let (key, to) = (RwSignal::new(String::new()), RwSignal::new(String::new()));
    let tried = RwSignal::new(false);
    let pending = RwSignal::new(false);
    let error = RwSignal::new(None::<String>);
    let read = |text: RwSignal<String>| {
        text.with(|text| key_text::parse(text).ok().filter(|key| !key.is_empty()))
    };
    let moves = Memo::new(move |_| chosen.get() == Template::Move);
    let key_error = Signal::derive(move || {
        (tried.get() && read(key).is_none()).then(|| i18n.t(Text::KeyNeeded).to_owned())
    });
    let to_error = Signal::derive(move || {
        let (key, to) = (read(key), read(to));
        let text = match to {
            _ if !tried.get() => None,
            None => Some(Text::KeyNeeded),
            Some(to) => (Some(to) == key).then_some(Text::TplSame),
        };
        text.map(|text| i18n.t(text).to_owned())
    });
    let insert = move || {
        tried.set(true);
        let template = chosen.get_untracked();
        let Some(from) = untrack(move || read(key)) else {
            return;
        };
        let new = untrack(move || read(to));
        if template == Template::Move && new.as_ref().is_none_or(|new| *new == from) {
            return;
        }
        let new = new.unwrap_or_default();
        let load = move |request| {
            let name = i18n.t(texts(template).0).to_owned();
            // Our own templates have no faults.
            let _ = store.load(&Body::Txn(request), Some(name));
            open.try_set(false);
        };
        if !template.reads() {
            load(template::create(&from));
            return;
        }
        pending.set(true);
        error.set(None);
        scope.spawn(async move {
            match api::kv::find(&from).await {
                Ok((_, Some(entry))) => load(template::existing(template, &entry, &new)),
                Ok((_, None)) => {
                    let text = i18n.fill(Text::TplMissing, &[&key_text::in_sentence(&from)]);
                    error.try_set(Some(text));
                }
                Err(problem) => {
                    error.try_set(Some(problem.in_full(i18n.lang())));
                }
            }
            pending.try_set(false);
        });
    };
    let choices = Template::ALL.map(|template| {
        let (name, detail) = texts(template);
        view! {
            <label class="txn-template">
                <input
                    type="radio"
                    name="txn-template"
                    prop:checked=move || chosen.get() == template
                    on:change=move |_| {
                        error.set(None);
                        chosen.set(template);
                    }
                />
                <span class="txn-template-name">{tr(name)}</span>
                <span class="txn-template-detail">{tr(detail)}</span>
            </label>
        }
    });
    view! {
        <div class="dialog-body">
            <div class="txn-templates" role="radiogroup" aria-label=tr(Text::TemplateTitle)>{choices.collect_view()}</div>
            <TextField label=label(Text::TplKey) value=key error=key_error mono=true disabled=pending/>
            <KeyNote text=key/>
            <When when=move || moves.get()>
                <TextField label=label(Text::TplTo) value=to error=to_error mono=true disabled=pending/>
                <KeyNote text=to/>
            </When>
            <When when=move || error.with(Option::is_some)>
                <Note kind=NoteKind::Error role="alert">{move || error.get()}</Note>
            </When>
        </div>
        <footer class="dialog-foot">
            <Button on_press=move || open.set(false)>{tr(Common::Cancel)}</Button>
            <Button kind=ButtonKind::Primary pending=pending on_press=insert>{tr(Text::TplInsert)}</Button>
        </footer>
    }
}
