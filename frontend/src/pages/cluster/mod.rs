//! Cluster: members, alarms and maintenance.

use leptos::prelude::*;

use crate::i18n::{Common, tr};

/// The page.
#[component]
pub(crate) fn Cluster() -> impl IntoView {
    view! {
        <h1 class="visually-hidden">{tr(Common::Cluster)}</h1>
    }
}
