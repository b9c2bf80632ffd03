//! The entries of a result.

use leptos::prelude::*;
use shared::Entry;

use super::text::Text;
use crate::i18n::{tr, use_i18n};
use crate::model::{format, stream};
use crate::pages::links::key_url;

/// Rows drawn of one op's entries.
const MAX_ROWS: usize = 100;

/// Characters of a value's preview.
const PREVIEW: usize = 120;

/// Entries that exist: each links to its key.
#[component]
pub(super) fn EntryRows(entries: Vec<Entry>) -> impl IntoView {
    rows(entries, true)
}

/// Entries as they were before.
#[component]
pub(super) fn PreviousEntry(entries: Vec<Entry>) -> impl IntoView {
    rows(entries, false)
}

fn rows(entries: Vec<Entry>, linked: bool) -> AnyView {
    let i18n = use_i18n();
    let more = entries.len().saturating_sub(MAX_ROWS);
    let rows = entries
        .into_iter()
        .take(MAX_ROWS)
        .map(|entry| view! { <EntryRow entry=entry linked=linked/> })
        .collect_view();
    view! {
        <ul class="txn-entries">{rows}</ul>
        {(more > 0).then(|| view! {
            <p class="mute">{move || i18n.fill(Text::RowsMore, &[&format::count(more as i64)])}</p>
        })}
    }
    .into_any()
}

#[component]
fn EntryRow(entry: Entry, linked: bool) -> impl IntoView {
    let i18n = use_i18n();
    let key = format::key(&entry.key.0);
    let name = if linked {
        let href = key_url(&entry.key.0);
        view! { <a class="txn-entry-key mono cut" href=href title=key.clone()>{key.clone()}</a> }
            .into_any()
    } else {
        view! { <span class="txn-entry-key mono cut" title=key.clone()>{key.clone()}</span> }
            .into_any()
    };
    let value = entry
        .value
        .as_ref()
        .map(|value| stream::one_line(&value.0, PREVIEW));
    let revision = format::count(entry.mod_revision);
    let lease = entry.lease.map(|lease| lease.to_string());
    view! {
        <li class="txn-entry">
            {name}
            <span class="txn-entry-value mono cut">{value}</span>
            {lease.map(|lease| view! { <span class="txn-entry-lease mono">{tr(Text::TargetLease)} " " {lease}</span> })}
            <span class="txn-entry-rev num">{move || i18n.fill(Text::RowRevision, &[&revision])}</span>
        </li>
    }
}
