//! Watch: several prefixes side by side, live. What is watched stands in the address.

mod composer;
mod detail;
mod empty;
mod events;
mod head;
mod note;
mod panel;
mod quiet;
mod row;
mod scroll;
mod spark;
mod store;
mod text;

use std::collections::BTreeMap;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use crate::api::base::page_url;
use crate::i18n::{Common, I18n, tr};
use crate::model::key_text;
use crate::model::stream::spec::{self, PanelSpec};
use composer::Composer;
use empty::Empty;
use panel::Panel;
use text::Text;

/// Events kept, by panel; a context of the page.
#[derive(Clone, Copy)]
struct Kept(RwSignal<BTreeMap<u32, usize>>);

impl Kept {
    fn set(self, panel: u32, events: usize) {
        self.0.try_update(|kept| kept.insert(panel, events));
    }

    fn remove(self, panel: u32) {
        self.0.try_update(|kept| kept.remove(&panel));
    }

    /// All events; `None` without a panel.
    fn total(self) -> Option<usize> {
        self.0
            .with(|kept| (!kept.is_empty()).then(|| kept.values().sum()))
    }
}

/// The page.
#[component]
pub(crate) fn Watch() -> impl IntoView {
    provide_context(Kept(RwSignal::new(BTreeMap::new())));
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

/// The page's address with these panels.
fn url_of(specs: &[PanelSpec]) -> String {
    page_url(&format!("watch{}", spec::query(specs)))
}

/// What a panel watches, within a sentence or an attribute.
fn name_of(spec: &PanelSpec, i18n: I18n) -> String {
    if spec.bytes.is_empty() {
        i18n.t(Text::AllKeys).to_owned()
    } else {
        key_text::in_sentence(&spec.bytes)
    }
}
