//! The keyspace of an account that may not read all of it: the ranges that it may read are the
//! roots of the tree.

use leptos::prelude::*;
use shared::Entry;

use super::Keyspace;
use crate::api;
use crate::model::tree::Roots;

impl Keyspace {
    /// Makes the ranges that the account may read the roots of the tree; `false` if there are none.
    pub(super) async fn limit_to_roots(self) -> bool {
        let Ok(own) = api::auth::current_user().await else {
            return false;
        };
        let ranges = own.read.unwrap_or_default();
        let Some(roots) = Roots::of(&ranges).filter(|roots| !roots.is_empty()) else {
            return false;
        };
        let mut keys: Vec<Entry> = Vec::new();
        for key in &roots.keys {
            if let Ok((_, Some(entry))) = api::kv::find(key).await {
                keys.push(entry);
            }
        }
        let revision = own.header.revision;
        self.errors
            .try_maybe_update(|errors| (errors.remove(&[][..]).is_some(), ()));
        let before = self
            .tree
            .try_update(|tree| {
                let before = tree.roots().cloned();
                tree.set_roots(roots.clone(), keys, revision);
                before
            })
            .flatten();
        if before.as_ref() != Some(&roots) || !self.is_watching() {
            self.watch_roots(&roots, revision);
        }
        self.load_slash();
        true
    }
}
