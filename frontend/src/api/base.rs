//! URLs of the app and the API. Everything is below the gateway's `--base-path`; the pages of a cluster are below
//! `/clusters/{name}`, and so is its API, except that of the default cluster, whose URLs are shorter without it.
//!
//! A tab shows one cluster for as long as it is loaded: another cluster is another page load, so that nothing of the
//! first one can remain on screen.

use leptos::prelude::{document, location, window};

use crate::model::clusters::{self, Place};
use crate::model::{percent, session};

/// The address that the app was loaded at; constant while it is mounted.
struct Address {
    /// The base path without its trailing slash: empty, or `/etcd`.
    base_path: String,
    /// The names of the gateway's clusters, the default one first.
    clusters: Vec<String>,
    place: Place,
    /// The path below the base path.
    below: String,
}

thread_local! {
    static ADDRESS: Address = Address::read();
}

impl Address {
    fn read() -> Self {
        let base_path = normalise(&meta("watchgate-base"));
        let clusters = clusters::parse_names(&meta("watchgate-clusters"));
        let path = location().pathname().unwrap_or_default();
        let below = path.strip_prefix(base_path.as_str()).unwrap_or(&path);
        Self {
            place: Place::of(below, &clusters),
            below: below.to_owned(),
            base_path,
            clusters,
        }
    }

    fn cluster(&self) -> &str {
        match &self.place {
            Place::Cluster(name) | Place::Unknown(name) => name,
            Place::NoCluster => self.clusters.first().map_or("", String::as_str),
        }
    }

    fn cluster_base(&self, cluster: &str) -> String {
        format!("{}/clusters/{}", self.base_path, clusters::segment(cluster))
    }
}

/// The content of a `meta` element that the gateway writes into the page.
fn meta(name: &str) -> String {
    document()
        .query_selector(&format!(r#"meta[name="{name}"]"#))
        .ok()
        .flatten()
        .and_then(|meta| meta.get_attribute("content"))
        .unwrap_or_default()
}

fn normalise(path: &str) -> String {
    let trimmed = path.trim().trim_matches('/');
    if trimmed.is_empty() {
        String::new()
    } else {
        format!("/{trimmed}")
    }
}

/// The names of the gateway's clusters, the default one first.
pub(crate) fn cluster_names() -> Vec<String> {
    ADDRESS.with(|address| address.clusters.clone())
}

/// Where the tab is.
pub(crate) fn place() -> Place {
    ADDRESS.with(|address| address.place.clone())
}

/// The cluster that the tab shows; the default one where the address has none.
pub(crate) fn cluster() -> String {
    ADDRESS.with(|address| address.cluster().to_owned())
}

/// Adds the default cluster to an address that has none, without loading a page.
pub(crate) fn add_cluster_to_address() {
    if place() != Place::NoCluster {
        return;
    }
    let below = ADDRESS.with(|address| address.below.clone());
    let url = format!(
        "{}/{}{}{}",
        router_base(),
        below.trim_start_matches('/'),
        location().search().unwrap_or_default(),
        location().hash().unwrap_or_default(),
    );
    if let Ok(history) = window().history() {
        // Fails only for another origin's URL.
        let _ = history.replace_state_with_url(&wasm_bindgen::JsValue::NULL, "", Some(&url));
    }
}

/// The router's base: the cluster's pages are below it.
pub(crate) fn router_base() -> String {
    ADDRESS.with(|address| address.cluster_base(address.cluster()))
}

/// The part of a path that names the page: `explorer` in `/clusters/prod/explorer`.
pub(crate) fn page_of(pathname: &str) -> &str {
    let base = router_base();
    let page = pathname.strip_prefix(base.as_str()).unwrap_or(pathname);
    page.trim_matches('/')
}

/// The sign-in page's path below the cluster's.
pub(crate) const SIGN_IN: &str = "sign-in";

/// The URL of the sign-in page, which returns to an address: path, query and fragment of one of our pages.
pub(crate) fn sign_in_url(path: &str, query: &str, fragment: &str) -> String {
    let back = session::address_to_return_to(path, query, &router_base());
    let fragment = if back.is_empty() {
        String::new()
    } else {
        with_hash(fragment)
    };
    page_url(&format!("{SIGN_IN}{back}{fragment}"))
}

/// The URL to go to from the sign-in page, by its query and fragment; the Explorer unless they name another page of
/// this cluster.
pub(crate) fn url_after_sign_in(query: &str, fragment: &str) -> String {
    let wanted = percent::query_value(query.trim_start_matches('?'), "return");
    match wanted.and_then(|wanted| session::own_address(&wanted, &router_base())) {
        Some(address) if address.contains('#') => format!("{}{address}", origin()),
        Some(address) => format!("{}{address}{}", origin(), with_hash(fragment)),
        None => page_url("explorer"),
    }
}

/// A fragment with its `#`; empty without one.
fn with_hash(fragment: &str) -> String {
    match fragment.trim_start_matches('#') {
        "" => String::new(),
        fragment => format!("#{fragment}"),
    }
}

/// An API URL of this cluster on this host: `api_url("kv?key=a")` → `/api/v1/kv?key=a`, or, for another cluster than
/// the default one, `/api/v1/clusters/prod/kv?key=a`.
pub(crate) fn api_url(path_and_query: &str) -> String {
    ADDRESS.with(|address| {
        let cluster = address.cluster();
        let base = &address.base_path;
        if address.clusters.first().is_some_and(|name| name == cluster) {
            format!("{base}/api/v1/{path_and_query}")
        } else {
            let segment = clusters::segment(cluster);
            format!("{base}/api/v1/clusters/{segment}/{path_and_query}")
        }
    })
}

/// An API URL that belongs to no cluster: `gateway_api_url("clusters")`.
pub(crate) fn gateway_api_url(path_and_query: &str) -> String {
    ADDRESS.with(|address| format!("{}/api/v1/{path_and_query}", address.base_path))
}

/// An API URL with scheme and host, for command lines to copy.
pub(crate) fn api_url_absolute(path_and_query: &str) -> String {
    format!("{}{}", origin(), api_url(path_and_query))
}

/// The WebSocket URL of an API path: `socket_url("watch")` → `ws://host/api/v1/watch`.
pub(crate) fn socket_url(path_and_query: &str) -> String {
    // `http` → `ws`, `https` → `wss`.
    api_url_absolute(path_and_query).replacen("http", "ws", 1)
}

/// The URL of one of this cluster's pages, with scheme and host. The router gets absolute URLs, since it trims slashes
/// at the end of a path, which are part of a key in our queries.
pub(crate) fn page_url(path_and_query: &str) -> String {
    format!("{}{}/{path_and_query}", origin(), router_base())
}

/// The URL of a page of any cluster, with scheme and host. A link to another cluster than the tab's needs
/// `rel="external"`, so that the page is loaded.
pub(crate) fn cluster_page_url(cluster: &str, path_and_query: &str) -> String {
    let base = ADDRESS.with(|address| address.cluster_base(cluster));
    format!("{}{base}/{path_and_query}", origin())
}

fn origin() -> String {
    location().origin().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::normalise;

    #[test]
    fn base_paths_are_normalised() {
        for (content, base) in [
            ("", ""),
            ("/", ""),
            ("/etcd", "/etcd"),
            ("/etcd/", "/etcd"),
            ("a/b", "/a/b"),
        ] {
            assert_eq!(normalise(content), base);
        }
    }
}
