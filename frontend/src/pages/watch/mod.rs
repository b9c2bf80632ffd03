//! Watch: several prefixes side by side, live. The watches are in the URL.

mod address;
mod composer;
mod detail;
mod empty;
mod events;
mod head;
mod kept;
mod note;
mod panel;
mod quiet;
mod row;
mod scroll;
mod spark;
mod store;
mod text;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use crate::i18n::{Common, tr};
use crate::model::stream::spec::{self, PanelSpec};
use address::url_of;
use composer::Composer;
use empty::Empty;
use kept::KeptEvents;
use panel::Panel;

/// The page.
#[component]
pub(crate) fn Watch() -> impl IntoView {
    provide_context(KeptEvents::new());
    let search = use_location().search;
    let specs = Memo::new(move |_| spec::parse(search.get().trim_start_matches('?')));
    let navigate = use_navigate();
    let go = StoredValue::new_local(move |specs: &[PanelSpec]| {
        navigate(
            &url_of(specs),
            NavigateOptions {
                scroll: false,
                ..NavigateOptions::default()
            },
        );
    });
    let on_watch = Callback::new(move |spec: PanelSpec| {
        let mut specs = specs.get_untracked();
        if !specs.contains(&spec) {
            specs.push(spec);
            go.with_value(|go| go(&specs));
        }
    });
    let on_close = Callback::new(move |spec: PanelSpec| {
        let mut specs = specs.get_untracked();
        specs.retain(|other| *other != spec);
        go.with_value(|go| go(&specs));
    });
    view! {
        <h1 class="visually-hidden">{tr(Common::Watch)}</h1>
        <div class="watch">
            <Composer on_watch=on_watch/>
            <Show when=move || !specs.with(Vec::is_empty) fallback=move || view! { <Empty on_watch=on_watch/> }>
                <div class="panels">
                    <For each=move || specs.get() key=Clone::clone let:spec>
                        <Panel spec=spec on_close=on_close/>
                    </For>
                </div>
            </Show>
        </div>
    }
}
