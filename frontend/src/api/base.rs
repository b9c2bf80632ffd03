//! URLs of the app and the API: everything is below the gateway's `--base-path`.

/// The base path without its trailing slash: empty, or `/etcd`. The gateway writes it into the page.
pub(crate) fn base_path() -> String {
    let meta = leptos::prelude::document()
        .query_selector(r#"meta[name="watchgate-base"]"#)
        .ok()
        .flatten()
        .and_then(|meta| meta.get_attribute("content"))
        .unwrap_or_default();
    normalise(&meta)
}

fn normalise(path: &str) -> String {
    let trimmed = path.trim().trim_matches('/');
    if trimmed.is_empty() {
        String::new()
    } else {
        format!("/{trimmed}")
    }
}

/// The router's base.
pub(crate) fn router_base() -> String {
    base_path()
}

/// An API URL on this host: `api_url("kv?key=a")` → `/api/v1/kv?key=a`.
pub(crate) fn api_url(path_and_query: &str) -> String {
    format!("{}/api/v1/{path_and_query}", base_path())
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

/// A page's URL with scheme and host. The router gets absolute URLs, since it trims slashes at the end of
/// a path, which are part of a key in our queries.
pub(crate) fn page_url(path_and_query: &str) -> String {
    format!("{}{}/{path_and_query}", origin(), base_path())
}

fn origin() -> String {
    leptos::prelude::location().origin().unwrap_or_default()
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
