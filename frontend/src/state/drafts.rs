//! Unsaved drafts: they survive leaving the key or the page and a reload, and the browser asks before
//! the tab closes.

use std::collections::{HashMap, HashSet};

use leptos::ev;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use shared::Entry;

use crate::model::tree::Name;
use crate::model::value::Encoding;

/// The storage key of this cluster's drafts during a reload. They are in the session storage, not in the local one:
/// values may be secret, and the session storage belongs to this tab and ends with it.
fn stored() -> String {
    format!("watchgate.drafts.{}", crate::api::base::cluster())
}

/// An unsaved draft.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct StoredDraft {
    /// The entry it is based on.
    pub(crate) base: Entry,
    pub(crate) encoding: Encoding,
    /// The edited text, with its own line endings.
    pub(crate) text: String,
}

/// The drafts, by key.
#[derive(Clone, Copy)]
pub(crate) struct Drafts {
    drafts: StoredValue<HashMap<Name, StoredDraft>>,
    /// Forms with unsaved input, which is not stored.
    forms: StoredValue<HashSet<&'static str>>,
    /// The user has decided what becomes of them: the browser need not ask.
    decided: StoredValue<bool>,
}

/// The drafts.
pub(crate) fn use_drafts() -> Drafts {
    expect_context()
}

/// Puts the drafts into the app's context, and has the browser ask before they are lost.
pub(super) fn provide() {
    let drafts = Drafts {
        drafts: StoredValue::new(load()),
        forms: StoredValue::new(HashSet::new()),
        decided: StoredValue::new(false),
    };
    provide_context(drafts);
    let on_unload = window_event_listener(ev::beforeunload, move |event| {
        if drafts.has_unsaved() {
            event.prevent_default();
            // Browsers before 2023 only look at this. Never fails: events accept members.
            let _ = js_sys::Reflect::set(&event, &"returnValue".into(), &true.into());
        }
    });
    // The last events that a page receives, on phones too, where a hidden page may be ended without
    // further notice.
    let on_hide = window_event_listener(ev::visibilitychange, move |_| drafts.store());
    let on_leave = window_event_listener(ev::pagehide, move |_| drafts.store());
    on_cleanup(move || {
        on_unload.remove();
        on_hide.remove();
        on_leave.remove();
    });
}

impl Drafts {
    /// The draft of a key.
    pub(crate) fn of(self, key: &Name) -> Option<StoredDraft> {
        self.drafts.with_value(|drafts| drafts.get(key).cloned())
    }

    /// Whether a key has a draft.
    pub(crate) fn has(self, key: &Name) -> bool {
        self.drafts.with_value(|drafts| drafts.contains_key(key))
    }

    /// Adds or replaces the draft of a key.
    pub(crate) fn put(self, key: Name, draft: StoredDraft) {
        self.drafts
            .try_update_value(|drafts| drafts.insert(key, draft));
    }

    /// Removes the draft of a key, which was saved or discarded.
    pub(crate) fn remove(self, key: &Name) {
        let removed = self.drafts.try_update_value(|drafts| drafts.remove(key));
        if let Some(Some(_)) = removed {
            self.store();
        }
    }

    /// Records whether a form has input that would be lost with the page.
    pub(crate) fn set_form(self, name: &'static str, filled: bool) {
        self.forms.try_update_value(|forms| {
            if filled {
                forms.insert(name);
            } else {
                forms.remove(name);
            }
        });
    }

    /// The number of drafts.
    pub(crate) fn count(self) -> usize {
        self.drafts.try_with_value(HashMap::len).unwrap_or_default()
    }

    /// The page is about to be left: erases the drafts, or keeps them for this tab's next page. The browser does
    /// not ask again.
    pub(crate) fn leave(self, erase: bool) {
        if erase {
            self.drafts.try_update_value(HashMap::clear);
        }
        self.decided.try_set_value(true);
        self.store();
    }

    fn has_unsaved(self) -> bool {
        if self.decided.try_get_value() == Some(true) {
            return false;
        }
        self.drafts.try_with_value(|drafts| !drafts.is_empty()) == Some(true)
            || self.forms.try_with_value(|forms| !forms.is_empty()) == Some(true)
    }

    /// Stores the drafts for this tab's next page. Where storage is full none are stored: the browser has
    /// asked.
    fn store(self) {
        let Some(storage) = storage() else { return };
        let drafts = self
            .drafts
            .try_with_value(|drafts| drafts.values().cloned().collect::<Vec<_>>())
            .unwrap_or_default();
        let text = serde_json::to_string(&drafts).expect("our own types serialise");
        if drafts.is_empty() || storage.set_item(&stored(), &text).is_err() {
            // Older drafts must not be restored. Fails only where nothing is stored anyway.
            let _ = storage.remove_item(&stored());
        }
    }
}

/// The session storage; blocked in some private modes.
fn storage() -> Option<web_sys::Storage> {
    window().session_storage().ok().flatten()
}

/// The drafts of this tab's previous page. Unreadable ones are from another version.
fn load() -> HashMap<Name, StoredDraft> {
    let text = storage().and_then(|storage| storage.get_item(&stored()).ok().flatten());
    let drafts: Vec<StoredDraft> = text
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    drafts
        .into_iter()
        .map(|draft| (Name::from(&draft.base.key.0[..]), draft))
        .collect()
}
