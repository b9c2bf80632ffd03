//! The page without a watch: a hint, and prefixes to start with.

use leptos::prelude::*;

use super::text::Text;
use crate::api;
use crate::i18n::{label, tr};
use crate::model::format;
use crate::model::stream::spec::PanelSpec;
use crate::ui::{Button, EmptyState, Icon};

/// Limit of offered prefixes.
const MOST: usize = 6;

/// The empty page.
#[component]
pub(super) fn Empty(on_watch: Callback<PanelSpec>) -> impl IntoView {
    let found = LocalResource::new(suggestions);
    let watch = move |prefix: Vec<u8>| {
        on_watch.run(PanelSpec {
            is_prefix: true,
            bytes: prefix,
            revision: None,
            only: None,
        });
    };
    let offers = move || {
        let prefixes = found.get().unwrap_or_default();
        let offers = prefixes.into_iter().map(|prefix| {
            let name = format::key(&prefix);
            view! { <Button on_press=move || watch(prefix.clone())><span class="mono">{name}</span></Button> }
        });
        offers.collect_view()
    };
    view! {
        <EmptyState
            icon=Icon::Eye
            title=label(Text::EmptyTitle)
            detail=label(Text::EmptyDetail)
        >
            {offers}
            <Button on_press=move || watch(Vec::new())>{tr(Text::Everything)}</Button>
        </EmptyState>
    }
}

/// The top-level folders. A folder that is only a slash says nothing, so the folders below it
/// replace it.
async fn suggestions() -> Vec<Vec<u8>> {
    let Ok(level) = api::kv::tree(b"", None, MOST).await else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for folder in level.folders {
        if folder.prefix.0 == b"/"
            && let Ok(below) = api::kv::tree(b"/", None, MOST).await
            && !below.folders.is_empty()
        {
            found.extend(below.folders.into_iter().map(|folder| folder.prefix.0));
        } else {
            found.push(folder.prefix.0);
        }
    }
    found.truncate(MOST);
    found
}
