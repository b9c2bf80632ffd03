//! The list: every lock that was found, as many of them as pass the filters.

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;

use super::row::LockRow;
use super::store::LockStore;
use super::text::Text;
use crate::i18n::{tr, use_i18n};
use crate::ui::VirtualList;
use crate::ui::size::observe_size;

/// Below this width rows have two lines.
const NARROW: f64 = 620.0;

const ROW: f64 = 32.0;
const ROW_NARROW: f64 = 56.0;

/// The table. Arrow keys move the selection, Escape ends it.
#[component]
pub(super) fn LockTable(
    store: LockStore,
    names: Memo<Arc<Vec<Vec<u8>>>>,
    #[prop(into)] selected: Signal<Option<Vec<u8>>>,
    on_select: Callback<Option<Vec<u8>>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let node = NodeRef::<html::Div>::new();
    let size = RwSignal::new((0.0_f64, 0.0_f64));
    Effect::new(move |_| {
        if let Some(element) = node.get() {
            observe_size(&element, size);
        }
    });
    let narrow = Memo::new(move |_| size.get().0 > 0.0 && size.get().0 < NARROW);
    let at = Memo::new(move |_| {
        let selected = selected.get()?;
        names.with(|names| names.iter().position(|name| *name == selected))
    });
    let drawn = RwSignal::new((0, 0));
    let on_press = Callback::new(move |name: Vec<u8>| on_select.run(Some(name)));
    let on_keydown = move |event: web_sys::KeyboardEvent| {
        let (names, at) = (names.get_untracked(), at.get_untracked());
        let last = names.len().saturating_sub(1);
        let to = match event.key().as_str() {
            "ArrowDown" => at.map_or(0, |at| (at + 1).min(last)),
            "ArrowUp" => at.map_or(last, |at| at.saturating_sub(1)),
            "Home" => 0,
            "End" => last,
            "Escape" => {
                on_select.run(None);
                return;
            }
            _ => return,
        };
        event.prevent_default();
        if let Some(name) = names.get(to) {
            on_select.run(Some(name.clone()));
        }
    };
    let rows = move || {
        let height = if narrow.get() { ROW_NARROW } else { ROW };
        let render = move |_, name: Vec<u8>| {
            let mine = name.clone();
            let is_selected =
                Signal::derive(move || selected.with(|selected| selected.as_ref() == Some(&mine)));
            view! { <LockRow store=store name=name selected=is_selected on_press=on_press/> }
        };
        view! {
            <VirtualList rows=names row_height=height key=Vec::clone render=render reveal=Signal::derive(move || at.get()) on_range=move |range| drawn.set(range)/>
        }
    };
    view! {
        <div
            node_ref=node
            class="lock-table"
            class:is-narrow=move || narrow.get()
            role="grid"
            tabindex="0"
            aria-label=tr(Text::List)
            aria-rowcount=move || names.with(|names| names.len().to_string())
            aria-activedescendant=move || {
                // Rows out of view have no element, and only an element may be referenced.
                let (start, end) = drawn.get();
                let is_drawn = at.get().is_some_and(|at| (start..end).contains(&at));
                selected.get().filter(|_| is_drawn).map(|name| super::row_id(&name))
            }
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
            {rows}
        </div>
    }
}
