//! One clock for everything that ages or drains, so that the page redraws once a second and not once
//! a row; and how far the gateway's clock is ahead of the browser's, in one place.
//!
//! Moments that the page saw are kept in the browser's time, since the difference of the clocks is known
//! only once a response has come and is known better later. It is added where a time is shown, or meets
//! one that the gateway gave.

use std::cell::Cell;
use std::time::Duration;

use leptos::prelude::*;

use crate::model::skew::Skew;

thread_local! {
    static SKEW: Cell<Skew> = Cell::default();
    /// Where the difference is published, once there is a page.
    static AHEAD: Cell<Option<RwSignal<f64>>> = const { Cell::new(None) };
}

/// The time, a second at a time.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    now: RwSignal<f64>,
    ahead: RwSignal<f64>,
}

impl Clock {
    /// The browser's time in milliseconds since 1970, followed by whoever asks in a reactive place.
    pub(crate) fn now(self) -> f64 {
        self.now.try_get().unwrap_or_else(now_ms)
    }

    /// Milliseconds that the gateway's clock is ahead of the browser's; negative where it is behind.
    /// Followed by whoever asks in a reactive place.
    pub(crate) fn ahead(self) -> f64 {
        self.ahead.try_get().unwrap_or_default()
    }

    /// A moment of the browser's clock by the gateway's: what a time of day is shown from.
    pub(crate) fn by_gateway(self, at: f64) -> f64 {
        at + self.ahead()
    }
}

/// The clock.
pub(crate) fn use_clock() -> Clock {
    expect_context()
}

/// The browser's time at this moment, in milliseconds since 1970. It may be wrong by hours: good for
/// measuring how long something takes.
pub(crate) fn now_ms() -> f64 {
    js_sys::Date::now()
}

/// A response has come now, to a request that was sent at `sent`: `date` is its `Date` header.
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

/// Minutes that local time is behind UTC, at this moment.
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
