//! The keyspace of an account that may not read all of it: what it may read stands at the top.

use leptos::prelude::*;
use shared::{Entry, RangeSpec, WatchRequest};

use super::Keyspace;
use crate::api;
use crate::live::use_live;
use crate::model::tree::{Name, Roots};

impl Keyspace {
    /// Puts what the account may read at the top of the tree; whether there is anything to put there.
    pub(super) async fn limit(self) -> bool {
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
        if before.as_ref() != Some(&roots) {
            self.follow_roots(&roots, revision);
        }
        self.need_slash();
        true
    }

    /// A watch for each root, in place of the one over everything.
    fn follow_roots(self, roots: &Roots, read_at: i64) {
        let before = self.limited.try_update_value(std::mem::take);
        for handle in before.into_iter().flatten() {
            handle.cancel();
        }
        let bytes = |name: &Name| Some(name.to_vec().into());
        let prefixes = roots.prefixes.iter().map(|prefix| RangeSpec {
            prefix: bytes(prefix),
            ..RangeSpec::default()
        });
        let keys = roots.keys.iter().map(|key| RangeSpec {
            key: bytes(key),
            ..RangeSpec::default()
        });
        for range in prefixes.chain(keys) {
            let request = WatchRequest {
                range,
                revision: Some(read_at + 1),
                ..WatchRequest::default()
            };
            let handle = self
                .scope
                .with(|| use_live().watch(request, move |update| self.hear(update)));
            if let Some(handle) = handle {
                self.limited
                    .try_update_value(|handles| handles.push(handle));
            }
        }
    }
}
