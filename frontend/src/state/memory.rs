//! Settings that this browser remembers between visits. `localStorage` may be missing or throw (private mode,
//! blocked storage): then nothing is remembered, and nothing breaks.

fn storage() -> Option<web_sys::Storage> {
    web_sys::window()?.local_storage().ok().flatten()
}

/// The value remembered under a name.
pub(crate) fn recall(name: &str) -> Option<String> {
    storage()?
        .get_item(&format!("watchgate.{name}"))
        .ok()
        .flatten()
}

/// Remembers a value under a name.
pub(crate) fn remember(name: &str, value: &str) {
    if let Some(storage) = storage() {
        // If the storage is full or blocked, the next visit merely starts with the defaults.
        let _ = storage.set_item(&format!("watchgate.{name}"), value);
    }
}
