//! A folder: its level as a table, live.

use std::sync::Arc;

use leptos::prelude::*;

use super::commands::CommandMenu;
use super::folder_rows::{FolderRow, KeyRow};
use super::keyspace::use_keyspace;
use super::path::Path;
use super::place::{prefix_url, use_place};
use super::remove_prefix::DeletePrefix;
use super::text::Text;
use crate::i18n::{label, tr, use_i18n};
use crate::model::command::KeyCommand;
use crate::model::percent;
use crate::model::tree::{Item, Level, Loading, Name};
use crate::state::use_narrow;
use crate::ui::clipboard::copier;
use crate::ui::{
    Button, ButtonKind, Chip, EmptyState, ErrorState, Glyph, Icon, MenuItem, Skeleton, VirtualList,
};

/// Height of a row, and of its two lines on narrow screens; `explorer.css` agrees.
const ROW: f64 = 32.0;
const TWO_LINES: f64 = 44.0;

/// A row: an item, and at the end a note that more is to come.
#[derive(Clone, Debug, PartialEq)]
enum Line {
    Item(Name, bool),
    More,
}

/// The folder's view.
#[component]
pub(crate) fn FolderView(prefix: Name) -> impl IntoView {
    let (keyspace, place, i18n) = (use_keyspace(), use_place(), use_i18n());
    let copy = copier();
    let narrow = use_narrow();
    let deleting = RwSignal::new(false);
    let prefix = StoredValue::new(prefix);
    // The level may go with its last key, and come again.
    Effect::new(move |_| {
        let missing = keyspace
            .tree()
            .with(|tree| prefix.with_value(|prefix| tree.level(prefix).is_none()));
        if missing {
            keyspace.load(&prefix.get_value());
        }
    });
    Effect::new(move |_| {
        let unknown = keyspace
            .tree()
            .with(|tree| prefix.with_value(|prefix| tree.count(prefix).is_none()));
        if unknown {
            keyspace.count(&prefix.get_value());
        }
    });
    let level = move |what: fn(&Level) -> bool| {
        keyspace
            .tree()
            .with(|tree| prefix.with_value(|prefix| tree.level(prefix).is_some_and(what)))
    };
    let lines = Memo::new(move |_| {
        keyspace.tree().with(|tree| {
            let Some(level) = prefix.with_value(|prefix| tree.level(prefix)) else {
                return Arc::default();
            };
            let mut lines: Vec<Line> = level
                .items()
                .map(|(name, item)| {
                    Line::Item(Name::clone(name), matches!(item, Item::Folder { .. }))
                })
                .collect();
            if level.loaded() && !level.complete() {
                lines.push(Line::More);
            }
            Arc::new(lines)
        })
    });
    let loaded = Memo::new(move |_| level(Level::loaded));
    let failed = Memo::new(move |_| level(|level| level.loading() == Loading::Failed));
    let empty = Memo::new(move |_| lines.with(|lines| lines.is_empty()));
    let count = Memo::new(move |_| {
        keyspace
            .tree()
            .with(|tree| prefix.with_value(|prefix| tree.count(prefix)))
    });
    let chips = move || {
        count.get().map(|count| view! { <Chip><b>{move || i18n.plural(count, Text::OneKey, Text::ManyKeys)}</b></Chip> })
    };
    let deeds = Signal::derive(move || {
        let prefix = prefix.get_value().to_vec();
        vec![
            (
                Text::DoList,
                KeyCommand::List {
                    prefix: prefix.clone(),
                },
            ),
            (
                Text::DoWatch,
                KeyCommand::Watch {
                    key: prefix,
                    prefix: true,
                },
            ),
        ]
    });
    let on_range = move |(_, end): (usize, usize)| {
        if lines.with_untracked(|lines| lines.last() == Some(&Line::More) && end >= lines.len()) {
            keyspace.load(&prefix.get_value());
        }
    };
    let body = move || {
        if !empty.get() {
            return view! {
                <div class="x-grid" role="table" aria-label=tr(Text::Folder)>
                    <div class="x-grid-head" role="row">
                        <span role="columnheader">{tr(Text::ColName)}</span>
                        <span role="columnheader" class="cell-num">{tr(Text::ColSize)}</span>
                        <span role="columnheader" class="cell-num">{tr(Text::ColVersion)}</span>
                        <span role="columnheader" class="cell-num">{tr(Text::ColModified)}</span>
                        <span role="columnheader">{tr(Text::ColLease)}</span>
                    </div>
                    <VirtualList
                        rows=Signal::derive(move || lines.get())
                        row_height=Signal::derive(move || if narrow.get() { TWO_LINES } else { ROW })
                        key=|line: &Line| match line {
                            Line::Item(name, folder) => (Some(Name::clone(name)), *folder),
                            Line::More => (None, false),
                        }
                        render=move |_, line: Line| match line {
                            Line::Item(name, true) => view! { <FolderRow name=name prefix=prefix/> }.into_any(),
                            Line::Item(name, false) => view! { <KeyRow name=name prefix=prefix/> }.into_any(),
                            Line::More => view! { <div class="x-grid-row mute">{tr(Text::More)}</div> }.into_any(),
                        }
                        on_range=on_range
                        class="x-grid-list"
                    />
                </div>
            }
            .into_any();
        }
        if failed.get() {
            let error = Signal::derive(move || keyspace.error(&prefix.get_value()));
            return view! { <ErrorState error=error on_retry=move || keyspace.load(&prefix.get_value())/> }.into_any();
        }
        if !loaded.get() {
            return view! { <div class="x-appears"><Skeleton rows=6/></div> }.into_any();
        }
        view! {
            <EmptyState
                icon=Icon::Folder
                title=label(Text::FolderEmpty)
                detail=label(Text::FolderEmptyDetail)
            >
                <Button kind=ButtonKind::Primary icon=Icon::Plus on_press=move || place.open_new(&prefix.get_value())>{tr(Text::NewKey)}</Button>
            </EmptyState>
        }
        .into_any()
    };
    let watch_url = prefix.with_value(|prefix| {
        crate::api::base::page_url(&format!("watch{}", percent::query(&[("prefix", prefix)])))
    });
    view! {
        <header class="x-head">
            <div class="x-head-line">
                <div class="x-head-what">
                    <Path name=prefix.get_value()/>
                </div>
                <div class="x-acts">
                    <CommandMenu deeds=deeds>
                        <hr/>
                        <MenuItem icon=Icon::Link on_press=move || prefix.with_value(|prefix| copy(prefix_url(prefix)))>{tr(Text::CopyLink)}</MenuItem>
                    </CommandMenu>
                    <a class="btn" href=watch_url>
                        <Glyph icon=Icon::Eye/>
                        {tr(Text::WatchIt)}
                    </a>
                    <Button kind=ButtonKind::Danger icon=Icon::Trash on_press=move || deleting.set(true)>{tr(Text::DeletePrefix)}</Button>
                    <Button kind=ButtonKind::Primary icon=Icon::Plus on_press=move || place.open_new(&prefix.get_value())>{tr(Text::NewKey)}</Button>
                </div>
            </div>
            <div class="chips">{chips}</div>
        </header>
        {body}
        <DeletePrefix prefix=prefix.get_value() open=deleting/>
    }
}
