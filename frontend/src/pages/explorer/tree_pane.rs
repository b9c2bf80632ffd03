//! The left pane: filter, tree, and what it is complete from.

use leptos::html;
use leptos::prelude::*;

use super::keyspace::{rows, use_keyspace};
use super::limits::Limits;
use super::place::{Selected, use_place};
use super::text::Text;
use super::tree_row::{TreeRow, row_id};
use crate::i18n::{label, tr, use_i18n};
use crate::model::format;
use crate::model::key_text;
use crate::model::tree::{Loading, Move, Name, Row, RowKind, step, typeahead};
use crate::state::clock::now_ms;
use crate::ui::{
    Button, ButtonKind, EmptyState, ErrorState, Icon, KeyNote, SearchField, Skeleton, VirtualList,
};

/// Letters typed within this belong together.
const TYPEAHEAD_MS: f64 = 700.0;

/// The pane.
#[component]
pub(crate) fn TreePane() -> impl IntoView {
    let (keyspace, place, i18n) = (use_keyspace(), use_place(), use_i18n());
    let filter = RwSignal::new(String::new());
    let rows = rows(keyspace, filter);
    let cursor = RwSignal::new(None::<(bool, Name)>);
    let list = NodeRef::<html::Div>::new();

    // The selection of the address is opened in the tree, and the cursor stands on it.
    Effect::new(move |_| {
        let at = match place.selected.get() {
            Selected::Key(key) => (false, key),
            Selected::Prefix(prefix) => (true, prefix),
            Selected::Nothing => return,
        };
        keyspace.expand_to(at.0, &at.1);
        cursor.set(Some(at));
    });
    let cursor_index = Memo::new(move |_| {
        let (folder, name) = cursor.get()?;
        rows.with(|rows| {
            rows.iter()
                .position(|row| row.name == name && is_folder(row) == Some(folder))
        })
    });
    // Only a cursor that moved is brought into view: events above it must not scroll.
    let reveal = RwSignal::new(None::<usize>);
    Effect::new(move |before: Option<Option<(bool, Name)>>| {
        let now = cursor.get();
        let index = cursor_index.get();
        let seen = before.flatten();
        if index.is_none() {
            // Its level is still on the way.
            return seen;
        }
        if seen != now {
            reveal.set(None);
            reveal.set(index);
        }
        now
    });

    let open_row = move |row: &Row| match row.kind {
        RowKind::Key => place.open_key(&row.name),
        RowKind::Folder { open } => {
            keyspace.set_open(&row.name, !open);
            place.open_prefix(&row.name);
        }
        RowKind::More | RowKind::Failed => keyspace.load(&row.name),
    };
    let typed = StoredValue::new((String::new(), 0.0_f64));
    let go = move |index: Option<usize>| {
        if let Some(row) =
            index.and_then(|index| rows.with_untracked(|rows| rows.get(index).cloned()))
            && let Some(folder) = is_folder(&row)
        {
            cursor.set(Some((folder, row.name)));
        }
    };
    let on_keydown = move |event: web_sys::KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        let all = rows.get_untracked();
        let at = cursor_index.get_untracked();
        let row = at.and_then(|at| all.get(at));
        let moved = |by| step(&all, at, by);
        match (event.key().as_str(), row.map(|row| row.kind)) {
            ("ArrowDown", _) | ("ArrowRight", Some(RowKind::Folder { open: true })) => {
                go(moved(Move::Next));
            }
            ("ArrowUp", _) => go(moved(Move::Previous)),
            ("Home", _) => go(moved(Move::First)),
            ("End", _) => go(moved(Move::Last)),
            ("ArrowRight", Some(RowKind::Folder { open: false })) => {
                if let Some(row) = row {
                    keyspace.set_open(&row.name, true);
                }
            }
            ("ArrowLeft", Some(RowKind::Folder { open: true })) => {
                if let Some(row) = row {
                    keyspace.set_open(&row.name, false);
                }
            }
            ("ArrowLeft", _) => go(moved(Move::Parent)),
            ("Enter" | " ", Some(_)) => {
                if let Some(row) = row {
                    open_row(row);
                }
            }
            (key, _) if key.chars().count() == 1 && !matches!(key, "/" | "?" | " ") => {
                let letters = typed.try_update_value(|(letters, last)| {
                    if now_ms() - *last > TYPEAHEAD_MS {
                        letters.clear();
                    }
                    letters.push_str(key);
                    *last = now_ms();
                    letters.clone()
                });
                go(typeahead(&all, at, &letters.unwrap_or_default()));
            }
            _ => return,
        }
        event.prevent_default();
    };
    let on_filter_key = move |event: web_sys::KeyboardEvent| match event.key().as_str() {
        "Enter" => {
            // The note below the field names a bad escape.
            let prefix = key_text::parse(&filter.get_untracked()).unwrap_or_default();
            if !prefix.is_empty() {
                place.open_prefix(&prefix);
            }
        }
        "ArrowDown" => {
            event.prevent_default();
            if let Some(list) = list.get_untracked() {
                // Fails only for an element that is gone.
                let _ = list.focus();
            }
        }
        _ => {}
    };
    // A level's next page is loaded when its end comes into view.
    let on_range = move |(start, end): (usize, usize)| {
        let more: Vec<Name> = rows.with_untracked(|rows| {
            let end = end.min(rows.len());
            let shown = &rows[start.min(end)..end];
            shown
                .iter()
                .filter(|row| row.kind == RowKind::More)
                .map(|row| Name::clone(&row.name))
                .collect()
        });
        for prefix in more {
            keyspace.load(&prefix);
        }
    };
    let shown_range = RwSignal::new((0, 0));
    Effect::new(move |_| {
        rows.track();
        on_range(shown_range.get());
    });

    let root = move |wanted: fn(bool, bool) -> bool| {
        keyspace.tree().with(|tree| {
            tree.level(&[])
                .is_some_and(|level| wanted(level.loaded(), level.loading() == Loading::Failed))
        })
    };
    let state = Memo::new(move |_| {
        if rows.with(|rows| rows.iter().any(|row| is_folder(row).is_some())) {
            State::Ready
        } else if root(|loaded, failed| failed && !loaded) {
            State::Failed
        } else if !root(|loaded, _| loaded) {
            State::Loading
        } else if filter.with(String::is_empty) {
            State::Empty
        } else {
            State::NoMatch
        }
    });
    let foot_rows = move || {
        let count =
            rows.with(|rows| rows.iter().filter(|row| is_folder(row).is_some()).count()) as i64;
        (count > 0).then(|| i18n.plural(count, Text::OneRow, Text::ManyRows))
    };
    let foot_keys = move || {
        let root = Name::from(&[][..]);
        let count = keyspace.tree().with(|tree| tree.count(&root));
        count.map(|count| i18n.plural(count, Text::OneKey, Text::ManyKeys))
    };
    let foot_live = move || {
        keyspace
            .live_from()
            .map(|from| i18n.fill(Text::ReadAt, &[&format::count(from)]))
    };
    Effect::new(move |_| {
        if root(|loaded, _| loaded) {
            keyspace.count(&Name::from(&[][..]));
        }
    });
    let begins = move || match place.selected.get_untracked() {
        Selected::Prefix(prefix) => prefix,
        Selected::Key(key) => {
            let parent = key
                .iter()
                .rposition(|byte| *byte == crate::model::tree::SEPARATOR);
            key[..parent.map_or(0, |at| at + 1)].into()
        }
        Selected::Nothing => Name::from(&[][..]),
    };
    let body = move || {
        match state.get() {
        State::Ready => view! {
            <VirtualList
                rows=Signal::derive(move || rows.get())
                key=|row: &Row| row.clone()
                render=move |_, row: Row| view! { <TreeRow row=row cursor=cursor on_open=move |row: Row| open_row(&row)/> }
                class="x-tree-list"
                reveal=Signal::derive(move || reveal.get())
                on_range=move |range| shown_range.set(range)
            />
        }
        .into_any(),
        State::Loading => view! { <Skeleton rows=9/> }.into_any(),
        State::Failed => view! {
            <ErrorState
                error=Signal::derive(move || keyspace.error(&[]))
                on_retry=move || keyspace.load(&Name::from(&[][..]))
            />
        }
        .into_any(),
        State::Empty => view! {
            <EmptyState
                icon=Icon::Tree
                title=label(Text::TreeEmpty)
                detail=label(Text::TreeEmptyDetail)
            >
                <Button kind=ButtonKind::Primary icon=Icon::Plus on_press=move || place.open_new(&[])>{tr(Text::NewKey)}</Button>
            </EmptyState>
        }
        .into_any(),
        State::NoMatch => view! {
            <EmptyState
                icon=Icon::Filter
                title=Signal::derive(move || i18n.fill(Text::NoMatch, &[&filter.get()]))
                detail=label(Text::NoMatchDetail)
            >
                <Button
                    icon=Icon::Folder
                    disabled=Signal::derive(move || filter.with(|text| key_text::parse(text).is_err()))
                    on_press=move || {
                        if let Ok(prefix) = key_text::parse(&filter.get_untracked()) {
                            place.open_prefix(&prefix);
                        }
                    }
                >
                    {tr(Text::OpenAsPrefix)}
                </Button>
            </EmptyState>
        }
        .into_any(),
    }
    };
    view! {
        <div class="x-pane-tools">
            <SearchField label=label(Text::Filter) value=filter hint="/" on_key=on_filter_key/>
            <Button icon=Icon::Plus label=label(Text::NewKey) on_press=move || place.open_new(&begins())/>
        </div>
        <KeyNote text=filter errors_only=true/>
        <div
            node_ref=list
            class="x-tree"
            role="tree"
            aria-label=tr(Text::Keys)
            tabindex="0"
            aria-activedescendant=move || cursor.get().map(|(folder, name)| row_id(folder, &name))
            on:keydown=on_keydown
        >
            {body}
        </div>
        <Limits/>
        <div class="x-pane-foot">
            <span>{move || foot_keys().or_else(foot_rows)}</span>
            <span class="push">{foot_live}</span>
        </div>
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Ready,
    Loading,
    Failed,
    Empty,
    NoMatch,
}

/// Whether a row is a folder or a key; `None` for a note about a page.
fn is_folder(row: &Row) -> Option<bool> {
    match row.kind {
        RowKind::Folder { .. } => Some(true),
        RowKind::Key => Some(false),
        RowKind::More | RowKind::Failed => None,
    }
}
