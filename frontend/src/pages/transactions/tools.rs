//! The actions of the editor.

use leptos::prelude::*;

use super::commands::{CommandDialog, CommandLine, lines};
use super::confirm::ConfirmRun;
use super::saved::SavedDialog;
use super::store::use_store;
use super::templates::TemplateDialog;
use super::text::Text;
use crate::api::base::page_url;
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::txn::{Body, Document, Mode, deleted_ranges, link};
use crate::state::{Tone, use_toasts};
use crate::ui::clipboard::copier;
use crate::ui::{Button, ButtonKind, Glyph, Icon, Menu, MenuItem, When};

/// Templates, saved ones, copying, explaining, running.
#[component]
pub(super) fn Tools() -> impl IntoView {
    let (i18n, store, toasts, copy) = (use_i18n(), use_store(), use_toasts(), copier());
    let templates = store.templates;
    let saved = RwSignal::new(false);
    let commands = RwSignal::new(None::<Vec<CommandLine>>);
    let asking = RwSignal::new(None::<Body>);
    let empty = Memo::new(move |_| store.document.with(Document::is_empty));
    let incomplete = move || toasts.show(Tone::Bad, i18n.t(Text::Incomplete));
    let attempt = move || {
        let body = store.attempt();
        if body.is_none() {
            incomplete();
        }
        body
    };
    let run = move || {
        let Some(body) = attempt() else { return };
        if deleted_ranges(&body).is_empty() {
            store.run(body);
        } else {
            asking.set(Some(body));
        }
    };
    let explain = move || {
        if attempt().is_some() {
            store.explain();
        }
    };
    let copy_command = move || {
        if let Some(body) = attempt() {
            commands.set(Some(lines(&body, i18n)));
        }
    };
    let copy_link = move || {
        let Some(body) = attempt() else { return };
        let view = match body {
            Body::Txn(_) => "",
            Body::Single(_) => "?view=op",
        };
        match link::fragment(&body) {
            Some(fragment) => copy(page_url(&format!("transactions{view}#{fragment}"))),
            None => toasts.show(Tone::Bad, i18n.t(Text::LinkTooLong)),
        }
    };
    let is_txn = Memo::new(move |_| store.mode.get() == Mode::Txn);
    view! {
        <span class="push"></span>
        <When when=move || is_txn.get()>
            <Button on_press=move || templates.set(true)>{tr(Text::Templates)}</Button>
        </When>
        <Button icon=Icon::Bookmark on_press=move || saved.set(true)>{tr(Text::Saved)}</Button>
        <Menu label=label(Text::More) trigger=move || view! { {tr(Text::More)} <Glyph icon=Icon::Down/> }>
            <MenuItem icon=Icon::Terminal disabled=empty on_press=copy_command>{tr(Common::CopyCommand)}</MenuItem>
            <MenuItem icon=Icon::Link disabled=empty on_press=copy_link>
                <span title=tr(Text::CopyLinkTitle)>{tr(Text::CopyLink)}</span>
            </MenuItem>
            <MenuItem icon=Icon::Clear disabled=empty on_press=move || store.clear()>{tr(Text::Clear)}</MenuItem>
        </Menu>
        <When when=move || is_txn.get()>
            <span title=tr(Text::ExplainTitle)>
                <Button disabled=empty pending=store.pending on_press=explain>{tr(Text::Explain)}</Button>
            </span>
        </When>
        <Button kind=ButtonKind::Primary icon=Icon::Play disabled=empty pending=store.pending on_press=run>{tr(Text::Run)}</Button>
        <TemplateDialog open=templates/>
        <SavedDialog open=saved/>
        <CommandDialog lines=commands/>
        <ConfirmRun asking=asking/>
    }
}
