//! The state of the page: the cluster as of the last response, the operation that is being asked about, and
//! what the last one did.

use std::time::Duration;

use gloo_timers::future::sleep;
use leptos::prelude::*;
use leptos::task::spawn_local_scoped_with_cancellation;
use shared::{ClusterResponse, Member, MemberId};

use super::maintenance::progress::Progress;
use super::permission::Permission;
use crate::api::{self, ApiError};
use crate::clock::now_ms;
use crate::model::cluster::{Operation, Who};
use crate::state::Scope;

/// The delay after a response.
const REFRESH_INTERVAL: Duration = Duration::from_secs(5);

/// A handle to the page's state.
#[derive(Clone, Copy)]
pub(super) struct ClusterStore {
    info: RwSignal<Option<ClusterResponse>>,
    error: RwSignal<Option<ApiError>>,
    /// When the last response arrived.
    at: RwSignal<f64>,
    /// The operation whose confirmation is open.
    pub(super) asking: RwSignal<Option<Operation>>,
    /// What the last operation did.
    pub(super) report: RwSignal<Option<String>>,
    /// The defragmentation in progress, or the last one.
    pub(super) defragmentation: Progress,
    pub(super) permission: Permission,
    pub(super) scope: Scope,
}

impl ClusterStore {
    /// Reads the cluster's state until the current owner is cleaned up. A hidden tab reads nothing.
    pub(super) fn open() -> Self {
        let store = Self {
            info: RwSignal::new(None),
            error: RwSignal::new(None),
            at: RwSignal::new(now_ms()),
            asking: RwSignal::new(None),
            report: RwSignal::new(None),
            defragmentation: Progress::new(),
            permission: Permission::here(),
            scope: Scope::here(),
        };
        spawn_local_scoped_with_cancellation(async move {
            loop {
                if !document().hidden() {
                    store.load().await;
                }
                sleep(REFRESH_INTERVAL).await;
            }
        });
        store
    }

    async fn load(self) {
        match api::cluster::cluster().await {
            Ok(info) => {
                self.error.try_set(None);
                self.at.try_set(now_ms());
                self.info.try_set(Some(info));
            }
            Err(error) => {
                self.error.try_set(Some(error));
            }
        }
    }

    /// Reads the state now.
    pub(super) fn refresh(self) {
        self.scope.spawn(self.load());
    }

    /// The last response; kept while the cluster does not respond.
    pub(super) fn info(self) -> Signal<Option<ClusterResponse>> {
        self.info.into()
    }

    /// The error of the last request, if it failed.
    pub(super) fn error(self) -> Signal<Option<ApiError>> {
        self.error.into()
    }

    /// When the last response arrived, in the browser's time.
    pub(super) fn at(self) -> f64 {
        self.at.get()
    }

    /// The members; empty before the first response.
    pub(super) fn members(self) -> Vec<Member> {
        let members = |info: &Option<ClusterResponse>| Some(info.as_ref()?.members.clone());
        self.info.with(members).unwrap_or_default()
    }

    /// A member as it is named on screen.
    pub(super) fn who(self, id: MemberId) -> Who {
        self.info.with(|info| {
            let members = info.as_ref().map(|info| &info.members);
            let member = members.and_then(|members| members.iter().find(|it| it.id == id));
            member.map_or_else(
                || Who {
                    id,
                    name: String::new(),
                    url: None,
                },
                Who::from,
            )
        })
    }

    /// The leader's id.
    pub(super) fn leader(self) -> Option<MemberId> {
        self.info.with(|info| info.as_ref()?.leader)
    }

    /// Opens the confirmation of an operation.
    pub(super) fn ask(self, operation: Operation) {
        self.report.set(None);
        self.asking.set(Some(operation));
    }
}
