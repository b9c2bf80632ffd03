//! Overlays of every page: the command palette, the keyboard help, a text to copy manually.

use leptos::prelude::*;

/// The overlays.
#[derive(Clone, Copy)]
pub(crate) struct Overlays {
    /// Whether the command palette is open.
    pub(crate) palette: RwSignal<bool>,
    /// Whether the keyboard help is open.
    pub(crate) help: RwSignal<bool>,
    /// A text that the browser refused to copy, shown for manual copying.
    pub(crate) copying: RwSignal<Option<String>>,
}

/// The overlays.
pub(crate) fn use_overlays() -> Overlays {
    expect_context()
}

pub(super) fn provide() {
    provide_context(Overlays {
        palette: RwSignal::new(false),
        help: RwSignal::new(false),
        copying: RwSignal::new(None),
    });
}
