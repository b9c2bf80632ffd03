//! Transactions: if, then, else in a builder beside its JSON; a single op; and the STM lab. The view is in the
//! address; a link can carry a transaction in its fragment, which is shown for review and never run.

mod builder;
mod choices;
mod commands;
mod compare_row;
mod confirm;
mod draft;
mod entries;
mod fields;
mod get_fields;
mod json_pane;
mod lab;
mod op_row;
mod outcome;
mod row;
mod saved;
mod store;
mod templates;
mod text;
mod tools;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use crate::api::base::page_url;
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::percent;
use crate::model::txn::link::{self, Fragment};
use crate::model::txn::{Body, Mode};
use crate::ui::{Button, ButtonKind, Icon, Note, NoteKind, Segmented, When};
use builder::Builder;
use json_pane::JsonPane;
use lab::Lab;
use outcome::OutcomeCard;
use store::{Store, use_store};
use text::Text;
use tools::Tools;

/// The views of the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum View {
    Edit(Mode),
    Lab,
}

impl View {
    const ALL: [Self; 3] = [Self::Edit(Mode::Txn), Self::Edit(Mode::Single), Self::Lab];

    /// The view of an address: that of the transaction in its fragment, else the one that the query names.
    fn of(query: &str, hash: &str) -> Self {
        match link::read(hash) {
            Fragment::Body(body) if matches!(*body, Body::Single(_)) => {
                return Self::Edit(Mode::Single);
            }
            Fragment::Body(_) => return Self::Edit(Mode::Txn),
            Fragment::None | Fragment::Invalid => {}
        }
        let name = percent::query_value(query.trim_start_matches('?'), "view");
        match name.as_deref() {
            Some(b"op") => Self::Edit(Mode::Single),
            Some(b"stm") => Self::Lab,
            _ => Self::Edit(Mode::Txn),
        }
    }

    /// Its query, with `?`.
    fn query(self) -> &'static str {
        match self {
            Self::Edit(Mode::Txn) => "",
            Self::Edit(Mode::Single) => "?view=op",
            Self::Lab => "?view=stm",
        }
    }

    fn name(self) -> Text {
        match self {
            Self::Edit(Mode::Txn) => Text::ViewTxn,
            Self::Edit(Mode::Single) => Text::ViewSingle,
            Self::Lab => Text::ViewLab,
        }
    }
}

/// The page.
#[component]
pub(crate) fn Transactions() -> impl IntoView {
    let i18n = use_i18n();
    let store = Store::new(draft::restore());
    provide_context(store);
    draft::keep(store);
    let (search, hash) = (use_location().search, use_location().hash);
    let shown = Memo::new(move |_| View::of(&search.get(), &hash.get()));
    Effect::new(move |_| {
        if let View::Edit(mode) = shown.get() {
            store.set_mode(mode);
        }
    });
    // What came with the link; a link that was opened later replaces it.
    let linked = RwSignal::new(Fragment::None);
    Effect::new(move |_| {
        let fragment = link::read(&hash.get());
        if let Fragment::Body(body) = &fragment
            && store.load(body, None).is_err()
        {
            linked.set(Fragment::Invalid);
        } else {
            linked.set(fragment);
        }
    });
    let navigate = use_navigate();
    let choose = Callback::new(move |view: View| {
        linked.set(Fragment::None);
        let options = NavigateOptions {
            scroll: false,
            ..NavigateOptions::default()
        };
        navigate(&page_url(&format!("transactions{}", view.query())), options);
    });
    let options = Signal::derive(move || {
        let views = View::ALL.into_iter();
        views
            .map(|view| (view, i18n.t(view.name()).to_owned()))
            .collect()
    });
    let is_lab = Memo::new(move |_| shown.get() == View::Lab);
    view! {
        <h1 class="visually-hidden">{tr(Common::Transactions)}</h1>
        <div class="txn">
            <div class="txn-tools">
                <Segmented label=label(Text::Views) value=shown options=options on_choose=choose/>
                <When when=move || !is_lab.get()><Tools/></When>
            </div>
            <Show when=move || is_lab.get() fallback=move || view! { <Editor linked=linked/> }>
                <Lab/>
            </Show>
        </div>
    }
}

/// Builder, JSON and result.
#[component]
fn Editor(linked: RwSignal<Fragment>) -> impl IntoView {
    view! {
        <div class="txn-panes">
            <div class="txn-main">
                <Notes linked=linked/>
                <Builder/>
            </div>
            <div class="txn-side">
                <JsonPane/>
                <OutcomeCard/>
            </div>
        </div>
    }
}

/// Where the transaction comes from, and what it replaced.
#[component]
fn Notes(linked: RwSignal<Fragment>) -> impl IntoView {
    let (i18n, store) = (use_i18n(), use_store());
    let from_link = Memo::new(move |_| linked.with(|linked| matches!(linked, Fragment::Body(_))));
    let bad_link = Memo::new(move |_| linked.with(|linked| *linked == Fragment::Invalid));
    let replaced = Memo::new(move |_| {
        store
            .replaced
            .with(|replaced| replaced.as_ref().map(|(_, name)| name.clone()))
    });
    let replaced_text = move || {
        Some(match replaced.get()? {
            Some(name) => i18n.fill(Text::Replaced, &[&name]),
            None if from_link.get() => i18n.t(Text::ReplacedByLink).to_owned(),
            None => i18n.t(Text::Cleared).to_owned(),
        })
    };
    view! {
        <When when=move || from_link.get()>
            <Note icon=Icon::Link role="status" action=move || view! {
                <Button kind=ButtonKind::Quiet small=true icon=Icon::Close label=label(Text::Dismiss)
                    on_press=move || linked.set(Fragment::None)/>
            }>{tr(Text::FromLink)}</Note>
        </When>
        <When when=move || bad_link.get()>
            <Note kind=NoteKind::Error role="alert">{tr(Text::BadLink)}</Note>
        </When>
        <When when=move || replaced.with(Option::is_some)>
            <Note role="status" action=move || view! {
                <Button small=true on_press=move || store.undo()>{tr(Text::Undo)}</Button>
                <Button kind=ButtonKind::Quiet small=true icon=Icon::Close label=label(Text::Dismiss)
                    on_press=move || store.replaced.set(None)/>
            }>{replaced_text}</Note>
        </When>
    }
}
