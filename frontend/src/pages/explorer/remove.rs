//! Deleting a key, after a confirmation that names it.

use leptos::prelude::*;

use super::commands::CommandButton;
use super::live_key::{KeyState, LiveKey};
use super::text::Text;
use crate::api::{self, ApiError};
use crate::i18n::{label, use_i18n};
use crate::model::command::KeyCommand;
use crate::model::format;
use crate::model::key_text;
use crate::state::{Scope, Tone, use_toasts};
use crate::ui::{ConfirmDialog, Icon, Note, NoteKind};

/// Asks for confirmation before the key is deleted.
#[component]
pub(crate) fn DeleteKey(live_key: LiveKey) -> impl IntoView {
    let (toasts, i18n) = (use_toasts(), use_i18n());
    let scope = Scope::here();
    let open = live_key.deleting;
    let busy = RwSignal::new(false);
    let moved = RwSignal::new(None::<i64>);
    let error = RwSignal::new(None::<ApiError>);
    let entry = Memo::new(move |_| match live_key.state.get() {
        KeyState::Present(entry) => Some(entry),
        _ => None,
    });
    let revision = move || entry.with(|entry| entry.as_ref().map_or(0, |entry| entry.mod_revision));
    let facts = move || {
        let version = entry.with(|entry| entry.as_ref().map_or(0, |entry| entry.version));
        i18n.fill(
            Text::DeleteKeyBody,
            &[&format::count(revision()), &format::count(version)],
        )
    };
    let close = move || {
        open.set(false);
        error.set(None);
        moved.set(None);
    };
    let delete = move || {
        let key = live_key.key.get_value();
        let revision = untrack(revision);
        busy.set(true);
        error.set(None);
        moved.set(None);
        scope.spawn(async move {
            let response = api::kv::delete(&key, revision).await;
            busy.try_set(false);
            match response {
                Ok(_) => {
                    toasts.show(
                        Tone::Good,
                        i18n.fill(Text::DeletedKey, &[&key_text::in_sentence(&key)]),
                    );
                    open.try_set(false);
                    // The watch reports it too; this is for pages without a socket.
                    live_key.load();
                }
                Err(problem) => {
                    let current = problem
                        .problem()
                        .and_then(|problem| problem.current.clone());
                    match current.flatten() {
                        Some(current) => {
                            moved.try_set(Some(current.mod_revision));
                            live_key.load();
                        }
                        None => {
                            error.try_set(Some(problem));
                        }
                    }
                }
            }
        });
    };
    let command = Signal::derive(move || {
        let revision = entry.with(|entry| entry.as_ref().map(|entry| entry.mod_revision))?;
        Some(KeyCommand::Delete {
            key: live_key.key.get_value().to_vec(),
            revision,
        })
    });
    let changed = move || {
        moved.get().map(|revision| {
            view! {
                <Note kind=NoteKind::Warning role="alert">
                    {move || i18n.fill(Text::KeyMoved, &[&format::count(revision)])}
                </Note>
            }
        })
    };
    view! {
        <ConfirmDialog
            open=open
            title=label(Text::DeleteKeyTitle)
            action=label(Text::DeleteKeyNow)
            icon=Icon::Trash
            pending=busy
            disabled=Signal::derive(move || entry.with(Option::is_none))
            error=Signal::derive(move || error.get().map(|error| error.in_full(i18n.lang())))
            on_confirm=delete
            on_close=move |()| close()
            aside=move || view! { <CommandButton command=command name=Text::DoDelete/> }
        >
            <p class="mono x-object">{live_key.key.with_value(|key| format::key(key))}</p>
            <p class="soft">{facts}</p>
            {changed}
        </ConfirmDialog>
    }
}
