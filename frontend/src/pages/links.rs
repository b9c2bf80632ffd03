//! Links to places of the dashboard.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::api::base::{page_url, sign_in_url};
use crate::model::percent;

/// The sign-in page, which returns to the place that the tab shows. Follows that place: the browser's own address
/// changes only after it.
pub(crate) fn sign_in_link() -> Signal<String> {
    let at = use_location();
    Signal::derive(move || sign_in_url(&at.pathname.get(), &at.search.get(), &at.hash.get()))
}

/// The Explorer at a key.
pub(crate) fn key_url(key: &[u8]) -> String {
    explorer_url("key", key)
}

/// The Explorer at a prefix.
pub(crate) fn prefix_url(prefix: &[u8]) -> String {
    explorer_url("prefix", prefix)
}

/// The Explorer with the dialog for a new key.
pub(crate) fn new_key_url(key: &[u8]) -> String {
    explorer_url("new", key)
}

fn explorer_url(parameter: &str, value: &[u8]) -> String {
    page_url(&format!(
        "explorer{}",
        percent::query(&[(parameter, value)])
    ))
}

/// The Watch page with one key watched.
pub(crate) fn watch_key_url(key: &[u8]) -> String {
    watch_url("key", key)
}

/// The Watch page with one prefix watched.
pub(crate) fn watch_prefix_url(prefix: &[u8]) -> String {
    watch_url("prefix", prefix)
}

fn watch_url(parameter: &str, value: &[u8]) -> String {
    page_url(&format!("watch{}", percent::query(&[(parameter, value)])))
}
