//! Searches of the server: the one in the address runs, and its results replace the tree.

mod results;
mod text;

use leptos::prelude::*;
use leptos::task::spawn_local_scoped_with_cancellation;

pub(super) use self::results::SearchResults;
use self::text::Text;
use super::navigation::{Navigation, use_navigation};
use crate::api::{self, ApiError};
use crate::i18n::use_i18n;
use crate::model::key_text;
use crate::model::search::{Phase, Search, Spec, next_path};
use crate::model::tree::Name;
use crate::ui::{Button, ButtonKind, Icon, Kbd};

/// The search in the address, if there is one.
#[derive(Clone, Copy)]
pub(super) struct ServerSearch {
    state: RwSignal<Option<Search>>,
    error: RwSignal<Option<ApiError>>,
    /// The path of the request that runs; a new one ends the one before.
    request: RwSignal<Option<String>>,
}

impl ServerSearch {
    fn start(self, spec: &Spec) {
        self.error.set(None);
        self.state.set(Some(Search::new(spec.clone())));
        // The note below the field names an invalid escape.
        self.request.set(spec.path().ok());
    }

    fn close(self) {
        self.request.set(None);
        self.state.set(None);
        self.error.set(None);
    }

    fn stop(self) {
        self.request.set(None);
        self.update(|search| search.phase = Phase::Stopped);
    }

    fn resume(self) {
        let next = self.state.with_untracked(|state| {
            let next = state.as_ref().and_then(Search::next);
            next.map(next_path)
        });
        if next.is_some() {
            self.error.set(None);
            self.update(Search::resume);
            self.request.set(next);
        }
    }

    fn retry(self) {
        let spec = self
            .state
            .with_untracked(|state| state.as_ref().map(|search| search.spec.clone()));
        if let Some(spec) = spec {
            self.start(&spec);
        }
    }

    fn update(self, change: impl FnOnce(&mut Search)) {
        // The component may have been removed when lines arrive.
        self.state.try_update(|state| {
            if let Some(search) = state {
                change(search);
            }
        });
    }

    /// Whether results are shown.
    pub(super) fn is_open(self) -> bool {
        self.state.with(Option::is_some)
    }

    /// A property of the search.
    fn get<T: Default>(self, read: impl FnOnce(&Search) -> T) -> T {
        self.state
            .with(|state| state.as_ref().map(read).unwrap_or_default())
    }
}

/// Runs the search in the address. `filter` is the field in which it is typed: another text closes the results.
pub(super) fn provide(filter: RwSignal<String>) -> ServerSearch {
    let navigation = use_navigation();
    let search = ServerSearch {
        state: RwSignal::new(None),
        error: RwSignal::new(None),
        request: RwSignal::new(None),
    };
    Effect::new(move |_| match navigation.search.get() {
        Some(spec) => {
            if filter.with_untracked(|text| *text != spec.text) {
                filter.set(spec.text.clone());
            }
            search.start(&spec);
        }
        None => search.close(),
    });
    Effect::new(move |before: Option<String>| {
        let text = filter.get();
        let searched = navigation.search.get_untracked();
        let typed = before.is_some_and(|before| before != text);
        if typed && searched.is_some_and(|spec| spec.text != text) {
            navigation.close_search();
        }
        text
    });
    // An effect's own tasks are cancelled when it runs again: only the last request runs.
    Effect::new(move |_| {
        let Some(path) = search.request.get() else {
            return;
        };
        spawn_local_scoped_with_cancellation(async move {
            let run = api::search::run(&path, |lines| search.update(|state| state.apply(lines)));
            if let Err(error) = run.await {
                search.update(|state| state.phase = Phase::Failed);
                search.error.try_set(Some(error));
            }
        });
    });
    search
}

/// The name of a prefix in a sentence.
fn prefix_name(within: &[u8]) -> String {
    key_text::in_sentence(within)
}

/// Offers to search the server for the text of the filter.
#[component]
pub(super) fn SearchOffer(
    filter: RwSignal<String>,
    /// The prefix to search.
    #[prop(into)]
    within: Signal<Name>,
    /// Whether Enter starts the search; else Alt and Enter.
    #[prop(into)]
    on_enter: Signal<bool>,
) -> impl IntoView {
    let (navigation, i18n) = (use_navigation(), use_i18n());
    let shown = Memo::new(move |_| {
        navigation.search.with(Option::is_none)
            && filter.with(|text| !text.is_empty() && key_text::parse(text).is_ok())
    });
    let name = move || match &*within.get() {
        [] => i18n.t(Text::SearchAll).to_owned(),
        within => i18n.fill(Text::SearchWithin, &[&prefix_name(within)]),
    };
    move || {
        shown.get().then(|| {
            let start = move || start(navigation, filter, within);
            view! {
                <div class="x-search-offer">
                    <Button kind=ButtonKind::Quiet icon=Icon::Find on_press=start>
                        <span class="cut">{name}</span>
                        {move || {
                            let keys = if on_enter.get() { "Enter" } else { "Alt Enter" };
                            view! { <Kbd keys=keys/> }
                        }}
                    </Button>
                </div>
            }
        })
    }
}

/// Searches the server for the text of the filter.
pub(super) fn start(navigation: Navigation, filter: RwSignal<String>, within: Signal<Name>) {
    let text = filter.get_untracked();
    if text.is_empty() || key_text::parse(&text).is_err() {
        return;
    }
    navigation.open_search(&Spec {
        within: within.get_untracked(),
        text,
        regex: false,
    });
}
