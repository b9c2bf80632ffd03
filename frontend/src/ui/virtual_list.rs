//! A list of any length; only rows in view have elements.

use std::hash::Hash;
use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;

use super::size::observe_size;
use crate::model::window;

/// Rows drawn beyond the edges, so that a quick scroll shows no gap.
const OVERSCAN: usize = 8;

/// A virtual list of rows of one height.
///
/// `key` identifies a row: a row with a new key is redrawn, one with the same key keeps its
/// elements, so the key must contain whatever the row does not track by itself. `render` gets the
/// row's index at the time it was drawn, which may be stale after rows above were added or removed:
/// rows must not rely on it.
#[component]
pub(crate) fn VirtualList<T, K, V>(
    #[prop(into)] rows: Signal<Arc<Vec<T>>>,
    /// Height of a row in pixels; the rows' CSS must agree.
    #[prop(into, default = Signal::stored(28.0))]
    row_height: Signal<f64>,
    key: impl Fn(&T) -> K + Clone + Send + Sync + 'static,
    render: impl Fn(usize, T) -> V + Clone + Send + Sync + 'static,
    /// Class of the scrolling element.
    #[prop(optional)]
    class: &'static str,
    /// Scrolls to a row whenever it changes to `Some`.
    #[prop(optional, into)]
    reveal: Option<Signal<Option<usize>>>,
    /// Receives the range of drawn rows, to load what is in view.
    #[prop(optional, into)]
    on_range: Option<Callback<(usize, usize)>>,
    #[prop(optional)] node_ref: NodeRef<html::Div>,
) -> impl IntoView
where
    T: Clone + Send + Sync + 'static,
    K: Eq + Hash + 'static,
    V: IntoView + 'static,
{
    let scroll_top = RwSignal::new(0.0_f64);
    let size = RwSignal::new((0.0_f64, 0.0_f64));
    let viewport = Memo::new(move |_| size.get().1);
    let total = Memo::new(move |_| rows.with(|rows| rows.len()));
    let range = Memo::new(move |_| {
        window::visible(
            scroll_top.get(),
            viewport.get(),
            row_height.get(),
            total.get(),
            OVERSCAN,
        )
    });

    Effect::new(move |_| {
        if let Some(element) = node_ref.get() {
            observe_size(&element, size);
        }
    });
    if let Some(reveal) = reveal {
        Effect::new(move |_| {
            let (Some(index), Some(element)) = (reveal.get(), node_ref.get()) else {
                return;
            };
            let height = f64::from(element.client_height());
            if let Some(top) = window::reveal(
                f64::from(element.scroll_top()),
                height,
                row_height.get_untracked(),
                index,
            ) {
                // The rows that make room for it may only be drawn now.
                request_animation_frame(move || element.set_scroll_top(top as i32));
            }
        });
    }
    if let Some(on_range) = on_range {
        Effect::new(move |_| {
            let range = range.get();
            on_range.run((range.start, range.end));
        });
    }

    let on_scroll = move |_| {
        if let Some(element) = node_ref.get_untracked() {
            scroll_top.set(f64::from(element.scroll_top()));
        }
    };
    let shown = move || {
        let range = range.get();
        rows.with(|rows| {
            let end = range.end.min(rows.len());
            let start = range.start.min(end);
            rows[start..end]
                .iter()
                .cloned()
                .zip(start..)
                .map(|(row, index)| (index, row))
                .collect::<Vec<_>>()
        })
    };
    view! {
        <div node_ref=node_ref class=format!("vlist {class}") on:scroll=on_scroll>
            <div class="vlist-all" role="presentation" style:height=move || format!("{}px", total.get() as f64 * row_height.get())>
                <div class="vlist-shown" role="presentation" style:transform=move || format!("translateY({}px)", range.get().start as f64 * row_height.get())>
                    <For each=shown key=move |(_, row)| key(row) children=move |(index, row)| render(index, row)/>
                </div>
            </div>
        </div>
    }
}
