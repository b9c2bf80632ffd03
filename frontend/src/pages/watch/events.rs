//! The events of a panel: a list of any length; only rows in view are drawn.

use std::collections::BTreeMap;
use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;
use shared::Event;

use super::detail::OpenEvent;
use super::note::NoteRow;
use super::row::EventRow;
use super::scroll::{Item, keep_scroll_position, reveal};
use super::store::PanelStore;
use super::text::Text;
use crate::i18n::use_i18n;
use crate::model::format;
use crate::model::stream::{RowBody, When, top_of, visible_rows};
use crate::ui::size::{narrower_than, observe_size};

/// Pixels drawn beyond either edge.
const OVERSCAN: f64 = 240.0;

/// Narrower panels have two-line rows, and all panels of narrow screens, which are touched.
const NARROW: f64 = 480.0;

/// Height of a row, wide and narrow. The style sheet agrees.
const ROW: [f64; 2] = [28.0, 48.0];

/// The events. Keys are shown relative to `prefix`; `name` names the watch.
#[component]
pub(super) fn Events(
    store: PanelStore,
    prefix: Vec<u8>,
    #[prop(into)] name: Signal<String>,
) -> impl IntoView {
    let i18n = use_i18n();
    let node = NodeRef::<html::Div>::new();
    let size = RwSignal::new((0.0_f64, 0.0_f64));
    let scroll_top = RwSignal::new(0.0_f64);
    let open = RwSignal::new(BTreeMap::<u64, Arc<OpenEvent>>::new());
    let active = RwSignal::new(None::<u64>);
    Effect::new(move |_| {
        if let Some(element) = node.get() {
            observe_size(&element, size);
        }
    });

    let narrow = narrower_than(NARROW, size);
    let row = Memo::new(move |_| ROW[usize::from(narrow.get())]);
    let items = Memo::new(move |_| {
        let items = store.read(|stream| {
            let settled = |body: &RowBody| {
                !matches!(
                    body,
                    RowBody::Event {
                        when: When::Pending(_),
                        ..
                    }
                )
            };
            stream
                .visible_rows()
                .map(|row| (row.seq, settled(&row.body)))
                .collect::<Vec<Item>>()
        });
        Arc::new(items.unwrap_or_default())
    });
    let opened = Memo::new(move |_| {
        items.with(|items| {
            let find = |seq: u64| items.binary_search_by(|(other, _)| seq.cmp(other)).ok();
            let mut opened: Vec<(usize, f64)> = open.with(|open| {
                open.iter()
                    .filter_map(|(seq, more)| Some((find(*seq)?, more.height)))
                    .collect()
            });
            opened.sort_by_key(|(at, _)| *at);
            opened
        })
    });
    let placed = Memo::new(move |_| {
        let total = items.with(|items| items.len());
        opened.with(|opened| {
            visible_rows(
                total,
                row.get(),
                opened,
                scroll_top.get(),
                size.get().1,
                OVERSCAN,
            )
        })
    });
    let digits = Memo::new(move |_| {
        let newest = store.read(|stream| {
            stream
                .visible_rows()
                .find_map(|row| Some(row.event()?.mod_revision()))
        });
        format::count(newest.flatten().unwrap_or(0)).len().max(5)
    });

    keep_scroll_position(items, row, node, scroll_top);

    let compared = move |seq: u64| {
        let narrow = narrow.get_untracked();
        let compare = |event: &Event| Arc::new(OpenEvent::new(event, narrow));
        store
            .read(|stream| stream.row(seq)?.event().map(compare))
            .flatten()
    };
    // A detail's height depends on the row's.
    Effect::new(move |before: Option<bool>| {
        let now = narrow.get();
        if before.is_some_and(|before| before != now) {
            open.set(BTreeMap::new());
        }
        now
    });
    let toggle = move |seq: u64| {
        active.set(Some(seq));
        if open.with_untracked(|open| open.contains_key(&seq)) {
            open.update(|open| {
                open.remove(&seq);
            });
        } else if let Some(shown) = untrack(|| compared(seq)) {
            open.update(|open| {
                open.insert(seq, shown);
            });
        }
    };
    let on_keydown = move |event: web_sys::KeyboardEvent| {
        let items = items.get_untracked();
        let at = active
            .get_untracked()
            .and_then(|seq| items.iter().position(|(other, _)| *other == seq));
        let to = match event.key().as_str() {
            "ArrowDown" => at.map_or(0, |at| at + 1),
            "ArrowUp" => at.map_or(0, |at| at.saturating_sub(1)),
            "Home" => 0,
            "End" => items.len().saturating_sub(1),
            "Enter" | " " => {
                if let Some((seq, _)) = at.and_then(|at| items.get(at)) {
                    event.prevent_default();
                    toggle(*seq);
                }
                return;
            }
            _ => return,
        };
        event.prevent_default();
        let to = to.min(items.len().saturating_sub(1));
        if let Some((seq, _)) = items.get(to) {
            active.set(Some(*seq));
            let row = row.get_untracked();
            let top = opened.with_untracked(|opened| top_of(to, row, opened));
            reveal(node, top, row);
        }
    };

    let shown = move || {
        let range = placed.with(|placed| placed.range.clone());
        items.with(|items| items.get(range).map(<[Item]>::to_vec).unwrap_or_default())
    };
    let on_press = Callback::new(toggle);
    let draw = move |(seq, _): Item| {
        let body =
            untrack(|| store.read(|stream| stream.row(seq).map(|row| row.body.clone()))).flatten();
        body.map(|body| match body {
            RowBody::Note { note, .. } => view! { <NoteRow note=note/> }.into_any(),
            RowBody::Event { event, when } => {
                let prefix = prefix.clone();
                view! {
                    <EventRow
                        seq=seq
                        id=row_id(store, seq)
                        event=*event
                        when=when
                        prefix=prefix
                        detail=Signal::derive(move || open.with(|open| open.get(&seq).cloned()))
                        active=Signal::derive(move || active.get() == Some(seq))
                        on_press=on_press
                    />
                }
                .into_any()
            }
        })
    };
    view! {
        <div
            node_ref=node
            class="events"
            class:is-narrow=move || narrow.get()
            role="treegrid"
            tabindex="0"
            aria-label=move || i18n.fill(Text::Events, &[&name.get()])
            aria-rowcount=move || items.with(|items| items.len().to_string())
            aria-activedescendant=move || {
                // Rows out of view have no element, and aria-activedescendant must name an existing
                // one.
                let seq = active.get()?;
                let drawn = shown().iter().any(|(other, _)| *other == seq);
                drawn.then(|| row_id(store, seq))
            }
            style:--rev=move || format!("{}ch", digits.get())
            on:keydown=on_keydown
            on:scroll=move |_| {
                if let Some(element) = node.get_untracked() {
                    scroll_top.set(f64::from(element.scroll_top()));
                }
            }
        >
            <div class="events-all" role="presentation" style:height=move || format!("{}px", placed.get().height)>
                <div
                    class="events-shown"
                    role="presentation"
                    style:transform=move || format!("translateY({}px)", placed.get().top)
                >
                    <For each=shown key=|item| *item children=draw/>
                </div>
            </div>
        </div>
    }
}

/// The element id of a row.
fn row_id(store: PanelStore, seq: u64) -> String {
    format!("ev-{}-{seq}", store.id)
}
