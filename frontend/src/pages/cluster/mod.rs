//! Cluster: its members, alarms and warnings, the charts of the last hour, maintenance, and the checks of the way to
//! it. The part that is shown is in the URL.

mod ask;
mod ask_text;
mod charts;
mod checks;
mod commands;
mod consequences;
mod head;
mod maintenance;
mod member_forms;
mod member_row;
mod members;
mod permission;
mod problems;
mod run;
mod store;
mod text;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use crate::api::ApiError;
use crate::api::base::page_url;
use crate::clock::use_clock;
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::{format, percent};
use crate::ui::tabs::tab_id;
use crate::ui::{Button, ButtonKind, ErrorState, Icon, Note, NoteKind, Skeleton, Tabs, When};
use ask::AskDialog;
use charts::Charts;
use checks::Checks;
use head::Head;
use maintenance::Maintenance;
use members::Members;
use problems::Problems;
use store::ClusterStore;
use text::Text;

const OVERVIEW: &str = "overview";
const MAINTENANCE: &str = "maintenance";
const CHECKS: &str = "checks";

/// The page.
#[component]
pub(crate) fn Cluster() -> impl IntoView {
    let i18n = use_i18n();
    let store = ClusterStore::open();
    let search = use_location().search;
    let view = Memo::new(move |_| {
        let view = percent::query_value(search.get().trim_start_matches('?'), "view");
        match view.as_deref() {
            Some(b"maintenance") => MAINTENANCE,
            Some(b"checks") => CHECKS,
            _ => OVERVIEW,
        }
    });
    let navigate = use_navigate();
    let on_choose = Callback::new(move |view: &'static str| {
        let query = match view {
            OVERVIEW => String::new(),
            view => percent::query(&[("view", view.as_bytes())]),
        };
        let options = NavigateOptions {
            scroll: false,
            ..NavigateOptions::default()
        };
        navigate(&page_url(&format!("cluster{query}")), options);
    });
    let tabs = Signal::derive(move || {
        [
            (OVERVIEW, Text::Overview),
            (MAINTENANCE, Text::Maintenance),
            (CHECKS, Text::Checks),
        ]
        .map(|(name, text)| (name, i18n.t(text).to_owned(), None))
        .to_vec()
    });
    let body = move || match view.get() {
        CHECKS => view! { <Checks/> }.into_any(),
        MAINTENANCE => view! { <Responding store=store maintenance=true/> }.into_any(),
        _ => view! { <Responding store=store maintenance=false/> }.into_any(),
    };
    view! {
        <h1 class="visually-hidden">{tr(Common::Cluster)}</h1>
        <div class="cluster-page">
            <div class="cluster-tabs">
                <Tabs label=label(Text::Views) value=view options=tabs on_choose=on_choose/>
            </div>
            <div class="cluster-body" role="tabpanel" aria-labelledby=move || tab_id(view.get())>
                <Report store=store/>
                {body}
            </div>
        </div>
        <AskDialog store=store/>
    }
}

/// What needs a response of the cluster; without one, the error and the checks.
#[component]
fn Responding(store: ClusterStore, maintenance: bool) -> impl IntoView {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Loading,
        Failed,
        Shown,
    }
    let state = Memo::new(move |_| {
        let known = store.info().with(Option::is_some);
        let failed = store.error().with(Option::is_some);
        match (known, failed) {
            (true, _) => State::Shown,
            (false, true) => State::Failed,
            (false, false) => State::Loading,
        }
    });
    move || match state.get() {
        State::Loading => view! { <Skeleton rows=8/> }.into_any(),
        State::Failed => view! { <Unreachable store=store/> }.into_any(),
        State::Shown if maintenance => view! {
            <Outage store=store/>
            <Maintenance store=store/>
        }
        .into_any(),
        State::Shown => view! {
            <Outage store=store/>
            <Head store=store/>
            <Problems store=store/>
            <Members store=store/>
            <Charts/>
        }
        .into_any(),
    }
}

/// The cluster has not responded since the page was opened.
#[component]
fn Unreachable(store: ClusterStore) -> impl IntoView {
    let error = Signal::derive(move || store.error().get().unwrap_or(ApiError::Unreachable));
    view! {
        <div class="cluster-failed"><ErrorState error=error on_retry=move || store.refresh()/></div>
        <Checks/>
    }
}

/// The cluster has stopped responding: what is shown is old.
#[component]
fn Outage(store: ClusterStore) -> impl IntoView {
    let (clock, i18n) = (use_clock(), use_i18n());
    let error = store.error();
    let message = move || {
        let age = ((clock.now() - store.at()) / 1000.0).max(0.0) as i64;
        let stale = i18n.fill(Text::Stale, &[&format::span(age, i18n.lang())]);
        let error = error.get().map(|error| error.in_full(i18n.lang()));
        crate::model::sentence::sentences(&[&error.unwrap_or_default(), &stale])
    };
    view! {
        <When when=move || error.with(Option::is_some)>
            <Note kind=NoteKind::Error role="alert" class="cluster-note">{message}</Note>
            <Checks/>
        </When>
    }
}

/// What the last operation did.
#[component]
fn Report(store: ClusterStore) -> impl IntoView {
    move || {
        let text = store.report.get()?;
        let dismiss = move || {
            view! {
                <Button
                    kind=ButtonKind::Quiet
                    small=true
                    icon=Icon::Close
                    label=label(Text::Dismiss)
                    on_press=move || store.report.set(None)
                />
            }
        };
        Some(view! {
            <Note icon=Icon::Check role="status" class="cluster-note cluster-report" action=dismiss>{text}</Note>
        })
    }
}
