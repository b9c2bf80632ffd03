//! The left pane: filter, tree, and the revision from which it is complete.

use std::time::Duration;

use gloo_timers::future::sleep;
use leptos::html;
use leptos::prelude::*;
use leptos::task::spawn_local_scoped_with_cancellation;

use super::keyspace::use_keyspace;
use super::limits::Limits;
use super::navigation::{Selected, use_navigation};
use super::search::{self, SearchOffer, SearchResults};
use super::text::Text;
use super::tree_row::{TreeRow, row_id};
use crate::api;
use crate::clock::now_ms;
use crate::i18n::{label, tr, use_i18n};
use crate::model::tree::{Loading, Move, Name, Row, RowKind, Tree, Typed, best, step, typeahead};
use crate::model::{format, key_text};
use crate::state::Scope;
use crate::state::use_narrow;
use crate::ui::{
    Button, ButtonKind, EmptyState, ErrorState, Icon, KeyNote, SearchField, Skeleton, VirtualList,
    When, focus,
};

/// Letters typed within this long form one search.
const TYPEAHEAD_MS: f64 = 700.0;

/// Delay after typing before the gateway is queried.
const TYPING: Duration = Duration::from_millis(150);

/// Height of a row, and on touch screens, which are narrow; `explorer.css` agrees.
const ROW: f64 = 28.0;
const ROW_NARROW: f64 = 44.0;

/// The pane.
#[component]
pub(crate) fn TreePane() -> impl IntoView {
    let (keyspace, navigation, i18n) = (use_keyspace(), use_navigation(), use_i18n());
    let scope = Scope::here();
    let narrow = use_narrow();
    let filter = RwSignal::new(String::new());
    let server = search::provide(filter);
    let rows = keyspace.rows(filter);
    let cursor = RwSignal::new(None::<(bool, Name)>);
    let list = NodeRef::<html::Div>::new();

    // Opens the tree at the item in the URL and puts the cursor on it.
    Effect::new(move |_| {
        let at = match navigation.selected.get() {
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
                .position(|row| row.name == name && row.is_folder() == Some(folder))
        })
    });
    // Scrolls only to a cursor that moved: events above it must not scroll.
    let reveal = RwSignal::new(None::<usize>);
    Effect::new(move |before: Option<Option<(bool, Name)>>| {
        let now = cursor.get();
        let index = cursor_index.get();
        let seen = before.flatten();
        if index.is_none() {
            // The level of the item is still loading.
            return seen;
        }
        if seen != now {
            reveal.set(None);
            reveal.set(index);
        }
        now
    });

    let open_row = move |row: &Row| match row.kind {
        RowKind::Key => navigation.open_key(&row.name),
        RowKind::Folder { open } => {
            let shown =
                *navigation.selected.read_untracked() == Selected::Prefix(Name::clone(&row.name));
            // The first press shows a folder; a press on the folder in view closes it.
            if shown || !open {
                keyspace.set_open(&row.name, !open);
            }
            navigation.open_prefix(&row.name);
        }
        RowKind::More | RowKind::Rest | RowKind::Failed => keyspace.load(&row.name),
    };
    let typed = StoredValue::new((String::new(), 0.0_f64));
    let go = move |index: Option<usize>| {
        let row = index.and_then(|index| rows.with_untracked(|rows| rows.get(index).cloned()));
        match row.map(|row| (row.is_folder(), row.name)) {
            Some((Some(folder), name)) => cursor.set(Some((folder, name))),
            // Moving onto a note about a page loads that page.
            Some((None, level)) => keyspace.load(&level),
            None => {}
        }
    };
    // The last row may be many pages away: the cursor moves on with every page, until the last page
    // or the next input.
    let to_end = RwSignal::new(false);
    Effect::new(move |_| {
        if !to_end.get() {
            return;
        }
        keyspace.pages_loaded();
        let (last, failed) = rows.with(|rows| {
            let failed = rows.iter().any(|row| row.kind == RowKind::Failed);
            (step(rows, None, Move::Last), failed)
        });
        go(last);
        match keyspace.tree().with_untracked(Tree::unloaded_end) {
            Some(level) if !failed => keyspace.load_large_page(&level),
            _ => to_end.set(false),
        }
    });
    let on_keydown = move |event: web_sys::KeyboardEvent| {
        if event.ctrl_key() || event.meta_key() || event.alt_key() {
            return;
        }
        to_end.set(false);
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
            ("End", _) if filter.with_untracked(String::is_empty) => to_end.set(true),
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
    // The folder in view.
    let initial = move |selected: Selected| match selected {
        Selected::Prefix(prefix) => prefix,
        Selected::Key(key) => {
            let parent = key
                .iter()
                .rposition(|byte| *byte == crate::model::tree::SEPARATOR);
            key[..parent.map_or(0, |at| at + 1)].into()
        }
        Selected::Nothing => Name::from(&[][..]),
    };
    let within = Signal::derive(move || initial(navigation.selected.get()));
    let search_server = move || search::start(navigation, filter, within);
    // The text is either the whole name of a key or prefix, or narrows the rows down to one.
    let open_named = move |text: String| async move {
        // The note below the field names an invalid escape.
        let Ok(name) = key_text::parse(&text) else {
            return;
        };
        let is = api::kv::resolve(&name, 2).await;
        match is.map(|(_, is, _)| is) {
            Ok(Typed::Key) => navigation.open_key(&name),
            Ok(Typed::Prefix) => navigation.open_prefix(&name),
            nothing => {
                let row = rows.try_with_untracked(|rows| best(rows, &name)).flatten();
                match row {
                    Some(row) if row.is_folder() == Some(true) => navigation.open_prefix(&row.name),
                    Some(row) => navigation.open_key(&row.name),
                    // The view of the prefix shows the error.
                    None if nothing.is_err() => navigation.open_prefix(&name),
                    None => search_server(),
                }
            }
        }
    };
    let on_filter_key = move |event: web_sys::KeyboardEvent| match event.key().as_str() {
        "Enter" if event.alt_key() => search_server(),
        // The results are of this text already.
        "Enter" if navigation.search.with_untracked(Option::is_some) => {}
        "Enter" => {
            let text = filter.get_untracked();
            if !text.is_empty() {
                scope.spawn(open_named(text));
            }
        }
        "ArrowDown" => {
            event.prevent_default();
            if let Some(list) = list.get_untracked() {
                focus(&list);
            }
        }
        _ => {}
    };
    // The item that the filter names may not be loaded yet.
    let named = RwSignal::new(None::<Typed>);
    Effect::new(move |before: Option<String>| {
        let text = filter.get();
        named.set(None);
        if before.is_some_and(|before| before != text) {
            keyspace.forget_found();
        }
        if !text.is_empty()
            && let Ok(bytes) = key_text::parse(&text)
        {
            // An effect's tasks are cancelled when it runs again: only the last text is looked up.
            spawn_local_scoped_with_cancellation(async move {
                sleep(TYPING).await;
                let is = keyspace.search(bytes).await;
                named.try_set(is);
            });
        }
        text
    });
    // Loads a level's next page when its end scrolls into view.
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
            if filter.with_untracked(String::is_empty) {
                keyspace.load(&prefix);
            } else {
                keyspace.load_large_page(&prefix);
            }
        }
    };
    let filtered = Signal::derive(move || filter.with(|filter| !filter.is_empty()));
    let shown_range = RwSignal::new((0, 0));
    // Rows out of view have no element, and aria-activedescendant must name an existing one.
    let drawn_cursor = move || {
        let (start, end) = shown_range.get();
        let at = cursor_index.get()?;
        let (folder, name) = cursor.get()?;
        (start..end).contains(&at).then(|| row_id(folder, &name))
    };
    Effect::new(move |_| {
        rows.track();
        // A page may have no row that passes the filter; the search continues all the same.
        keyspace.pages_loaded();
        on_range(shown_range.get());
    });

    let root = move |wanted: fn(bool, bool) -> bool| {
        keyspace.tree().with(|tree| {
            tree.level(&[])
                .is_some_and(|level| wanted(level.loaded(), level.loading() == Loading::Failed))
        })
    };
    let state = Memo::new(move |_| {
        let searching = || {
            root(|loaded, _| loaded)
                && filter.with(|filter| !filter.is_empty())
                && rows.with(|rows| !rows.is_empty())
        };
        if rows.with(|rows| rows.iter().any(|row| row.is_folder().is_some())) || searching() {
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
            rows.with(|rows| rows.iter().filter(|row| row.is_folder().is_some()).count()) as i64;
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
    // An expression has escapes of its own.
    let expression = Memo::new(move |_| {
        navigation
            .search
            .with(|spec| spec.as_ref().is_some_and(|spec| spec.regex))
    });
    let offer = move || {
        // Looked up only where the text is well-formed.
        let name = move || key_text::parse(&filter.get_untracked()).unwrap_or_default();
        match named.get()? {
            Typed::Key => Some(view! {
                <Button icon=Icon::File on_press=move || navigation.open_key(&name())>{tr(Text::OpenNamed)}</Button>
            }),
            Typed::Prefix => Some(view! {
                <Button icon=Icon::Folder on_press=move || navigation.open_prefix(&name())>{tr(Text::OpenAsPrefix)}</Button>
            }),
            Typed::Nothing => Some(view! {
                <Button icon=Icon::Plus on_press=move || navigation.open_new(&name())>{tr(Text::CreateNamed)}</Button>
            }),
        }
    };
    let body = move || {
        match state.get() {
        State::Ready => view! {
            <VirtualList
                rows=Signal::derive(move || rows.get())
                row_height=Signal::derive(move || if narrow.get() { ROW_NARROW } else { ROW })
                key=|row: &Row| row.clone()
                render=move |_, row: Row| view! { <TreeRow row=row cursor=cursor filtered=filtered on_open=move |row: Row| open_row(&row)/> }
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
                <Button kind=ButtonKind::Primary icon=Icon::Plus on_press=move || navigation.open_new(&[])>{tr(Text::NewKey)}</Button>
            </EmptyState>
        }
        .into_any(),
        State::NoMatch => view! {
            <EmptyState
                icon=Icon::Filter
                title=Signal::derive(move || i18n.fill(Text::NoMatch, &[&filter.get()]))
                detail=Signal::derive(move || {
                    let text = match named.get() {
                        Some(Typed::Nothing) => Text::NoMatchAtAll,
                        _ => Text::NoMatchDetail,
                    };
                    i18n.t(text).to_owned()
                })
            >
                {offer}
            </EmptyState>
        }
        .into_any(),
    }
    };
    view! {
        <div class="x-pane-tools">
            <SearchField label=label(Text::Filter) value=filter hint="/" on_key=on_filter_key/>
            <Button icon=Icon::Plus label=label(Text::NewKey) on_press=move || navigation.open_new(&within.get_untracked())/>
        </div>
        <When when=move || !expression.get()>
            <KeyNote text=filter errors_only=true/>
        </When>
        <SearchOffer
            filter=filter
            within=within
            on_enter=Signal::derive(move || {
                state.get() == State::NoMatch && named.get() == Some(Typed::Nothing)
            })
        />
        <When when=move || server.is_open()>
            <SearchResults search=server/>
        </When>
        <div
            node_ref=list
            class="x-tree"
            class:is-hidden=move || server.is_open()
            role=move || if state.get() == State::Ready { "tree" } else { "group" }
            aria-label=tr(Text::Keys)
            tabindex="0"
            aria-activedescendant=drawn_cursor
            on:keydown=on_keydown
            on:wheel=move |_| to_end.set(false)
            on:mousedown=move |_| to_end.set(false)
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
