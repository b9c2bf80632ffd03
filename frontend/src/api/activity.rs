//! Whether the user is active. Requests of a page whose user is away say so, and then renew no session: pages
//! refresh what they show by themselves.

use std::cell::Cell;

use leptos::prelude::{WindowListenerHandle, document, window_event_listener_untyped};

use crate::clock::now_ms;

/// A user is active for this long after the last key press, click or scroll.
const ACTIVE_MS: f64 = 300_000.0;

/// The header of a request that shows no activity of a user.
pub(super) const BACKGROUND: &str = "Watchgate-Background";

const EVENTS: [&str; 4] = ["pointerdown", "keydown", "wheel", "touchmove"];

thread_local! {
    /// When the user was last active. Opening the page counts.
    static LAST: Cell<f64> = Cell::new(now_ms());
}

/// Follows the user's activity until the handles are removed.
pub(crate) fn listen() -> Vec<WindowListenerHandle> {
    EVENTS
        .into_iter()
        .map(|event| window_event_listener_untyped(event, |_| LAST.set(now_ms())))
        .collect()
}

/// When the user was last active, in the browser's time.
pub(crate) fn last() -> f64 {
    LAST.get()
}

/// Whether the user is active in this tab.
pub(super) fn is_active() -> bool {
    is_visible() && now_ms() - last() < ACTIVE_MS
}

/// Whether the tab is visible.
pub(crate) fn is_visible() -> bool {
    !document().hidden()
}
