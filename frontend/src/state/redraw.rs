//! Redraws for data that is stored outside of the signals: at most one a frame, however often it changes.

use leptos::prelude::*;

/// Counts the redraws; views follow it.
#[derive(Clone, Copy)]
pub(crate) struct Redraw {
    version: RwSignal<u64>,
    scheduled: StoredValue<bool>,
}

impl Redraw {
    pub(crate) fn new() -> Self {
        Self {
            version: RwSignal::new(0),
            scheduled: StoredValue::new(false),
        }
    }

    /// Makes the running view or memo follow the redraws.
    pub(crate) fn track(self) {
        self.version.try_get();
    }

    /// Redraws at once.
    pub(crate) fn now(self) {
        self.version.try_update(|version| *version += 1);
    }

    /// Redraws with the next frame; a hidden tab has none.
    pub(crate) fn schedule(self) {
        if self.scheduled.try_get_value() != Some(false) {
            return;
        }
        self.scheduled.set_value(true);
        request_animation_frame(move || {
            self.scheduled.try_set_value(false);
            self.now();
        });
    }
}
