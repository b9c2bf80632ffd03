//! The number of events that the page keeps.

use std::collections::BTreeMap;

use leptos::prelude::*;

/// Events kept, by panel; a context of the page.
#[derive(Clone, Copy)]
pub(super) struct KeptEvents(RwSignal<BTreeMap<u32, usize>>);

impl KeptEvents {
    pub(super) fn new() -> Self {
        Self(RwSignal::new(BTreeMap::new()))
    }

    pub(super) fn set(self, panel: u32, events: usize) {
        self.0.try_update(|kept| kept.insert(panel, events));
    }

    pub(super) fn remove(self, panel: u32) {
        self.0.try_update(|kept| kept.remove(&panel));
    }

    /// The events of all panels; `None` without a panel.
    pub(super) fn total(self) -> Option<usize> {
        self.0
            .with(|kept| (!kept.is_empty()).then(|| kept.values().sum()))
    }
}
