//! Drafts that were not saved: leaving a key, or the page, does not lose what was written.

use std::collections::HashMap;

use leptos::ev;
use leptos::prelude::*;
use shared::Entry;

use crate::model::tree::Name;
use crate::model::value::Script;

/// A draft as it was left.
#[derive(Clone, Debug)]
pub(crate) struct Kept {
    /// What it began from.
    pub(crate) base: Entry,
    pub(crate) script: Script,
    pub(crate) text: String,
}

/// The drafts, by key.
#[derive(Clone, Copy)]
pub(crate) struct Drafts {
    kept: StoredValue<HashMap<Name, Kept>>,
}

/// The drafts.
pub(crate) fn use_drafts() -> Drafts {
    expect_context()
}

/// Puts the drafts into the app's context, and has the browser ask before it drops them.
pub(crate) fn provide() {
    let drafts = Drafts {
        kept: StoredValue::new(HashMap::new()),
    };
    provide_context(drafts);
    let handle = window_event_listener(ev::beforeunload, move |event| {
        if drafts.kept.try_with_value(|kept| !kept.is_empty()) == Some(true) {
            event.prevent_default();
        }
    });
    on_cleanup(move || handle.remove());
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
        self.kept.try_update_value(|kept| kept.remove(key));
    }
}
