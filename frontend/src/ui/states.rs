//! Placeholders for content: an empty state, an error, a skeleton.

use leptos::prelude::*;

use super::button::{Button, Press};
use super::icon::{Glyph, Icon};
use crate::api::ApiError;
use crate::i18n::{Common, use_i18n};

/// Nothing to show: a line that says why, with actions as children.
#[component]
pub(crate) fn EmptyState(
    icon: Icon,
    #[prop(into)] title: Signal<String>,
    #[prop(optional, into)] detail: MaybeProp<String>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    view! {
        <div class="state">
            <span class="state-icon"><Glyph icon=icon/></span>
            <p class="state-title">{move || title.get()}</p>
            <p class="state-detail">{move || detail.get()}</p>
            {children.map(|children| view! { <div class="state-acts">{children()}</div> })}
        </div>
    }
}

/// The error, the affected object, and the next step.
#[component]
pub(crate) fn ErrorState(
    #[prop(into)] error: Signal<ApiError>,
    #[prop(into)] on_retry: Press,
) -> impl IntoView {
    let i18n = use_i18n();
    let request = move || {
        let id = error.with(|error| error.problem().map(|problem| problem.request_id.clone()))?;
        (!id.is_empty()).then(|| i18n.fill(Common::RequestId, &[&id]))
    };
    view! {
        <div class="state state-error" role="alert">
            <span class="state-icon"><Glyph icon=Icon::Warn/></span>
            <p class="state-title">{move || error.with(|error| error.title(i18n.lang()))}</p>
            <p class="state-detail">{move || error.with(|error| error.detail(i18n.lang()))}</p>
            <div class="state-acts">
                <Button icon=Icon::Refresh on_press=move || on_retry.act()>{move || i18n.t(Common::Retry)}</Button>
            </div>
            <p class="state-note mono">{request}</p>
        </div>
    }
}

/// Rows that are loading for the first time. Content already shown stays instead.
#[component]
pub(crate) fn Skeleton(#[prop(default = 6)] rows: usize) -> impl IntoView {
    let i18n = use_i18n();
    view! {
        <div class="skeleton" role="status" aria-label=move || i18n.t(Common::Loading)>
            {(0..rows).map(|row| view! { <span class=format!("skeleton-row skeleton-{}", row % 4)></span> }).collect_view()}
        </div>
    }
}
