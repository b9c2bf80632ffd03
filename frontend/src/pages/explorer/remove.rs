//! Deleting a key, with the key named.

use leptos::prelude::*;

use super::commands::CommandButton;
use super::editor::SaveFailed;
use super::key::{Followed, Known};
use super::text::Text;
use crate::api::{self, ApiError};
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::command::KeyCommand;
use crate::model::format;
use crate::model::key_text;
use crate::state::{Scope, Tone, use_toasts};
use crate::ui::{Button, ButtonKind, Dialog, Glyph, Icon};

/// Asks before a key is deleted.
#[component]
pub(crate) fn DeleteKey(followed: Followed) -> impl IntoView {
    let (toasts, i18n) = (use_toasts(), use_i18n());
    let scope = Scope::here();
    let open = followed.deleting;
    let busy = RwSignal::new(false);
    let moved = RwSignal::new(None::<i64>);
    let error = RwSignal::new(None::<ApiError>);
    let entry = Memo::new(move |_| match followed.known.get() {
        Known::Present(entry) => Some(entry),
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
        let key = followed.key.get_value();
        let revision = untrack(revision);
        busy.set(true);
        error.set(None);
        moved.set(None);
        scope.spawn(async move {
            let answer = api::kv::delete(&key, revision).await;
            busy.try_set(false);
            match answer {
                Ok(_) => {
                    toasts.show(
                        Tone::Good,
                        i18n.fill(Text::DeletedKey, &[&key_text::in_sentence(&key)]),
                    );
                    open.try_set(false);
                    // The watch says so too; without a socket this does.
                    followed.load();
                }
                Err(problem) => {
                    let current = problem
                        .problem()
                        .and_then(|problem| problem.current.clone());
                    match current.flatten() {
                        Some(current) => {
                            moved.try_set(Some(current.mod_revision));
                            followed.load();
                        }
                        None => {
                            error.try_set(Some(problem));
                        }
                    }
                }
            }
        });
    };
    let deed = Signal::derive(move || {
        let revision = entry.with(|entry| entry.as_ref().map(|entry| entry.mod_revision))?;
        Some(KeyCommand::Delete {
            key: followed.key.get_value().to_vec(),
            revision,
        })
    });
    let changed = move || {
        moved.get().map(|revision| {
            view! {
                <div class="note note-warn" role="alert">
                    <Glyph icon=Icon::Warn/>
                    <span class="note-text">{move || i18n.fill(Text::KeyMoved, &[&format::count(revision)])}</span>
                </div>
            }
        })
    };
    let failed = move || error.get().map(|error| view! { <SaveFailed error=error/> });
    view! {
        <Dialog open=open title=label(Text::DeleteKeyTitle) on_close=move |()| close()>
            <div class="dialog-body">
                <p class="mono x-object">{followed.key.with_value(|key| format::key(key))}</p>
                <p class="soft">{facts}</p>
                {changed}
                {failed}
            </div>
            <footer class="dialog-foot">
                <span class="push"><CommandButton deed=deed name=Text::DoDelete/></span>
                <Button on_press=close>{tr(Common::Cancel)}</Button>
                <Button
                    kind=ButtonKind::DangerNow
                    icon=Icon::Trash
                    pending=busy
                    disabled=Signal::derive(move || entry.with(Option::is_none))
                    on_press=delete
                >
                    {tr(Text::DeleteKeyNow)}
                </Button>
            </footer>
        </Dialog>
    }
}
