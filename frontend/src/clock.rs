//! One clock for everything that shows an age or a countdown, so that the page redraws once a second and not once
//! per row; and the offset between the gateway's clock and the browser's, in one place.
//!
//! Times that the page observed are stored in the browser's time, since the offset of the clocks is known
//! only after the first response and gets more precise later. The offset is added where a time is displayed, or
//! compared with one that the gateway sent.

use std::cell::Cell;
use std::time::Duration;

use leptos::prelude::*;

use crate::model::skew::Skew;

thread_local! {
    static SKEW: Cell<Skew> = Cell::default();
    /// The signal that publishes the offset, once there is a page.
    static AHEAD: Cell<Option<RwSignal<f64>>> = const { Cell::new(None) };
}

/// The current time, updated once a second.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    now: RwSignal<f64>,
    ahead: RwSignal<f64>,
}

impl Clock {
    /// The browser's time in milliseconds since 1970. Reactive.
    pub(crate) fn now(self) -> f64 {
        self.now.try_get().unwrap_or_else(now_ms)
    }

    /// Milliseconds by which the gateway's clock is ahead of the browser's; negative if it is behind.
    /// Reactive.
    pub(crate) fn ahead(self) -> f64 {
        self.ahead.try_get().unwrap_or_default()
    }

    /// Converts a time of the browser's clock to the gateway's. Times of day are shown in the gateway's.
    pub(crate) fn by_gateway(self, at: f64) -> f64 {
        at + self.ahead()
    }
}

/// The clock.
pub(crate) fn use_clock() -> Clock {
    expect_context()
}

/// The browser's current time in milliseconds since 1970. It may be wrong by hours: use it only to
/// measure durations.
pub(crate) fn now_ms() -> f64 {
    js_sys::Date::now()
}

/// Records the `Date` header of a response that has just arrived; its request was sent at `sent`.
pub(crate) fn observe_date(date: &str, sent: f64) {
    let mut skew = SKEW.get();
    skew.observe(js_sys::Date::parse(date), sent, now_ms());
    SKEW.set(skew);
    if let Some(ahead) = AHEAD.get()
        && ahead.try_get_untracked() != Some(skew.ahead())
    {
        ahead.try_set(skew.ahead());
    }
}

/// Minutes by which local time is currently behind UTC.
pub(crate) fn zone_offset() -> f64 {
    js_sys::Date::new_0().get_timezone_offset()
}

pub(super) fn provide() {
    let now = RwSignal::new(now_ms());
    let ahead = RwSignal::new(SKEW.get().ahead());
    AHEAD.set(Some(ahead));
    set_interval(
        move || {
            now.try_set(now_ms());
        },
        Duration::from_secs(1),
    );
    provide_context(Clock { now, ahead });
}
