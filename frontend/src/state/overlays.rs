//! Overlays of every page: the command palette, the keyboard help, the account's permissions, sign-out, a text to
//! copy manually.

use leptos::prelude::*;

/// The overlays.
#[derive(Clone, Copy)]
pub(crate) struct Overlays {
    /// Whether the command palette is open.
    pub(crate) palette: RwSignal<bool>,
    /// Whether the keyboard help is open.
    pub(crate) help: RwSignal<bool>,
    /// Whether the dialog of what the account may read and write is open.
    pub(crate) reach: RwSignal<bool>,
    /// Whether the dialog that asks before signing out is open.
    pub(crate) sign_out: RwSignal<bool>,
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
        reach: RwSignal::new(false),
        sign_out: RwSignal::new(false),
        copying: RwSignal::new(None),
    });
}
