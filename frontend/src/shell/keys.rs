//! Shortcuts that work on every page: Ctrl+K, `?`, and `/` for the page's filter.

use leptos::ev;
use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use crate::state::use_overlays;
use crate::ui::focus;

/// Listens until the app ends.
pub(super) fn listen() {
    let overlays = use_overlays();
    let handle = window_event_listener(ev::keydown, move |event| {
        let chord =
            (event.ctrl_key() || event.meta_key()) && !event.alt_key() && !event.shift_key();
        if chord && event.key().eq_ignore_ascii_case("k") {
            event.prevent_default();
            overlays.palette.update(|open| *open = !*open);
            return;
        }
        if event.ctrl_key()
            || event.meta_key()
            || event.alt_key()
            || is_typing(&event)
            || modal_open()
        {
            return;
        }
        match event.key().as_str() {
            "?" => {
                event.prevent_default();
                overlays.help.set(true);
            }
            "/" => focus_filter(&event),
            _ => {}
        }
    });
    on_cleanup(move || handle.remove());
}

fn is_typing(event: &web_sys::KeyboardEvent) -> bool {
    event
        .target()
        .and_then(|target| target.dyn_into::<web_sys::Element>().ok())
        .is_some_and(|element| {
            element
                .matches("input, textarea, select, [contenteditable]")
                .unwrap_or(false)
        })
}

fn modal_open() -> bool {
    document()
        .query_selector("dialog[open]")
        .ok()
        .flatten()
        .is_some()
}

/// The first visible filter of the page.
fn focus_filter(event: &web_sys::KeyboardEvent) {
    let Ok(fields) = document().query_selector_all(".page .search-input") else {
        return;
    };
    let field = (0..fields.length())
        .filter_map(|at| fields.get(at)?.dyn_into::<web_sys::HtmlInputElement>().ok())
        .find(|field| field.offset_parent().is_some());
    if let Some(field) = field {
        event.prevent_default();
        focus(&field);
        field.select();
    }
}
