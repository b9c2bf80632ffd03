//! The list: every lock that was found, as many of them as pass the filters.

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;

use super::guesses::{GroupRow, GuessHeading};
use super::row::LockRow;
use super::store::LockStore;
use super::text::Text;
use crate::i18n::{tr, use_i18n};
use crate::model::locks::ListRow;
use crate::state::use_narrow;
use crate::ui::VirtualList;
use crate::ui::size::observe_size;

/// Below this width, and on narrow screens, rows have two lines.
const NARROW: f64 = 620.0;

const ROW: f64 = 32.0;
const ROW_NARROW: f64 = 56.0;

/// The table. Arrow keys move the selection, also onto the groups of guesses, which Enter and the arrows
/// to the sides turn; Escape ends it.
#[component]
pub(super) fn LockTable(
    store: LockStore,
    rows: Memo<Arc<Vec<ListRow>>>,
    #[prop(into)] selected: Signal<Option<Vec<u8>>>,
    on_select: Callback<Option<Vec<u8>>>,
    on_turn: Callback<Vec<u8>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let node = NodeRef::<html::Div>::new();
    let size = RwSignal::new((0.0_f64, 0.0_f64));
    Effect::new(move |_| {
        if let Some(element) = node.get() {
            observe_size(&element, size);
        }
    });
    let narrow_screen = use_narrow();
    let narrow = Memo::new(move |_| {
        let width = size.get().0;
        narrow_screen.get() || (width > 0.0 && width < NARROW)
    });
    let drawn = RwSignal::new((0, 0));
    // The group that the keyboard stands on; otherwise it stands on the selected lock.
    let group = RwSignal::new(None::<Vec<u8>>);
    let at = Memo::new(move |_| {
        let (group, selected) = (group.get(), selected.get());
        rows.with(|rows| {
            rows.iter().position(|line| match (line, &group) {
                (ListRow::Group { prefix, .. }, Some(group)) => prefix == group,
                (ListRow::Lock { name, .. }, None) => Some(name) == selected.as_ref(),
                _ => false,
            })
        })
    });
    let active = move || {
        let at = at.get()?;
        // Rows out of view have no element, and only an element may be referenced.
        let (start, end) = drawn.get();
        if !(start..end).contains(&at) {
            return None;
        }
        rows.with(|rows| match rows.get(at)? {
            ListRow::Lock { name, .. } => Some(super::row_id(name)),
            ListRow::Group { prefix, .. } => Some(super::group_id(prefix)),
            ListRow::Guesses(_) => None,
        })
    };
    let on_press = Callback::new(move |name: Vec<u8>| {
        group.set(None);
        on_select.run(Some(name));
    });
    let on_group = Callback::new(move |prefix: Vec<u8>| {
        group.set(Some(prefix.clone()));
        on_turn.run(prefix);
    });
    let turn = move |wanted: fn(bool) -> bool| {
        let (rows, at) = (rows.get_untracked(), at.get_untracked());
        match at.and_then(|at| rows.get(at)) {
            Some(ListRow::Group { prefix, open, .. }) => {
                if wanted(*open) {
                    on_turn.run(prefix.clone());
                }
                true
            }
            _ => false,
        }
    };
    let on_keydown = move |event: web_sys::KeyboardEvent| {
        let (rows, at) = (rows.get_untracked(), at.get_untracked());
        let is_place = |at: &usize| !matches!(rows.get(*at), Some(ListRow::Guesses(_)) | None);
        let to = match event.key().as_str() {
            "ArrowDown" => (at.map_or(0, |at| at + 1)..rows.len()).find(is_place),
            "ArrowUp" => (0..at.unwrap_or(rows.len())).rev().find(is_place),
            "Home" => (0..rows.len()).find(is_place),
            "End" => (0..rows.len()).rev().find(is_place),
            key @ ("Enter" | " " | "ArrowRight" | "ArrowLeft") => {
                let wanted: fn(bool) -> bool = match key {
                    "ArrowRight" => |open| !open,
                    "ArrowLeft" => |open| open,
                    _ => |_| true,
                };
                if turn(wanted) {
                    event.prevent_default();
                }
                return;
            }
            "Escape" => {
                group.set(None);
                on_select.run(None);
                return;
            }
            _ => return,
        };
        event.prevent_default();
        match to.and_then(|to| rows.get(to)) {
            Some(ListRow::Lock { name, .. }) => on_press.run(name.clone()),
            Some(ListRow::Group { prefix, .. }) => group.set(Some(prefix.clone())),
            Some(ListRow::Guesses(_)) | None => {}
        }
    };
    let list = move || {
        let height = if narrow.get() { ROW_NARROW } else { ROW };
        let render = move |_, line: ListRow| match line {
            ListRow::Lock { name, prefix } => {
                let mine = name.clone();
                let is_selected = Signal::derive(move || {
                    selected.with(|selected| selected.as_ref() == Some(&mine))
                });
                view! { <LockRow store=store name=name prefix=prefix selected=is_selected on_press=on_press/> }
                    .into_any()
            }
            ListRow::Guesses(count) => view! { <GuessHeading count=count/> }.into_any(),
            ListRow::Group { prefix, keys, open } => {
                let mine = prefix.clone();
                let is_active =
                    Signal::derive(move || group.with(|group| group.as_ref() == Some(&mine)));
                view! { <GroupRow prefix=prefix keys=keys open=open active=is_active on_turn=on_group/> }
                    .into_any()
            }
        };
        view! {
            <VirtualList rows=rows row_height=height key=ListRow::clone render=render reveal=Signal::derive(move || at.get()) on_range=move |range| drawn.set(range)/>
        }
    };
    view! {
        <div
            node_ref=node
            class="lock-table"
            class:is-narrow=move || narrow.get()
            role="treegrid"
            tabindex="0"
            aria-label=tr(Text::List)
            aria-rowcount=move || rows.with(|rows| (rows.len() + 1).to_string())
            aria-activedescendant=active
            on:keydown=on_keydown
        >
            <div class="lock-head" role="row">
                <span role="columnheader">{tr(Text::Name)}</span>
                <span role="columnheader">{tr(Text::Kind)}</span>
                <span role="columnheader">{tr(Text::Holder)}</span>
                <span role="columnheader" class="cut" title=move || i18n.t(Text::HeldTitle)>{tr(Text::Held)}</span>
                <span role="columnheader">{tr(Text::Lease)}</span>
                <span role="columnheader">{tr(Text::Waiting)}</span>
            </div>
            {list}
        </div>
    }
}
