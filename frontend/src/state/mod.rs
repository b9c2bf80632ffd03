//! Small stores, one per domain, each a `Copy` handle in a context: `use_connection()`, `use_toasts()`….
//! They hold what several pages share; the state of a single page lives in that page or in the URL.

pub(crate) mod account;
pub(crate) mod cluster;
pub(crate) mod clusters;
pub(crate) mod connection;
pub(crate) mod drafts;
pub(crate) mod memory;
pub(crate) mod overlays;
pub(crate) mod redraw;
pub(crate) mod scope;
pub(crate) mod theme;
pub(crate) mod toasts;

pub(crate) use account::use_account;
pub(crate) use cluster::use_cluster;
pub(crate) use clusters::use_clusters;
pub(crate) use connection::{Phase, use_connection};
pub(crate) use drafts::use_drafts;
pub(crate) use overlays::use_overlays;
pub(crate) use redraw::Redraw;
pub(crate) use scope::Scope;
pub(crate) use theme::{ThemeChoice, use_narrow, use_theme};
pub(crate) use toasts::{Tone, use_toasts};

/// Puts the settings of this browser into the app's context. They need no gateway.
pub(crate) fn provide_settings() {
    theme::provide_language();
    theme::provide();
}

/// Puts every store into the app's context. Called once, at its root, after [`provide_settings`].
pub(crate) fn provide() {
    crate::clock::provide();
    connection::provide();
    clusters::provide();
    account::provide();
    toasts::provide();
    overlays::provide();
    cluster::provide();
    drafts::provide();
}
