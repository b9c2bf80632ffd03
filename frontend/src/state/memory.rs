//! Settings that this browser remembers between visits. `localStorage` may be missing or throw (private mode,
//! blocked storage): then nothing is remembered, and nothing breaks.

/// What starts every name.
const PREFIX: &str = "watchgate.";

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

/// The value remembered under a name.
pub(crate) fn recall(name: &str) -> Option<String> {
    storage()?
        .get_item(&format!("{PREFIX}{name}"))
        .ok()
        .flatten()
}

/// Remembers a value under a name.
pub(crate) fn remember(name: &str, value: &str) {
    if let Some(storage) = storage() {
        // If the storage is full or blocked, the next visit merely starts with the defaults.
        let _ = storage.set_item(&format!("{PREFIX}{name}"), value);
    }
}

/// Erases what this browser keeps about a cluster: drafts, bookmarks, saved transactions. It is stored under names
/// of the form `KIND.CLUSTER` or `KIND.CLUSTER.REST`; settings such as the theme remain.
pub(crate) fn erase(cluster: &str) {
    let tab = web_sys::window().and_then(|window| window.session_storage().ok().flatten());
    for storage in [storage(), tab].into_iter().flatten() {
        let names = (0..storage.length().unwrap_or_default())
            .filter_map(|at| storage.key(at).ok().flatten())
            .filter(|name| is_about(name, cluster));
        for name in names.collect::<Vec<_>>() {
            // Fails only where nothing is stored anyway.
            let _ = storage.remove_item(&name);
        }
    }
}

fn is_about(name: &str, cluster: &str) -> bool {
    let rest = name
        .strip_prefix(PREFIX)
        .and_then(|name| name.split_once('.'));
    rest.and_then(|(_, rest)| rest.strip_prefix(cluster))
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::is_about;

    #[test]
    fn only_what_is_about_the_cluster_is_erased() {
        for (name, is) in [
            ("watchgate.drafts.prod", true),
            ("watchgate.saved.prod.app", true),
            ("watchgate.drafts.production", false),
            ("watchgate.drafts.other", false),
            ("watchgate.theme", false),
            ("watchgate.prod", false),
            ("other.drafts.prod", false),
        ] {
            assert_eq!(is_about(name, "prod"), is, "{name}");
        }
    }
}
