//! Links to places of the dashboard.

use leptos::prelude::*;
use leptos_router::hooks::use_location;

use crate::api::base::{page_url, sign_in_url};
use crate::model::percent;
use crate::model::search::Spec;

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

/// The Explorer with the results of a search.
pub(crate) fn search_url(search: &Spec) -> String {
    page_url(&format!("explorer{}", percent::query(&search.parameters())))
}

/// The Explorer at a key that a search found, beside the other results.
pub(crate) fn found_url(key: &[u8], search: &Spec) -> String {
    let mut parameters = vec![("key", key)];
    parameters.extend(search.parameters());
    page_url(&format!("explorer{}", percent::query(&parameters)))
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
