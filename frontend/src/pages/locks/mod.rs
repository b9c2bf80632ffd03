//! Locks: all of them, detected automatically and live, and apart from them the keys that may be locks.
//! Which one is looked at stands in the address.

mod acquire;
mod alarm;
mod deeds;
mod detail;
mod guesses;
mod holder;
mod lanes;
mod parts;
mod queue;
mod release;
mod revoke;
mod row;
mod store;
mod table;
mod text;
mod won;

use std::collections::BTreeSet;
use std::sync::Arc;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};
use shared::LockKind;

use crate::api::base::page_url;
use crate::i18n::{Common, tr, use_i18n};
use crate::model::locks::{Board, ListFilter, ListRow, list_rows};
use crate::model::{format, percent};
use crate::state::use_account;
use crate::ui::{
    Button, ButtonKind, EmptyState, ErrorState, Icon, SearchField, Segmented, Skeleton,
};
use acquire::{AcquireDialog, AcquireName};
use alarm::Alarm;
use detail::Detail;
use store::LockStore;
use table::LockTable;
use text::Text;

/// The page.
#[component]
pub(crate) fn Locks() -> impl IntoView {
    let store = LockStore::open();
    let filter = RwSignal::new(String::new());
    let shown = RwSignal::new(ListFilter::All);
    let turned = RwSignal::new(BTreeSet::<Vec<u8>>::new());
    let acquiring = RwSignal::new(None::<AcquireName>);
    let search = use_location().search;
    let selected =
        Memo::new(move |_| percent::query_value(search.get().trim_start_matches('?'), "name"));
    let navigate = use_navigate();
    let on_select = Callback::new(move |name: Option<Vec<u8>>| {
        let before = selected.get_untracked();
        if name == before {
            return;
        }
        let query = name
            .as_ref()
            .map(|name| percent::query(&[("name", name)]))
            .unwrap_or_default();
        // Going from lock to lock is one visit; opening the first is a step that "back" undoes.
        let replace = before.is_some() && name.is_some();
        let options = NavigateOptions {
            replace,
            scroll: false,
            ..NavigateOptions::default()
        };
        navigate(&page_url(&format!("locks{query}")), options);
    });
    let rows = Memo::new(move |_| {
        let (shown, text, selected) = (shown.get(), filter.get(), selected.get());
        let rows = turned.with(|turned| {
            store.read(|board| list_rows(board, shown, &text, turned, selected.as_deref()))
        });
        Arc::new(rows.unwrap_or_default())
    });
    let on_turn = Callback::new(move |prefix: Vec<u8>| {
        turned.update(|turned: &mut BTreeSet<Vec<u8>>| {
            if !turned.remove(&prefix) {
                turned.insert(prefix);
            }
        });
    });
    let open_acquire = Callback::new(move |name: AcquireName| acquiring.set(Some(name)));
    view! {
        <h1 class="visually-hidden">{tr(Common::Locks)}</h1>
        <div class="locks" class:has-detail=move || selected.with(Option::is_some)>
            <section class="lock-list">
                <Tools store=store filter=filter shown=shown on_acquire=open_acquire/>
                <List
                    store=store
                    rows=rows
                    filter=filter
                    shown=shown
                    selected=selected
                    on_select=on_select
                    on_turn=on_turn
                    on_acquire=open_acquire
                />
            </section>
            {move || selected.get().map(|name| view! {
                <Detail store=store name=name on_close=Callback::new(move |()| on_select.run(None)) on_acquire=open_acquire/>
            })}
        </div>
        <AcquireDialog open=acquiring/>
    }
}

#[component]
fn Tools(
    store: LockStore,
    filter: RwSignal<String>,
    shown: RwSignal<ListFilter>,
    on_acquire: Callback<AcquireName>,
) -> impl IntoView {
    let i18n = use_i18n();
    let counts = Memo::new(move |_| store.read(Board::counts).unwrap_or_default());
    let more = Memo::new(move |_| store.read(Board::more) == Some(true));
    let options = Signal::derive(move || {
        let counts = counts.get();
        let kinds = [
            (LockKind::Mutex, Text::Mutexes, counts.mutexes, true),
            (LockKind::Election, Text::Elections, counts.elections, true),
            (LockKind::Rwmutex, Text::RwMutexes, counts.rwmutexes, false),
            (
                LockKind::SingleKey,
                Text::SingleKeys,
                counts.single_keys,
                true,
            ),
        ];
        let kinds = kinds
            .into_iter()
            .filter(|(.., count, always)| *always || *count > 0)
            .map(|(kind, text, count, _)| (ListFilter::Kind(kind), text, count));
        let all = (ListFilter::All, Text::All, counts.locks);
        let guesses = (ListFilter::Guesses, Text::Guesses, counts.guesses);
        // What is chosen stays there to be chosen otherwise.
        let guesses = (counts.guesses > 0 || shown.get() == ListFilter::Guesses).then_some(guesses);
        let plus = if more.get() { "+" } else { "" };
        std::iter::once(all)
            .chain(kinds)
            .chain(guesses)
            .map(|(choice, text, count)| {
                let count = format!("{}{plus}", format::count(count as i64));
                (choice, i18n.fill(text, &[&count]))
            })
            .collect::<Vec<_>>()
    });
    view! {
        <div class="lock-tools">
            <div class="lock-filter">
                <SearchField label=Signal::derive(move || i18n.t(Text::Filter).to_owned()) value=filter hint="/"/>
            </div>
            <div class="lock-kinds">
                <Segmented
                    label=Signal::derive(move || i18n.t(Text::Kinds).to_owned())
                    value=shown
                    options=options
                    on_choose=Callback::new(move |choice| shown.set(choice))
                />
            </div>
            <span class="push"></span>
            <Button kind=ButtonKind::Primary icon=Icon::Plus on_press=move || on_acquire.run(None)>{tr(Text::Acquire)}</Button>
        </div>
    }
}

/// The table, or what stands in its place: not listed yet, an error, nothing at all, nothing that matches.
#[component]
fn List(
    store: LockStore,
    rows: Memo<Arc<Vec<ListRow>>>,
    filter: RwSignal<String>,
    shown: RwSignal<ListFilter>,
    selected: Memo<Option<Vec<u8>>>,
    on_select: Callback<Option<Vec<u8>>>,
    on_turn: Callback<Vec<u8>>,
    on_acquire: Callback<AcquireName>,
) -> impl IntoView {
    #[derive(Clone, Copy, PartialEq)]
    enum State {
        Loading,
        Failed,
        Nothing,
        NoMatch,
        Rows,
    }
    let i18n = use_i18n();
    let partial = Memo::new(move |_| store.read(Board::partial) == Some(true));
    let account = use_account();
    let state = Memo::new(move |_| {
        let (listed, all) = store
            .read(|board| (board.listed(), board.counts()))
            .unwrap_or_default();
        let all = all.locks + all.guesses;
        match (rows.with(|rows| rows.is_empty()), listed) {
            (false, _) => State::Rows,
            // While etcd has not answered for all leases, an empty list says nothing; for an account that
            // may not read every key it never will.
            (true, true) if all == 0 && partial.get() && !account.is_limited() => State::Loading,
            (true, true) if all == 0 => State::Nothing,
            (true, true) => State::NoMatch,
            (true, false) if store.error().with(Option::is_some) => State::Failed,
            (true, false) => State::Loading,
        }
    });
    // An account that may not read every key cannot know that no lock is held.
    let limited = move |named: Text, nameless: Text| match account.name() {
        Some(name) => i18n.fill(named, &[&name]),
        None => i18n.t(nameless).to_owned(),
    };
    let nothing = Signal::derive(move || {
        if account.is_limited() {
            limited(Text::EmptyLimited, Text::EmptyLimitedNameless)
        } else {
            i18n.t(Text::EmptyTitle).to_owned()
        }
    });
    let incomplete = move || {
        if account.is_limited() {
            limited(Text::OthersHidden, Text::OthersHiddenNameless)
        } else {
            i18n.t(Text::Partial).to_owned()
        }
    };
    let more = Memo::new(move |_| store.read(Board::more) == Some(true));
    let text = move |text: Text| Signal::derive(move || i18n.t(text).to_owned());
    let clear = move || {
        filter.set(String::new());
        shown.set(ListFilter::All);
    };
    let body = move || {
        match state.get() {
        State::Loading => view! { <Skeleton/> }.into_any(),
        State::Failed => {
            let error = Signal::derive(move || store.error().get().unwrap_or(crate::api::ApiError::Unreachable));
            view! { <ErrorState error=error on_retry=move || store.ask_why()/> }.into_any()
        }
        State::Nothing => view! {
            <EmptyState icon=Icon::Lock title=nothing detail=text(Text::EmptyDetail)>
                <Button icon=Icon::Plus on_press=move || on_acquire.run(None)>{tr(Text::Acquire)}</Button>
            </EmptyState>
        }
        .into_any(),
        State::NoMatch => view! {
            <EmptyState icon=Icon::Filter title=text(Text::NoMatchTitle) detail=text(Text::NoMatchDetail)>
                <Button on_press=clear>{tr(Text::ClearFilter)}</Button>
            </EmptyState>
        }
        .into_any(),
        State::Rows => view! {
            <LockTable store=store rows=rows selected=selected on_select=on_select on_turn=on_turn/>
        }
        .into_any(),
    }
    };
    view! {
        {body}
        <Show when=move || partial.get()>
            <p class="lock-partial">{incomplete}</p>
        </Show>
        <Show when=move || more.get()>
            <p class="lock-partial" role="status">{tr(Text::More)}</p>
        </Show>
        <Show when=move || state.get() == State::Rows && store.interrupted()>
            <p class="lock-partial" role="status">{tr(Text::Interrupted)}</p>
        </Show>
        <Alarm store=store on_press=Callback::new(move |name| on_select.run(Some(name)))/>
    }
}

/// The element id of a lock's row.
fn row_id(name: &[u8]) -> String {
    element_id("lock-", name)
}

/// The element id of the row of a group of guesses.
fn group_id(prefix: &[u8]) -> String {
    element_id("guesses-", prefix)
}

/// An element id for bytes.
fn element_id(kind: &str, bytes: &[u8]) -> String {
    bytes
        .iter()
        .fold(kind.to_owned(), |id, byte| format!("{id}{byte:02x}"))
}
