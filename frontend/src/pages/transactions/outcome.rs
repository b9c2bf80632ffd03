//! What came of "Run" or "Explain".

use leptos::prelude::*;
use shared::{CompareTarget, Entry, Explanation, OpResult, TxnResult};

use super::compare_row::reason;
use super::entries::{EntryRows, PreviousEntry};
use super::store::{Outcome, Ran, use_store};
use super::text::Text;
use crate::api::{ApiError, ErrorKind};
use crate::i18n::{Common, tr, use_i18n};
use crate::model::format;
use crate::model::txn::{Mode, RowId};
use crate::ui::{Glyph, Hue, Icon, Note, NoteKind, Tag};

/// The card of the result.
#[component]
pub(super) fn OutcomeCard() -> impl IntoView {
    let (i18n, store) = (use_i18n(), use_store());
    let body = move || match store.outcome.get() {
        Outcome::None => {
            let text = match store.mode.get() {
                Mode::Txn => Text::ResultEmpty,
                Mode::Single => Text::ResultEmptySingle,
            };
            view! { <p class="txn-none">{tr(text)}</p> }.into_any()
        }
        Outcome::Failed(error) => view! { <Failed error=error/> }.into_any(),
        Outcome::Explained(explanation) => {
            view! { <Explained explanation=explanation/> }.into_any()
        }
        Outcome::Ran(Ran::Single(response)) => {
            let head = view! {
                <Head good=true text=Text::RanSingle note=i18n.fill(Text::AtRev, &[&format::count(response.header.revision)])/>
            };
            view! { {head} <OpResultView place="op".to_owned() result=response.result/> }.into_any()
        }
        Outcome::Ran(Ran::Txn(response)) => {
            let text = if response.result.succeeded {
                Text::RanThen
            } else {
                Text::RanElse
            };
            let note = i18n.fill(Text::AtRev, &[&format::count(response.header.revision)]);
            let good = response.result.succeeded;
            view! {
                <Head good=good text=text note=note/>
                {results("", response.result)}
            }
            .into_any()
        }
    };
    view! {
        <section class="card txn-outcome" aria-busy=move || store.pending.get().to_string()>
            <h2 class="card-head">
                {tr(Text::Result)}
                <span class="card-note" role="status">{move || store.pending.get().then(|| i18n.t(Text::Running))}</span>
            </h2>
            <div class="txn-outcome-body" role="status">{body}</div>
        </section>
    }
}

#[component]
fn Head(good: bool, text: Text, note: String) -> impl IntoView {
    view! {
        <p class="txn-outcome-head" class:is-good=good>
            <Glyph icon=if good { Icon::Check } else { Icon::Swap }/>
            <b>{tr(text)}</b>
            <span class="txn-outcome-note num">{note}</span>
        </p>
    }
}

/// The results of a branch.
fn results(place: &str, result: TxnResult) -> AnyView {
    if result.responses.is_empty() {
        return view! { <p class="txn-none">{tr(Text::NoOps)}</p> }.into_any();
    }
    let branch = if result.succeeded { "then" } else { "else" };
    let dot = if place.is_empty() { "" } else { "." };
    let responses = result.responses.into_iter().enumerate();
    let views = responses.map(|(n, result)| {
        let place = format!("{place}{dot}{branch}[{n}]");
        view! { <OpResultView place=place result=result/> }
    });
    views.collect_view().into_any()
}

#[component]
fn OpResultView(place: String, result: OpResult) -> AnyView {
    let i18n = use_i18n();
    let path = place.clone();
    let (hue, kind, body) = match result {
        OpResult::Put(put) => {
            let body = match put.prev {
                None => view! { <p>{tr(Text::Written)}</p> }.into_any(),
                Some(None) => view! { <p>{tr(Text::Created)}</p> }.into_any(),
                Some(Some(entry)) => previous(vec![entry]),
            };
            (Hue::Put, Text::Put, body)
        }
        OpResult::Get(get) => {
            let shown = get.entries.len() as i64;
            let count = move || {
                if get.more || shown < get.count && shown > 0 {
                    let [shown, all] = [shown, get.count].map(format::count);
                    i18n.fill(Text::GotOf, &[&shown, &all])
                } else if get.count == 0 {
                    i18n.t(Text::GotNone).to_owned()
                } else {
                    i18n.plural(get.count, Text::GotOne, Text::GotMany)
                }
            };
            let body = view! { <p>{count}</p> <EntryRows entries=get.entries/> }.into_any();
            (Hue::Plain, Text::Get, body)
        }
        OpResult::Delete(delete) => {
            let deleted = delete.deleted;
            let count = move || i18n.plural(deleted, Text::DeletedOne, Text::DeletedMany);
            let before = delete.prev.filter(|prev| !prev.is_empty()).map(previous);
            let body = view! { <p>{count}</p> {before} }.into_any();
            (Hue::Delete, Text::Delete, body)
        }
        OpResult::Txn(nested) => {
            let text = if nested.succeeded {
                Text::NestedThen
            } else {
                Text::NestedElse
            };
            let inner = results(&format!("{place}.txn"), nested);
            let body = view! {
                <p>{tr(text)}</p>
                <div class="txn-nested">{inner}</div>
            }
            .into_any();
            (Hue::Lease, Text::Nested, body)
        }
    };
    view! {
        <div class="txn-result">
            <div class="txn-result-head">
                <Tag hue=hue>{tr(kind)}</Tag>
                <span class="txn-place mono cut">{path}</span>
            </div>
            <div class="txn-result-body">{body}</div>
        </div>
    }
    .into_any()
}

fn previous(entries: Vec<Entry>) -> AnyView {
    view! {
        <p>{tr(Text::WasBefore)}</p>
        <PreviousEntry entries=entries/>
    }
    .into_any()
}

/// Which branch would run, and the comparisons that fail.
#[component]
fn Explained(explanation: Explanation) -> impl IntoView {
    let (i18n, store) = (use_i18n(), use_store());
    let good = explanation.succeeds;
    let text = if good {
        Text::WouldThen
    } else {
        Text::WouldElse
    };
    let note = i18n.fill(
        Text::ExplainedAt,
        &[&format::count(explanation.header.revision)],
    );
    let failing: Vec<_> = explanation
        .compares
        .into_iter()
        .filter(|compare| compare.reached && !compare.holds)
        .collect();
    let count = failing.len() as i64;
    let summary = move || {
        if count == 0 {
            i18n.t(Text::AllHold).to_owned()
        } else {
            i18n.plural(count, Text::FailOne, Text::FailMany)
        }
    };
    // The target is in the document: the explanation has only the path.
    let target = move |place: &str| {
        let row: Option<RowId> = store.places.with_untracked(|places| places.row_at(place));
        let found = row.and_then(|row| {
            store
                .document
                .with_untracked(|document| document.compare(row).map(|form| form.target))
        });
        found.unwrap_or(CompareTarget::ModRevision)
    };
    let items = failing
        .into_iter()
        .map(|compare| {
            let target = target(&compare.place);
            let why = reason(&compare, target, i18n);
            view! {
                <li class="txn-failing">
                    <span class="txn-place mono">{compare.place}</span>
                    <span class="txn-why">{why}</span>
                </li>
            }
        })
        .collect_view();
    view! {
        <Head good=good text=text note=note/>
        <div class="txn-result-body">
            <p>{summary}</p>
            <ul class="txn-failing-list">{items}</ul>
        </div>
    }
}

#[component]
fn Failed(error: ApiError) -> impl IntoView {
    let i18n = use_i18n();
    let kind = match error.kind() {
        ErrorKind::OutcomeUnknown => NoteKind::Warning,
        _ => NoteKind::Error,
    };
    let request = error
        .problem()
        .map(|problem| problem.request_id.clone())
        .filter(|id| !id.is_empty());
    let shown = error.clone();
    view! {
        <Note kind=kind role="alert">{move || shown.in_full(i18n.lang())}</Note>
        {request.map(|id| view! { <p class="txn-request mono">{move || i18n.fill(Common::RequestId, &[&id])}</p> })}
    }
}
