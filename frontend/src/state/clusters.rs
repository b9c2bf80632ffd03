//! The gateway's clusters and their state, for the switcher.

use leptos::prelude::*;
use shared::ClusterRef;

use super::scope::Scope;
use crate::api;
use crate::api::base;

/// The clusters, as of the last response.
#[derive(Clone, Copy)]
pub(crate) struct Clusters {
    list: RwSignal<Vec<ClusterRef>>,
    loading: RwSignal<bool>,
    scope: Scope,
}

impl Clusters {
    /// The clusters, the default one first; empty before the first response.
    pub(crate) fn list(self) -> Vec<ClusterRef> {
        self.list.try_get().unwrap_or_default()
    }

    /// Whether their state is being read.
    pub(crate) fn is_loading(self) -> bool {
        self.loading.try_get().unwrap_or_default()
    }

    /// Whether this tab's cluster is read-only at this gateway; false while unknown.
    pub(crate) fn is_read_only(self) -> bool {
        let own = base::cluster();
        let read_only = |list: &Vec<ClusterRef>| {
            let own = list.iter().find(|cluster| cluster.name == own)?;
            Some(own.state.as_ref()?.read_only)
        };
        self.list.try_with(read_only).flatten().unwrap_or_default()
    }

    /// Reads their state again.
    pub(crate) fn refresh(self) {
        self.loading.try_set(true);
        self.scope.spawn(async move {
            // The names are known from the page itself, so an error is not shown: there is no state then.
            if let Ok(clusters) = api::cluster::clusters().await {
                self.list.try_set(clusters.clusters);
            }
            self.loading.try_set(false);
        });
    }
}

/// The clusters.
pub(crate) fn use_clusters() -> Clusters {
    expect_context()
}

pub(super) fn provide() {
    let clusters = Clusters {
        list: RwSignal::new(Vec::new()),
        loading: RwSignal::new(false),
        scope: Scope::here(),
    };
    provide_context(clusters);
    clusters.refresh();
}
