//! Navigation within the Explorer. Its state is in the URL, so that every view can be shared.

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use crate::api::base::page_url;
use crate::model::percent;
use crate::model::search::Spec;
use crate::model::tree::Name;

/// The selected item.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Selected {
    Nothing,
    Key(Name),
    Prefix(Name),
}

/// The tab of the value.
pub(crate) const VALUE: &str = "value";
/// The tab of the history.
pub(crate) const HISTORY: &str = "history";

/// Goes to a URL; the flag says whether it replaces the current history entry.
type Go = Box<dyn Fn(&str, bool)>;

/// The state in the URL, to read and to change.
#[derive(Clone, Copy)]
pub(crate) struct Navigation {
    pub(crate) selected: Memo<Selected>,
    pub(crate) tab: Memo<&'static str>,
    /// The key that the dialog for a new key starts with, while it is open.
    pub(crate) new: Memo<Option<Name>>,
    /// The search of the server whose results are shown; it stays when its results are opened.
    pub(crate) search: Memo<Option<Spec>>,
    go: StoredValue<Go, LocalStorage>,
}

fn read(query: &str) -> Selected {
    let value = |name| percent::query_value(query, name);
    match (value("key"), value("prefix")) {
        // etcd has no key with an empty name.
        (Some(key), _) if !key.is_empty() => Selected::Key(key.into()),
        (_, Some(prefix)) => Selected::Prefix(prefix.into()),
        _ => Selected::Nothing,
    }
}

impl Navigation {
    fn new() -> Self {
        let search = use_location().search;
        let navigate = use_navigate();
        let go = move |url: &str, replace: bool| {
            navigate(
                url,
                NavigateOptions {
                    replace,
                    scroll: false,
                    ..NavigateOptions::default()
                },
            );
        };
        Self {
            selected: Memo::new(move |_| search.with(|query| read(query))),
            tab: Memo::new(move |_| {
                let tab = search.with(|query| percent::query_value(query, "tab"));
                if tab.as_deref() == Some(HISTORY.as_bytes()) {
                    HISTORY
                } else {
                    VALUE
                }
            }),
            new: Memo::new(move |_| {
                search
                    .with(|query| percent::query_value(query, "new"))
                    .map(Into::into)
            }),
            search: Memo::new(move |_| search.with(|query| Spec::of_query(query))),
            go: StoredValue::new_local(Box::new(go)),
        }
    }

    fn to(self, query: &str, replace: bool) {
        self.to_with(query, self.search.get_untracked().as_ref(), replace);
    }

    fn to_with(self, query: &str, search: Option<&Spec>, replace: bool) {
        let search = search.map(|search| percent::query(&search.parameters()));
        let mut query = query.to_owned() + &search.unwrap_or_default();
        if let Some(second) = query.rfind('?').filter(|at| *at > 0) {
            query.replace_range(second..=second, "&");
        }
        self.go
            .with_value(|go| go(&page_url(&format!("explorer{query}")), replace));
    }

    /// The query of what is selected.
    fn selected_query(self) -> String {
        match self.selected.get_untracked() {
            Selected::Key(key) => percent::query(&[("key", &key)]),
            Selected::Prefix(prefix) => percent::query(&[("prefix", &prefix)]),
            Selected::Nothing => String::new(),
        }
    }

    /// Shows the results of a search of the server beside what is selected.
    pub(crate) fn open_search(self, search: &Spec) {
        self.to_with(&self.selected_query(), Some(search), false);
    }

    /// Shows the tree instead of the results of a search.
    pub(crate) fn close_search(self) {
        if self.search.with_untracked(Option::is_some) {
            self.to_with(&self.selected_query(), None, true);
        }
    }

    /// Shows a key, on its first tab.
    pub(crate) fn open_key(self, key: &[u8]) {
        if *self.selected.read_untracked() != Selected::Key(key.into()) {
            self.to(&percent::query(&[("key", key)]), false);
        }
    }

    /// Shows a prefix.
    pub(crate) fn open_prefix(self, prefix: &[u8]) {
        if *self.selected.read_untracked() != Selected::Prefix(prefix.into()) {
            self.to(&percent::query(&[("prefix", prefix)]), false);
        }
    }

    /// Shows the tree alone.
    pub(crate) fn close(self) {
        self.to("", false);
    }

    /// Shows another tab of the same key.
    pub(crate) fn open_tab(self, tab: &'static str) {
        let Selected::Key(key) = self.selected.get_untracked() else {
            return;
        };
        let mut query = vec![("key", &*key)];
        if tab != VALUE {
            query.push(("tab", tab.as_bytes()));
        }
        self.to(&percent::query(&query), true);
    }

    /// Opens the dialog for a new key that starts with these bytes.
    pub(crate) fn open_new(self, initial: &[u8]) {
        let selected = self.selected.get_untracked();
        let mut query = vec![("new", initial)];
        match &selected {
            Selected::Key(key) => query.push(("key", key)),
            Selected::Prefix(prefix) => query.push(("prefix", prefix)),
            Selected::Nothing => {}
        }
        self.to(&percent::query(&query), true);
    }

    /// Closes the dialog for a new key.
    pub(crate) fn close_new(self) {
        self.to(&self.selected_query(), true);
    }
}

/// The Explorer's navigation.
pub(crate) fn use_navigation() -> Navigation {
    expect_context()
}

/// Puts the navigation into the page's context.
pub(super) fn provide() -> Navigation {
    let navigation = Navigation::new();
    provide_context(navigation);
    navigation
}
