//! Deleting everything under a prefix, after a confirmation with the number of keys; above 100 keys
//! the prefix must be typed.

use leptos::prelude::*;
use shared::CountResponse;

use super::commands::CommandButton;
use super::text::Text;
use crate::api::{self, ApiError, ErrorKind};
use crate::i18n::{label, tr, use_i18n};
use crate::model::command::KeyCommand;
use crate::model::tree::Name;
use crate::model::{format, key_text};
use crate::state::{Scope, Tone, use_toasts};
use crate::ui::confirm_dialog::UNTYPED_AT_MOST;
use crate::ui::{ConfirmDialog, Icon, Note, NoteKind, TextField, When};

/// Asks for confirmation before everything under a prefix is deleted: counts first, then deletes
/// the counted keys.
#[component]
pub(crate) fn DeletePrefix(prefix: Name, open: RwSignal<bool>) -> impl IntoView {
    let (toasts, i18n) = (use_toasts(), use_i18n());
    let scope = Scope::here();
    let prefix = StoredValue::new(prefix);
    let counted = RwSignal::new(None::<CountResponse>);
    let moved = RwSignal::new(false);
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<ApiError>);
    let typed = RwSignal::new(String::new());
    let count = move || {
        scope.spawn(async move {
            let Some(prefix) = prefix.try_get_value() else {
                return;
            };
            let result = api::kv::count_before_delete(&prefix).await;
            // The dialog was closed meanwhile, and its state is reset.
            if open.try_get_untracked() != Some(true) {
                return;
            }
            match result {
                Ok(response) => {
                    counted.try_set(Some(response));
                }
                Err(problem) => {
                    error.try_set(Some(problem));
                }
            }
        });
    };
    Effect::new(move |_| {
        if open.get() {
            count();
        }
    });
    let close = move || {
        open.try_set(false);
        counted.try_set(None);
        moved.try_set(false);
        error.try_set(None);
        typed.try_set(String::new());
    };
    let name = move || {
        let name = prefix.with_value(|prefix| key_text::in_sentence(prefix));
        if name.is_empty() {
            i18n.t(Text::WholeKeyspace).to_owned()
        } else {
            name
        }
    };
    let keys =
        Memo::new(move |_| counted.with(|counted| counted.as_ref().map(|counted| counted.count)));
    let must_type = Memo::new(move |_| keys.get().is_some_and(|keys| keys > UNTYPED_AT_MOST));
    // An empty prefix cannot be typed: its description is.
    let wanted = move || {
        let name = prefix.with_value(|prefix| format::key(prefix));
        if name.is_empty() {
            i18n.t(Text::TypeAllKeys).to_owned()
        } else {
            name
        }
    };
    let confirmed = Memo::new(move |_| {
        let typed = typed.get();
        !must_type.get()
            || prefix.with_value(|prefix| {
                if prefix.is_empty() {
                    typed == wanted()
                } else {
                    key_text::parse(&typed).is_ok_and(|typed| typed == **prefix)
                }
            })
    });
    let type_label = Signal::derive(move || {
        let keys = keys.get().unwrap_or_default();
        i18n.fill(Text::TypePrefix, &[&wanted(), &format::count(keys)])
    });
    let type_error = Signal::derive(move || {
        let on_the_way = typed.with(|typed| wanted().starts_with(typed.as_str()));
        (!confirmed.get() && !on_the_way).then(|| i18n.t(Text::TypedWrong).to_owned())
    });
    let action = move || match keys.get() {
        None => i18n.t(Text::Counting).to_owned(),
        Some(1) => i18n.fill(Text::DeleteOneNow, &["1", &name()]),
        Some(keys) => i18n.fill(Text::DeleteManyNow, &[&format::count(keys), &name()]),
    };
    let delete = move || {
        let (Some(response), prefix) = (counted.get_untracked(), prefix.get_value()) else {
            return;
        };
        busy.set(true);
        error.set(None);
        scope.spawn(async move {
            let result = api::kv::delete_prefix(&prefix, response).await;
            busy.try_set(false);
            match result {
                Ok(deleted) => {
                    let text = if deleted.deleted == 1 {
                        Text::DeletedOne
                    } else {
                        Text::DeletedMany
                    };
                    let text = i18n.fill(text, &[&format::count(deleted.deleted), &untrack(name)]);
                    toasts.show(Tone::Good, text);
                    close();
                }
                // The dialog was closed meanwhile, and its state is reset.
                Err(_) if open.try_get_untracked() != Some(true) => {}
                Err(problem) if problem.kind() == ErrorKind::Conflict => {
                    moved.try_set(true);
                    counted.try_set(None);
                    typed.try_set(String::new());
                    count();
                }
                Err(problem) => {
                    error.try_set(Some(problem));
                }
            }
        });
    };
    let command = Signal::derive(move || {
        let counted = counted.get()?;
        let prefix = prefix.get_value().to_vec();
        Some(KeyCommand::DeletePrefix {
            prefix,
            count: counted.count,
            revision: counted.header.revision,
        })
    });
    let facts = move || {
        let counted = counted.get();
        let Some(counted) = counted else {
            return i18n.t(Text::Counting).to_owned();
        };
        if counted.count == 0 {
            return i18n.t(Text::NothingUnder).to_owned();
        }
        let keys = i18n.plural(counted.count, Text::OneKey, Text::ManyKeys);
        i18n.fill(
            Text::DeletePrefixBody,
            &[&keys, &format::count(counted.header.revision)],
        )
    };
    view! {
        <ConfirmDialog
            open=open
            title=label(Text::DeletePrefixTitle)
            action=Signal::derive(action)
            icon=Icon::Trash
            pending=busy
            disabled=Signal::derive(move || keys.get().is_none_or(|keys| keys == 0) || !confirmed.get())
            error=Signal::derive(move || error.get().map(|error| error.in_full(i18n.lang())))
            on_confirm=delete
            on_close=move |()| close()
            aside=move || view! { <CommandButton command=command name=Text::DoDelete/> }
        >
            <p class="mono x-object">{name}</p>
            <When when=move || moved.get()>
                <Note kind=NoteKind::Warning role="alert">{tr(Text::RangeMoved)}</Note>
            </When>
            <p class="soft" role="status">{facts}</p>
            <When when=move || must_type.get()>
                <TextField label=type_label value=typed error=type_error mono=true/>
            </When>
        </ConfirmDialog>
    }
}
