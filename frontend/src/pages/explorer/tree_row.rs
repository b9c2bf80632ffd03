//! A row of the tree.

use leptos::prelude::*;

use super::facts::use_facts;
use super::keyspace::use_keyspace;
use super::navigation::{Selected, use_navigation};
use super::text::Text;
use crate::clock::use_clock;
use crate::i18n::{Common, use_i18n};
use crate::model::format;
use crate::model::tree::{Name, Row, RowKind};
use crate::ui::{Glyph, Icon, element_id};

/// The element id of a row.
pub(crate) fn row_id(folder: bool, name: &[u8]) -> String {
    element_id(if folder { "row-f-" } else { "row-k-" }, name)
}

/// A row: a folder, a key, or a note about a page of its level.
#[component]
pub(crate) fn TreeRow(
    row: Row,
    cursor: RwSignal<Option<(bool, Name)>>,
    /// Whether a filter is set: pages are then searched, not only loaded.
    filtered: Signal<bool>,
    on_open: impl Fn(Row) + Clone + Send + Sync + 'static,
) -> impl IntoView {
    match row.kind {
        RowKind::More | RowKind::Rest | RowKind::Failed => {
            view! { <NoteRow row=row filtered=filtered on_open=on_open/> }.into_any()
        }
        RowKind::Folder { .. } | RowKind::Key => {
            view! { <ItemRow row=row cursor=cursor on_open=on_open/> }.into_any()
        }
    }
}

/// Levels indented in full; deeper ones by less.
const FULL_LEVELS: usize = 8;

/// A key's icon is aligned with the icons of folders, which have an arrow before them. However deep
/// a level is, most of the width is left for the name.
fn indent(depth: usize, folder: bool) -> String {
    let (full, less) = (depth.min(FULL_LEVELS), depth.saturating_sub(FULL_LEVELS));
    let levels = full * 16 + less * 4;
    let own = if folder { 8 } else { 32 };
    format!("calc(min({levels}px, 36%) + {own}px)")
}

#[component]
fn NoteRow(
    row: Row,
    filtered: Signal<bool>,
    on_open: impl Fn(Row) + Clone + Send + Sync + 'static,
) -> impl IntoView {
    let i18n = use_i18n();
    let kind = row.kind;
    let failed = kind == RowKind::Failed;
    let text = move || match (kind, filtered.get()) {
        (RowKind::Failed, _) => Text::PageFailed,
        (RowKind::Rest, false) => Text::Rest,
        (RowKind::Rest, true) => Text::SearchRest,
        (_, false) => Text::More,
        (_, true) => Text::Searching,
    };
    let depth = row.depth;
    view! {
        <div class="x-tree-row x-tree-note" class:is-failed=failed class:is-rest=kind == RowKind::Rest role="presentation" style:padding-left=indent(depth, false) on:click=move |_| on_open(row.clone())>
            {move || i18n.t(text())}
        </div>
    }
}

#[component]
fn ItemRow(
    row: Row,
    cursor: RwSignal<Option<(bool, Name)>>,
    on_open: impl Fn(Row) + Clone + Send + Sync + 'static,
) -> impl IntoView {
    let (keyspace, navigation, i18n) = (use_keyspace(), use_navigation(), use_i18n());
    let folder = matches!(row.kind, RowKind::Folder { .. });
    let open = matches!(row.kind, RowKind::Folder { open: true });
    let name = StoredValue::new(Name::clone(&row.name));
    let selected = Memo::new(move |_| {
        navigation.selected.with(|selected| match selected {
            Selected::Key(key) => !folder && name.with_value(|name| name == key),
            Selected::Prefix(prefix) => folder && name.with_value(|name| name == prefix),
            Selected::Nothing => false,
        })
    });
    let under_cursor = Memo::new(move |_| {
        cursor.with(|cursor| {
            cursor.as_ref().is_some_and(|(of_folder, at)| {
                *of_folder == folder && name.with_value(|name| name == at)
            })
        })
    });
    let fresh = Memo::new(move |_| name.with_value(|name| keyspace.is_fresh(folder, name)));
    let label = format::key(row.label());
    let nameless = label.is_empty();
    let depth = row.depth;
    let whole = format::key(&row.name);
    let toggle = move |event: web_sys::MouseEvent| {
        event.stop_propagation();
        let name = name.get_value();
        cursor.set(Some((folder, Name::clone(&name))));
        keyspace.set_open(&name, !open);
    };
    let clicked = row.clone();
    let on_click = move |_| {
        cursor.set(Some((folder, Name::clone(&clicked.name))));
        on_open(clicked.clone());
    };
    view! {
        <div
            id=row_id(folder, &row.name)
            class="x-tree-row"
            class:is-fresh=move || fresh.get()
            class:is-cursor=move || under_cursor.get()
            role="treeitem"
            attr:aria-level=(depth + 1).to_string()
            aria-expanded=folder.then(|| open.to_string())
            aria-selected=move || selected.get().to_string()
            title=whole
            style:padding-left=indent(depth, folder)
            on:click=on_click
        >
            {folder.then(|| view! {
                <span class="x-tree-toggle" on:click=toggle><Glyph icon=if open { Icon::Down } else { Icon::Right }/></span>
            })}
            <Glyph icon=if folder { Icon::Folder } else { Icon::File }/>
            <span class="x-tree-label key">
                {label}
                {nameless.then(|| view! { <span class="mute">{move || i18n.t(Common::EmptyKey)}</span> })}
            </span>
            {if folder {
                view! { <FolderNote name=name fresh=fresh/> }.into_any()
            } else {
                view! { <KeyNote name=name fresh=fresh/> }.into_any()
            }}
        </div>
    }
}

/// The number of keys in a folder, where it is known.
#[component]
fn FolderNote(name: StoredValue<Name>, fresh: Memo<bool>) -> impl IntoView {
    let keyspace = use_keyspace();
    keyspace.count(&name.get_value());
    let count =
        Memo::new(move |_| name.with_value(|name| keyspace.tree().with(|tree| tree.count(name))));
    view! {
        <span class="x-tree-count" class:is-put=move || fresh.get()>{move || count.get().map(format::count)}</span>
    }
}

/// "now" for a key that has just changed, else the remaining TTL of its lease.
#[component]
fn KeyNote(name: StoredValue<Name>, fresh: Memo<bool>) -> impl IntoView {
    let (keyspace, facts, clock, i18n) = (use_keyspace(), use_facts(), use_clock(), use_i18n());
    let revision = Memo::new(move |_| {
        let meta = keyspace
            .tree()
            .with(|tree| name.with_value(|name| tree.meta(name)));
        meta.map(|meta| meta.mod_revision)
    });
    let lease = Memo::new(move |_| facts.key(&name.get_value(), revision.get()?)?.lease);
    let left = Memo::new(move |_| {
        let alive = facts.lease(lease.get()?)?;
        let left = alive.seconds_left(clock.now());
        Some((left, left * 5 <= alive.granted))
    });
    let text = move || {
        if fresh.get() {
            return Some(i18n.t(Text::Now).to_owned());
        }
        left.get().map(|(left, _)| format::span(left, i18n.lang()))
    };
    view! {
        <span
            class="x-tree-count"
            class:is-put=move || fresh.get()
            class:is-lease=move || !fresh.get() && left.get().is_some_and(|(_, low)| !low)
            class:is-low=move || !fresh.get() && left.get().is_some_and(|(_, low)| low)
        >
            {text}
        </span>
    }
}
