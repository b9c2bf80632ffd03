//! "Copy command": an operation as command lines.

use leptos::prelude::*;

use super::ask_text::AskText;
use crate::api::base::api_url_absolute;
use crate::i18n::{Common, label, tr};
use crate::model::cluster::Operation;
use crate::model::cluster::command::{curl, etcdctl};
use crate::ui::clipboard::copier;
use crate::ui::{Glyph, Icon, Menu, MenuItem};

/// A menu that copies the `curl` or the `etcdctl` line of an operation.
#[component]
pub(super) fn CommandMenu(#[prop(into)] operation: Signal<Option<Operation>>) -> impl IntoView {
    let copy = copier();
    let none = Signal::derive(move || operation.with(Option::is_none));
    let no_etcdctl = Signal::derive(move || {
        operation.with(|operation| {
            operation
                .as_ref()
                .is_none_or(|operation| etcdctl(operation).is_err())
        })
    });
    let curl_line = move || {
        if let Some(operation) = operation.get_untracked() {
            copy(curl(&operation, &api_url_absolute("")));
        }
    };
    let etcdctl_line = move || {
        if let Some(Ok(line)) = operation.get_untracked().as_ref().map(etcdctl) {
            copy(line);
        }
    };
    let reason = move || {
        (no_etcdctl.get() && !none.get())
            .then(|| view! { <p class="menu-note">{tr(AskText::NoEtcdctl)}</p> })
    };
    view! {
        <Menu
            label=label(Common::CopyCommand)
            trigger=move || view! { <Glyph icon=Icon::Copy/> {tr(Common::CopyCommand)} }
        >
            <MenuItem icon=Icon::Terminal disabled=none on_press=curl_line>"curl"</MenuItem>
            <MenuItem icon=Icon::Terminal disabled=no_etcdctl on_press=etcdctl_line>"etcdctl"</MenuItem>
            {reason}
        </Menu>
    }
}
