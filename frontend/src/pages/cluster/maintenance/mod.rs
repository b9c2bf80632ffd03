//! Maintenance: one card per task, with its form and its result.

mod alarms;
mod card;
mod compaction;
mod defragmentation;
mod downgrade;
mod hashes;
mod member_select;
pub(super) mod progress;
mod snapshot;
mod text;

use leptos::prelude::*;

use super::store::ClusterStore;
use crate::ui::{Icon, Note};
use alarms::Alarms;
use compaction::Compaction;
use defragmentation::Defragmentation;
use downgrade::Downgrade;
use hashes::Hashes;
use snapshot::Snapshot;

/// The cards. A note says why nothing can be changed, where that is so.
#[component]
pub(super) fn Maintenance(store: ClusterStore) -> impl IntoView {
    let denied = move || {
        let text = store.permission.explanation()?;
        Some(view! { <Note icon=Icon::Lock role="status" class="cluster-note">{text}</Note> })
    };
    view! {
        {denied}
        <div class="tasks">
            <Snapshot store=store/>
            <Hashes store=store/>
            <Compaction store=store/>
            <Defragmentation store=store/>
            <Alarms store=store/>
            <Downgrade store=store/>
        </div>
    }
}
