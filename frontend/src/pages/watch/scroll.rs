//! The scroll position of a panel.

use std::sync::Arc;

use leptos::html;
use leptos::prelude::*;

/// A row's number, and whether it is final: the time of an event may be settled later.
pub(super) type Item = (u64, bool);

/// Keeps the visible rows in place while new ones arrive above, unless the list is at its top.
pub(super) fn keep_scroll_position(
    items: Memo<Arc<Vec<Item>>>,
    row: Memo<f64>,
    node: NodeRef<html::Div>,
    scroll_top: RwSignal<f64>,
) {
    Effect::new(move |newest: Option<u64>| {
        let items = items.get();
        let now = items.first().map_or(0, |(seq, _)| *seq);
        let added = newest.map_or(0, |newest| {
            items.iter().take_while(|(seq, _)| *seq > newest).count()
        });
        let known = newest.is_some_and(|newest| items.iter().any(|(seq, _)| *seq == newest));
        if added > 0
            && known
            && let Some(element) = node.get_untracked()
            && element.scroll_top() > 0
        {
            let top = f64::from(element.scroll_top()) + added as f64 * row.get_untracked();
            element.set_scroll_top(top as i32);
            scroll_top.set(top);
        }
        now
    });
}

/// Scrolls just far enough to bring a row into view.
pub(super) fn reveal(node: NodeRef<html::Div>, top: f64, row: f64) {
    let Some(list) = node.get_untracked() else {
        return;
    };
    let (from, height) = (
        f64::from(list.scroll_top()),
        f64::from(list.client_height()),
    );
    if top < from {
        list.set_scroll_top(top as i32);
    } else if top + row > from + height {
        list.set_scroll_top((top + row - height).ceil() as i32);
    }
}
