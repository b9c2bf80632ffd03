//! The size of an element, kept current.

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;
use wasm_bindgen::closure::Closure;

use crate::state::use_narrow;

/// Whether an element is narrower than `limit` pixels, or the whole screen is narrow.
pub(crate) fn narrower_than(limit: f64, size: RwSignal<(f64, f64)>) -> Memo<bool> {
    let narrow_screen = use_narrow();
    Memo::new(move |_| {
        let width = size.get().0;
        narrow_screen.get() || (width > 0.0 && width < limit)
    })
}

/// Keeps `size` (width and height in pixels, without scrollbars) current for as long as the current
/// owner lives.
pub(crate) fn observe_size(element: &web_sys::HtmlDivElement, size: RwSignal<(f64, f64)>) {
    let measure = |element: &web_sys::HtmlDivElement| {
        (
            f64::from(element.client_width()),
            f64::from(element.client_height()),
        )
    };
    size.set(measure(element));
    let measured = element.clone();
    let changed = Closure::<dyn Fn()>::new(move || {
        let now = measure(&measured);
        if size.try_get_untracked().is_some_and(|before| before != now) {
            size.try_set(now);
        }
    });
    let Ok(observer) = web_sys::ResizeObserver::new(changed.as_ref().unchecked_ref()) else {
        return;
    };
    observer.observe(element);
    let held = StoredValue::new_local(Some((observer, changed)));
    on_cleanup(move || {
        held.try_update_value(|held| {
            if let Some((observer, _)) = held.take() {
                observer.disconnect();
            }
        });
    });
}
