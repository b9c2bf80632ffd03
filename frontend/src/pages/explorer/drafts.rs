//! Drafts that were not saved: leaving a key, the page or a reload does not lose what was written, and
//! the browser asks before the tab closes.

use std::collections::{HashMap, HashSet};

use leptos::ev;
use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use shared::Entry;

use crate::model::tree::Name;
use crate::model::value::Encoding;

/// Where drafts lie while the page is reloaded. The session's storage and not the local one: values may
/// be secret, and it belongs to this tab and ends with it.
const STORED: &str = "watchgate.drafts";

/// A draft as it was left.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Kept {
    /// What it began from.
    pub(crate) base: Entry,
    pub(crate) encoding: Encoding,
    /// What is written, with its own line ends.
    pub(crate) text: String,
}

/// The drafts, by key.
#[derive(Clone, Copy)]
pub(crate) struct Drafts {
    kept: StoredValue<HashMap<Name, Kept>>,
    /// Forms with something in them that is not kept.
    forms: StoredValue<HashSet<&'static str>>,
}

/// The drafts.
pub(crate) fn use_drafts() -> Drafts {
    expect_context()
}

/// Puts the drafts into the app's context, and has the browser ask before it drops them.
pub(crate) fn provide() {
    let drafts = Drafts {
        kept: StoredValue::new(stored()),
        forms: StoredValue::new(HashSet::new()),
    };
    provide_context(drafts);
    let asking = window_event_listener(ev::beforeunload, move |event| {
        if drafts.unsaved() {
            event.prevent_default();
            // Browsers before 2023 ask for this only. Fails never: events take members.
            let _ = js_sys::Reflect::set(&event, &"returnValue".into(), &true.into());
        }
    });
    // The last that a page hears, on phones too, where a hidden page may be ended without another word.
    let hiding = window_event_listener(ev::visibilitychange, move |_| drafts.store());
    let leaving = window_event_listener(ev::pagehide, move |_| drafts.store());
    on_cleanup(move || {
        asking.remove();
        hiding.remove();
        leaving.remove();
    });
}

impl Drafts {
    /// The draft of a key.
    pub(crate) fn of(self, key: &Name) -> Option<Kept> {
        self.kept.with_value(|kept| kept.get(key).cloned())
    }

    /// Whether a key has one.
    pub(crate) fn has(self, key: &Name) -> bool {
        self.kept.with_value(|kept| kept.contains_key(key))
    }

    /// Keeps a draft.
    pub(crate) fn keep(self, key: Name, draft: Kept) {
        self.kept.try_update_value(|kept| kept.insert(key, draft));
    }

    /// Saved, or given up.
    pub(crate) fn forget(self, key: &Name) {
        let removed = self.kept.try_update_value(|kept| kept.remove(key));
        if let Some(Some(_)) = removed {
            self.store();
        }
    }

    /// Whether a form has something in it that would be lost with the page.
    pub(crate) fn form(self, name: &'static str, filled: bool) {
        self.forms.try_update_value(|forms| {
            if filled {
                forms.insert(name);
            } else {
                forms.remove(name);
            }
        });
    }

    fn unsaved(self) -> bool {
        self.kept.try_with_value(|kept| !kept.is_empty()) == Some(true)
            || self.forms.try_with_value(|forms| !forms.is_empty()) == Some(true)
    }

    /// Stores the drafts for this tab's next page. Without room nothing is stored: the browser has asked.
    fn store(self) {
        let Some(storage) = storage() else { return };
        let drafts = self
            .kept
            .try_with_value(|kept| kept.values().cloned().collect::<Vec<_>>())
            .unwrap_or_default();
        let text = serde_json::to_string(&drafts).expect("our own types serialise");
        if drafts.is_empty() || storage.set_item(STORED, &text).is_err() {
            // Older ones must not come back. Fails only where nothing is stored anyway.
            let _ = storage.remove_item(STORED);
        }
    }
}

/// The session's storage; blocked in some private modes.
fn storage() -> Option<web_sys::Storage> {
    window().session_storage().ok().flatten()
}

/// The drafts that this tab's page before had. What cannot be read is of another version.
fn stored() -> HashMap<Name, Kept> {
    let text = storage().and_then(|storage| storage.get_item(STORED).ok().flatten());
    let drafts: Vec<Kept> = text
        .and_then(|text| serde_json::from_str(&text).ok())
        .unwrap_or_default();
    drafts
        .into_iter()
        .map(|draft| (Name::from(&draft.base.key.0[..]), draft))
        .collect()
}
