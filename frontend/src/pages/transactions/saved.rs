//! Transactions saved in this browser: listed, opened, erased.

use leptos::prelude::*;

use super::store::use_store;
use super::text::Text;
use crate::api::base;
use crate::i18n::{label, tr, use_i18n};
use crate::model::txn::saved::{NotSaved, SavedList, storage_name};
use crate::state::{Tone, use_account, use_toasts};
use crate::ui::{Button, ButtonKind, Dialog, Icon, Note, TextField, When};

/// Reads a list; empty where the browser has no storage.
fn read(name: &str) -> SavedList {
    let text = storage().and_then(|storage| storage.get_item(name).ok().flatten());
    SavedList::read(text.as_deref())
}

/// Stores a list; an empty one leaves nothing behind.
fn write(name: &str, list: &SavedList) -> Result<(), NotSaved> {
    let storage = storage().ok_or(NotSaved::Storage)?;
    let written = if list.all().is_empty() {
        storage.remove_item(name)
    } else {
        storage.set_item(name, &list.text())
    };
    written.map_err(|_| NotSaved::Storage)
}

fn storage() -> Option<web_sys::Storage> {
    window().local_storage().ok().flatten()
}

/// Open while `open` is true.
#[component]
pub(super) fn SavedDialog(open: RwSignal<bool>) -> impl IntoView {
    view! {
        <Dialog open=open title=label(Text::SavedTitle) on_close=move |()| open.set(false)>
            <List open=open/>
        </Dialog>
    }
}

#[component]
fn List(open: RwSignal<bool>) -> impl IntoView {
    let (i18n, store, toasts, account) = (use_i18n(), use_store(), use_toasts(), use_account());
    let cluster = base::cluster();
    let place = {
        let cluster = cluster.clone();
        Memo::new(move |_| storage_name(&cluster, account.name().as_deref()))
    };
    let changed = RwSignal::new(0_u32);
    let list = Memo::new(move |_| {
        changed.track();
        place.with(|place| read(place))
    });
    let name = RwSignal::new(String::new());
    let error = RwSignal::new(None::<Text>);
    let update = move |change: &dyn Fn(&mut SavedList) -> Result<(), NotSaved>| {
        let place = place.get_untracked();
        // Read again: another tab may have saved something meanwhile.
        let mut list = read(&place);
        let written = change(&mut list).and_then(|()| write(&place, &list));
        changed.update(|changed| *changed += 1);
        error.set(written.err().map(|error| match error {
            NotSaved::NameNeeded => Text::SaveNameNeeded,
            NotSaved::TooLarge => Text::SaveTooLarge,
            NotSaved::TooMany => Text::SaveTooMany,
            NotSaved::Storage => Text::SaveStorage,
        }));
        written.is_ok()
    };
    let save = move || {
        let Some(body) = store.attempt() else {
            error.set(Some(Text::Incomplete));
            return;
        };
        let typed = name.get_untracked();
        if update(&|list| list.add(&typed, &body)) {
            toasts.show(Tone::Good, i18n.fill(Text::SavedDone, &[typed.trim()]));
            name.set(String::new());
        }
    };
    let exists = Memo::new(move |_| {
        let name = name.get();
        list.with(|list| list.all().iter().any(|saved| saved.name == name.trim()))
    });
    let save_text = move || {
        if exists.get() {
            i18n.fill(Text::SaveReplaces, &[name.get().trim()])
        } else {
            i18n.t(Text::Save).to_owned()
        }
    };
    let rows = move || {
        let list = list.get();
        let rows = list.all().iter().cloned().map(|saved| {
            let erase_label = {
                let name = saved.name.clone();
                Signal::derive(move || i18n.fill(Text::Erase, &[&name]))
            };
            let erased = saved.name.clone();
            let erase = move || {
                if update(&|list| {
                    list.remove(&erased);
                    Ok(())
                }) {
                    toasts.show(Tone::Good, i18n.fill(Text::Erased, &[&erased]));
                }
            };
            let name = saved.name.clone();
            let load = move || {
                let loaded = saved
                    .body()
                    .is_some_and(|body| store.load(&body, Some(saved.name.clone())).is_ok());
                if loaded {
                    open.set(false);
                } else {
                    error.set(Some(Text::SaveOther));
                }
            };
            view! {
                <li class="txn-saved">
                    <span class="txn-saved-name cut">{name}</span>
                    <Button small=true on_press=load>{tr(Text::Open)}</Button>
                    <Button small=true kind=ButtonKind::Quiet icon=Icon::Trash label=erase_label on_press=erase/>
                </li>
            }
        });
        rows.collect_view()
    };
    let empty = Memo::new(move |_| list.with(|list| list.all().is_empty()));
    let erase_all = move || {
        if update(&|list| {
            *list = SavedList::default();
            Ok(())
        }) {
            toasts.show(Tone::Good, i18n.t(Text::ErasedAll));
        }
    };
    let note = move || {
        let nobody = || i18n.t(Text::SavedNobody).to_owned();
        let user = account.name().unwrap_or_else(nobody);
        i18n.fill(Text::SavedNote, &[&user, &cluster])
    };
    let error_text = Signal::derive(move || error.get().map(|text| i18n.t(text).to_owned()));
    view! {
        <div class="dialog-body">
            <Note>{note}</Note>
            <div class="txn-save">
                <TextField label=label(Text::SaveName) value=name error=error_text/>
                <Button on_press=save>{save_text}</Button>
            </div>
            <ul class="txn-saved-list" aria-label=tr(Text::SavedTitle)>{rows}</ul>
            <When when=move || empty.get()><p class="mute">{tr(Text::SavedEmpty)}</p></When>
        </div>
        <footer class="dialog-foot">
            <Button kind=ButtonKind::Danger disabled=empty on_press=erase_all>{tr(Text::EraseAll)}</Button>
        </footer>
    }
}
