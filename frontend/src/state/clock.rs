//! One clock for everything that ages or drains, so that the page redraws once a second and not once
//! a row.

use std::time::Duration;

use leptos::prelude::*;

/// The time, a second at a time.
#[derive(Clone, Copy)]
pub(crate) struct Clock {
    now: RwSignal<f64>,
}

impl Clock {
    /// Milliseconds since 1970, followed by whoever asks in a reactive place.
    pub(crate) fn now(self) -> f64 {
        self.now.try_get().unwrap_or_else(now_ms)
    }
}

/// The clock.
pub(crate) fn use_clock() -> Clock {
    expect_context()
}

/// The time at this moment, in milliseconds since 1970.
pub(crate) fn now_ms() -> f64 {
    js_sys::Date::now()
}

/// Minutes that local time is behind UTC, at this moment.
pub(crate) fn zone_offset() -> f64 {
    js_sys::Date::new_0().get_timezone_offset()
}

pub(super) fn provide() {
    let now = RwSignal::new(now_ms());
    set_interval(
        move || {
            now.try_set(now_ms());
        },
        Duration::from_secs(1),
    );
    provide_context(Clock { now });
}
