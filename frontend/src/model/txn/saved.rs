//! Transactions saved in this browser, per cluster and user.

use serde::{Deserialize, Serialize};

use super::{Body, Mode, compact, parse};
use crate::model::percent;

/// Limit of saved transactions.
pub(crate) const MAX_SAVED: usize = 100;

/// Limit of a saved transaction in bytes: a browser keeps about 5 MB for a site.
pub(crate) const MAX_SIZE: usize = 64 * 1024;

/// A saved transaction.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Saved {
    pub(crate) name: String,
    /// Whether it is a single op.
    #[serde(default)]
    single: bool,
    json: String,
}

/// The saved transactions, by name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct SavedList(Vec<Saved>);

/// Why a transaction cannot be saved.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NotSaved {
    NameNeeded,
    TooLarge,
    TooMany,
    /// The browser has no storage, or it is full.
    Storage,
}

fn segment(text: &str) -> String {
    percent::encode(text.as_bytes()).replace('.', "%2E")
}

/// The name in the browser's storage, the same for a cluster and a user and for no others.
pub(crate) fn storage_name(cluster: &str, user: Option<&str>) -> String {
    match user {
        Some(user) => format!(
            "watchgate.saved-txns.{}.{}",
            segment(cluster),
            segment(user)
        ),
        None => format!("watchgate.saved-txns.{}", segment(cluster)),
    }
}

/// The name of a tab's draft in its session storage.
pub(crate) fn draft_name(cluster: &str) -> String {
    format!("watchgate.txn-draft.{}", segment(cluster))
}

impl Saved {
    /// The transaction; `None` if it is of another version.
    pub(crate) fn body(&self) -> Option<Body> {
        let mode = if self.single { Mode::Single } else { Mode::Txn };
        parse(mode, &self.json).ok()
    }
}

impl SavedList {
    /// Reads what was stored; unreadable text is from another version.
    pub(crate) fn read(text: Option<&str>) -> Self {
        text.and_then(|text| serde_json::from_str(text).ok())
            .unwrap_or_default()
    }

    /// The text to store.
    pub(crate) fn text(&self) -> String {
        serde_json::to_string(self).expect("our own types serialise")
    }

    pub(crate) fn all(&self) -> &[Saved] {
        &self.0
    }

    /// Adds a transaction, or replaces the one of this name.
    pub(crate) fn add(&mut self, name: &str, body: &Body) -> Result<(), NotSaved> {
        let name = name.trim();
        let json = compact(body);
        if name.is_empty() {
            return Err(NotSaved::NameNeeded);
        }
        if json.len() > MAX_SIZE {
            return Err(NotSaved::TooLarge);
        }
        let saved = Saved {
            name: name.to_owned(),
            single: matches!(body, Body::Single(_)),
            json,
        };
        match self.0.iter().position(|saved| saved.name == name) {
            Some(at) => self.0[at] = saved,
            None if self.0.len() >= MAX_SAVED => return Err(NotSaved::TooMany),
            None => {
                self.0.push(saved);
                self.0.sort_by(|a, b| a.name.cmp(&b.name));
            }
        }
        Ok(())
    }

    /// Removes the transaction of this name.
    pub(crate) fn remove(&mut self, name: &str) {
        self.0.retain(|saved| saved.name != name);
    }
}
