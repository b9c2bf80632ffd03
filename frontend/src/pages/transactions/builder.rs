//! The builder: if, then, else. A nested transaction is a builder within its row.

use leptos::prelude::*;

use super::compare_row::CompareRow;
use super::op_row::OpRow;
use super::store::{Store, use_store};
use super::text::Text;
use crate::i18n::{tr, use_i18n};
use crate::model::format;
use crate::model::txn::{Branch, Document, Form, MAX_ROWS, Mode, OpKind, RowId};
use crate::ui::{Button, ButtonKind, Icon, Note, NoteKind, When};

/// The whole builder; it waits while the JSON is invalid.
#[component]
pub(super) fn Builder() -> impl IntoView {
    let (i18n, store) = (use_i18n(), use_store());
    let locked = Memo::new(move |_| store.json_fault.with(Option::is_some));
    let rows = Memo::new(move |_| store.document.with(Document::rows));
    let too_many = move || i18n.fill(Text::TooManyRows, &[&format::count(rows.get() as i64)]);
    let body = move || {
        if rows.get() > MAX_ROWS {
            return view! { <Note kind=NoteKind::Warning>{too_many}</Note> }.into_any();
        }
        match store.mode.get() {
            Mode::Txn => view! { <Intro/> <Sections owner=None/> }.into_any(),
            Mode::Single => view! { <SingleOp/> }.into_any(),
        }
    };
    view! {
        <When when=move || locked.get()>
            <Note kind=NoteKind::Warning role="status" action=move || view! {
                <Button small=true on_press=move || store.restore_json()>{tr(Text::JsonRestore)}</Button>
            }>
                {tr(Text::JsonLocked)}
            </Note>
        </When>
        <div class="txn-builder" class:is-locked=move || locked.get() inert=move || locked.get()>
            {body}
        </div>
    }
}

/// What a transaction is, until there is one.
#[component]
fn Intro() -> impl IntoView {
    let store = use_store();
    view! {
        <When when=move || store.document.with(Document::is_empty)>
            <div class="txn-intro">
                <p class="txn-intro-title">{tr(Text::Empty)}</p>
                <p class="txn-intro-detail">{tr(Text::EmptyDetail)}</p>
                <Button on_press=move || store.templates.set(true)>{tr(Text::TemplateTitle)}</Button>
            </div>
        </When>
    }
}

#[component]
fn SingleOp() -> impl IntoView {
    let store = use_store();
    let rows = row_ids(store, move |document| ids(document.txn(None), Branch::Then));
    view! {
        <section class="card txn-card">
            <For each=move || rows.get() key=|id| *id let:id>
                <OpRow id=id alone=true/>
            </For>
        </section>
    }
}

/// The ids of a list of rows.
fn row_ids(
    store: Store,
    list: impl Fn(&Document) -> Vec<RowId> + Send + Sync + 'static,
) -> Memo<Vec<RowId>> {
    Memo::new(move |_| store.document.with(|document| list(document)))
}

fn ids(form: Option<&Form>, branch: Branch) -> Vec<RowId> {
    let rows = form.map(|form| match branch {
        Branch::Then => &form.then,
        Branch::Else => &form.or_else,
    });
    rows.into_iter().flatten().map(|row| row.id).collect()
}

/// The three parts of a transaction: the outermost one, or the nested one of a row.
#[component]
pub(super) fn Sections(owner: Option<RowId>) -> AnyView {
    let store = use_store();
    let compares = row_ids(store, move |document| {
        let form = document.txn(owner);
        let rows = form.into_iter().flat_map(|form| &form.compare);
        rows.map(|row| row.id).collect()
    });
    let add = move || store.edit(|document| document.add_compare(owner));
    view! {
        <section class="card txn-card">
            <h2 class="card-head">{tr(Text::If)} <span class="card-note">{tr(Text::IfDetail)}</span></h2>
            <When when=move || compares.with(Vec::is_empty)>
                <p class="txn-none">{tr(Text::IfEmpty)}</p>
            </When>
            <For each=move || compares.get() key=|id| *id let:id>
                <CompareRow id=id/>
            </For>
            <div class="txn-add">
                <Button kind=ButtonKind::Quiet small=true icon=Icon::Plus on_press=add>{tr(Text::AddCompare)}</Button>
            </div>
        </section>
        <Ops owner=owner branch=Branch::Then/>
        <Ops owner=owner branch=Branch::Else/>
    }
    .into_any()
}

#[component]
fn Ops(owner: Option<RowId>, branch: Branch) -> impl IntoView {
    let (i18n, store) = (use_i18n(), use_store());
    let rows = row_ids(store, move |document| ids(document.txn(owner), branch));
    let (title, detail) = match branch {
        Branch::Then => (Text::Then, Text::ThenDetail),
        Branch::Else => (Text::Else, Text::ElseDetail),
    };
    let adds = [
        (OpKind::Put, Text::Put),
        (OpKind::Get, Text::Get),
        (OpKind::Delete, Text::Delete),
        (OpKind::Txn, Text::Nested),
    ]
    .map(|(kind, text)| {
        let add = move || store.edit(|document| document.add_op(owner, branch, kind));
        view! { <Button kind=ButtonKind::Quiet small=true icon=Icon::Plus on_press=add>{tr(text)}</Button> }
    });
    let name = move || i18n.fill(Text::AddTo, &[i18n.t(title)]);
    view! {
        <section class="card txn-card">
            <h2 class="card-head">{tr(title)} <span class="card-note">{tr(detail)}</span></h2>
            <When when=move || rows.with(Vec::is_empty)>
                <p class="txn-none">{tr(Text::ThenEmpty)}</p>
            </When>
            <For each=move || rows.get() key=|id| *id let:id>
                <OpRow id=id/>
            </For>
            <div class="txn-add" role="group" aria-label=name>{adds.collect_view()}</div>
        </section>
    }
}
