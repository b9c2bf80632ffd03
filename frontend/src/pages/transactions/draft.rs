//! What is on the page, complete or not, survives leaving it and a reload: it is kept in this tab's session storage,
//! which ends with the tab, since it contains values.

use leptos::ev;
use leptos::prelude::*;

use super::store::Store;
use crate::api::base::cluster;
use crate::model::txn::Document;
use crate::model::txn::saved::draft_name;

fn storage() -> Option<web_sys::Storage> {
    window().session_storage().ok().flatten()
}

/// The draft of this tab's previous page. An unreadable one is from another version.
pub(super) fn restore() -> Document {
    let text = storage().and_then(|storage| storage.get_item(&draft_name(&cluster())).ok()?);
    text.and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default()
}

/// Keeps the draft from now on.
pub(super) fn keep(store: Store) {
    let write = move || {
        let Some(storage) = storage() else { return };
        let name = draft_name(&cluster());
        let Some(text) = store
            .document
            .try_with_untracked(|document| serde_json::to_string(document).ok())
        else {
            return;
        };
        let kept = text.is_some_and(|text| storage.set_item(&name, &text).is_ok());
        if !kept {
            // An older draft must not be restored. Fails only where nothing is stored anyway.
            let _ = storage.remove_item(&name);
        }
    };
    // The last events that a page receives, on phones too.
    let on_hide = window_event_listener(ev::visibilitychange, move |_| write());
    let on_leave = window_event_listener(ev::pagehide, move |_| write());
    on_cleanup(move || {
        write();
        on_hide.remove();
        on_leave.remove();
    });
}
