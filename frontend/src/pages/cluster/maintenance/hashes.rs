//! Comparing the members' data by their hashes.

use leptos::prelude::*;
use shared::{HashResponse, HashVerdict, MemberHash};

use super::card::{Card, TaskButton};
use super::text::Text;
use crate::api::{self, ApiError};
use crate::i18n::{tr, use_i18n};
use crate::model::cluster::Operation;
use crate::model::{format, key_text};
use crate::pages::cluster::commands::CommandMenu;
use crate::pages::cluster::store::ClusterStore;
use crate::state::Scope;
use crate::ui::{ButtonKind, Hue, Icon, Note, NoteKind, Tag};

/// The card.
#[component]
pub(super) fn Hashes(store: ClusterStore) -> impl IntoView {
    let i18n = use_i18n();
    let scope = Scope::here();
    let busy = RwSignal::new(false);
    let compared = RwSignal::new(None::<Result<HashResponse, ApiError>>);
    let press = move || {
        busy.set(true);
        scope.spawn(async move {
            let response = api::maintenance::compare_hashes().await;
            busy.try_set(false);
            compared.try_set(Some(response));
        });
    };
    let shown = move || match compared.get()? {
        Ok(response) => Some(view! { <Compared store=store response=response/> }.into_any()),
        Err(error) => Some(
            view! { <Note kind=NoteKind::Error role="alert">{error.in_full(i18n.lang())}</Note> }
                .into_any(),
        ),
    };
    view! {
        <Card title=Text::Hashes help=Text::HashesHelp>
            {shown}
            <div class="task-acts">
                <TaskButton
                    text=Text::Compare
                    kind=ButtonKind::Plain
                    reason=Signal::derive(move || store.permission.reading_reason())
                    pending=busy
                    on_press=press
                />
                <CommandMenu operation=Signal::derive(|| Some(Operation::CompareHashes))/>
            </div>
        </Card>
    }
}

/// The verdict, and the hash of each member.
#[component]
fn Compared(store: ClusterStore, response: HashResponse) -> impl IntoView {
    let i18n = use_i18n();
    let differ = response.differ.clone();
    let named = |id: &shared::MemberId| {
        let label = untrack(|| store.who(*id).label());
        key_text::in_sentence(label.as_bytes())
    };
    let names = differ.iter().map(named).collect::<Vec<_>>().join(", ");
    let (verdict, revision) = (response.verdict, format::count(response.revision));
    let text = move || match verdict {
        HashVerdict::Same => i18n.fill(Text::Same, &[&revision]),
        HashVerdict::Different => i18n.fill(Text::Different, &[&names, &revision]),
        HashVerdict::Incomplete => i18n.fill(Text::Incomplete, &[&revision]),
    };
    let note = match verdict {
        HashVerdict::Same => {
            view! { <Note icon=Icon::Check class="is-good" role="status">{text}</Note> }.into_any()
        }
        HashVerdict::Different => {
            view! { <Note kind=NoteKind::Error role="alert">{text}</Note> }.into_any()
        }
        HashVerdict::Incomplete => {
            view! { <Note kind=NoteKind::Warning role="status">{text}</Note> }.into_any()
        }
    };
    let row = |member: MemberHash| {
        let is_different = differ.contains(&member.id);
        view! { <Row member=member is_different=is_different/> }
    };
    let rows: Vec<_> = response.members.into_iter().map(row).collect();
    let warning = |warning: shared::Warning| view! { <p class="mute">{key_text::escape_invisible(&warning.detail)}</p> };
    let warnings: Vec<_> = response.warnings.into_iter().map(warning).collect();
    view! {
        {note}
        <table class="hashes">
            <thead>
                <tr>
                    <th scope="col">{tr(Text::Member)}</th>
                    <th scope="col">{tr(Text::Hash)}</th>
                    <th scope="col">{tr(Text::CompactRevision)}</th>
                </tr>
            </thead>
            <tbody>{rows}</tbody>
        </table>
        {warnings}
    }
}

#[component]
fn Row(member: MemberHash, is_different: bool) -> impl IntoView {
    let label = if member.name.is_empty() {
        member.id.to_string()
    } else {
        member.name.clone()
    };
    let hash = match (member.hash, &member.error) {
        (Some(hash), _) => format!("{hash:08x}"),
        (None, Some(error)) => key_text::escape_invisible(error),
        (None, None) => "–".to_owned(),
    };
    let compacted = member.compact_revision.filter(|revision| *revision > 0);
    view! {
        <tr>
            <th scope="row" class="mono">{key_text::display(label.as_bytes())}</th>
            <td class="mono">
                {hash}
                {is_different.then(|| view! { <Tag hue=Hue::Delete>{tr(Text::Differs)}</Tag> })}
            </td>
            <td class="num">{compacted.map_or_else(|| "–".to_owned(), format::count)}</td>
        </tr>
    }
}
