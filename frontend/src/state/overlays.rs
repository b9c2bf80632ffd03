//! What floats over every page: the command palette and the keyboard help.

use leptos::prelude::*;

/// The overlays.
#[derive(Clone, Copy)]
pub(crate) struct Overlays {
    /// Whether the command palette is open.
    pub(crate) palette: RwSignal<bool>,
    /// Whether the keyboard help is open.
    pub(crate) help: RwSignal<bool>,
}

/// The overlays.
pub(crate) fn use_overlays() -> Overlays {
    expect_context()
}

pub(super) fn provide() {
    provide_context(Overlays {
        palette: RwSignal::new(false),
        help: RwSignal::new(false),
    });
}
