//! The cluster this page shows: name, version, members.

use std::time::Duration;

use gloo_timers::future::sleep;
use leptos::prelude::*;
use leptos::task::spawn_local_scoped_with_cancellation;
use shared::ClusterResponse;

use crate::api::{self, ApiError};

/// The cluster, as of the last response.
#[derive(Clone, Copy)]
pub(crate) struct Cluster {
    info: RwSignal<Option<ClusterResponse>>,
    error: RwSignal<Option<ApiError>>,
}

impl Cluster {
    /// The last response; kept while the cluster is unavailable.
    pub(crate) fn info(self) -> Option<ClusterResponse> {
        self.info.get()
    }

    /// The error of the last request, if it failed.
    pub(crate) fn error(self) -> Option<ApiError> {
        self.error.get()
    }
}

/// The cluster.
pub(crate) fn use_cluster() -> Cluster {
    expect_context()
}

pub(super) fn provide() {
    let cluster = Cluster {
        info: RwSignal::new(None),
        error: RwSignal::new(None),
    };
    provide_context(cluster);
    spawn_local_scoped_with_cancellation(async move {
        loop {
            let delay = match api::cluster::cluster().await {
                Ok(info) => {
                    cluster.info.try_set(Some(info));
                    cluster.error.try_set(None);
                    Duration::from_secs(30)
                }
                Err(error) => {
                    cluster.error.try_set(Some(error));
                    Duration::from_secs(5)
                }
            };
            sleep(delay).await;
        }
    });
}
