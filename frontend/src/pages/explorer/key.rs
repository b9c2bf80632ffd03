//! The view of a key, live.

use leptos::prelude::*;

use super::editor::Editor;
use super::history::HistoryCard;
use super::key_head::KeyHead;
use super::live_key::{KeyState, LiveKey};
use super::navigation::{HISTORY, use_navigation};
use super::remove::DeleteKey;
use super::text::Text;
use super::value::ValueCard;
use crate::api::ApiError;
use crate::i18n::{label, tr, use_i18n};
use crate::model::format;
use crate::model::key_text;
use crate::model::tree::Name;
use crate::ui::tabs::tab_id;
use crate::ui::{Button, ButtonKind, EmptyState, ErrorState, Icon, Note, NoteKind, Skeleton};

/// The view: head, and one of value, history, editor, or why there is nothing to show.
#[component]
pub(crate) fn KeyView(key: Name) -> impl IntoView {
    let (navigation, i18n) = (use_navigation(), use_i18n());
    let live_key = LiveKey::new(key);
    let LiveKey { state, editing, .. } = live_key;
    let value = Signal::derive(move || {
        state.with(|state| {
            state
                .entry()
                .and_then(|entry| entry.value.clone())
                .unwrap_or_default()
        })
    });
    let shown = Memo::new(move |_| match state.get() {
        KeyState::Loading => Shown::Loading,
        KeyState::Failed(_) => Shown::Failed,
        KeyState::Absent { last: None } if !editing.get() => Shown::Absent,
        _ if editing.get() => Shown::Editor,
        _ if navigation.tab.get() == HISTORY => Shown::History,
        _ => Shown::Value,
    });
    let name = move || live_key.key.with_value(|key| key_text::in_sentence(key));
    let recreate = move || {
        let press = move || navigation.open_new(&live_key.key.get_value());
        view! { <Button small=true on_press=press>{tr(Text::CreateIt)}</Button> }
    };
    let deleted_note = move || match state.get() {
        KeyState::Absent {
            last: Some((_, revision)),
        } if !editing.get() => Some(view! {
            <Note kind=NoteKind::Error icon=Icon::Trash role="status" class="x-deleted-note" action=recreate>
                {move || i18n.fill(Text::DeletedHere, &[&format::count(revision)])}
            </Note>
        }),
        _ => None,
    };
    let body = move || {
        match shown.get() {
        Shown::Loading => view! { <div class="x-appears"><Skeleton rows=5/></div> }.into_any(),
        Shown::Failed => view! {
            <ErrorState
                error=Signal::derive(move || match state.get() {
                    KeyState::Failed(error) => error,
                    _ => ApiError::Unreachable,
                })
                on_retry=move || live_key.load()
            />
        }
        .into_any(),
        Shown::Absent => view! {
            <EmptyState
                icon=Icon::File
                title=Signal::derive(move || i18n.fill(Text::Absent, &[&name()]))
                detail=label(Text::AbsentDetail)
            >
                <Button kind=ButtonKind::Primary icon=Icon::Plus on_press=move || navigation.open_new(&live_key.key.get_value())>
                    {tr(Text::CreateIt)}
                </Button>
            </EmptyState>
        }
        .into_any(),
        Shown::Editor => view! { <Editor live_key=live_key/> }.into_any(),
        Shown::History => view! {
            <div role="tabpanel" aria-labelledby=tab_id(HISTORY)><HistoryCard live_key=live_key/></div>
        }
        .into_any(),
        Shown::Value => view! {
            <div role="tabpanel" aria-labelledby=tab_id(super::navigation::VALUE)><ValueCard value=value/></div>
        }
        .into_any(),
    }
    };
    view! {
        <KeyHead live_key=live_key/>
        {deleted_note}
        <div class="x-detail-body">{body}</div>
        <DeleteKey live_key=live_key/>
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shown {
    Loading,
    Failed,
    Absent,
    Editor,
    History,
    Value,
}
