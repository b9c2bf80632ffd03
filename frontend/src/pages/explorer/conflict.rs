//! A save that conflicts with someone else's change: both versions, and the ways out.

use leptos::prelude::*;
use shared::Entry;

use super::diff_view::DiffView;
use super::draft::{Draft, Saver, Stage};
use super::text::Text;
use crate::api::kv::Precondition;
use crate::i18n::{tr, use_i18n};
use crate::model::format;
use crate::model::sentence::leading;
use crate::ui::{Button, ButtonKind, Note, NoteKind, When};

/// Their version and the user's, each as a diff against the base of the edit.
#[component]
pub(crate) fn ConflictView(draft: Draft, theirs: Option<Entry>) -> impl IntoView {
    let (saver, i18n) = (Saver::of(draft), use_i18n());
    let base = untrack(|| draft.base.get());
    let base_value = untrack(|| draft.base_value());
    let mine = draft.value().unwrap_or_default();
    let base_revision = format::count(base.mod_revision);
    let their_revision = theirs.as_ref().map(|entry| entry.mod_revision);
    let deleted = theirs.is_none();

    let what = {
        let base_revision = base_revision.clone();
        move || match their_revision {
            Some(revision) => i18n.fill(
                Text::ConflictDetail,
                &[&format::count(revision), &base_revision],
            ),
            None => i18n.fill(Text::ConflictGone, &[&base_revision]),
        }
    };
    let their_title = move || match their_revision {
        Some(revision) => i18n.fill(Text::Theirs, &[&format::count(revision)]),
        None => i18n.t(Text::TheirsGone).to_owned(),
    };
    let since = move || i18n.fill(Text::AgainstBase, &[&base_revision]);
    let their_since = since.clone();
    let their_value = theirs
        .as_ref()
        .map(|entry| entry.value.clone().unwrap_or_default().0)
        .unwrap_or_default();
    let (base_for_mine, base_for_theirs) = (base_value.clone(), base_value);

    let keep_mine =
        move || saver.save(their_revision.map_or(Precondition::Absent, Precondition::Revision));
    let take_theirs = move || draft.end();
    let continue_editing = move || {
        // From here on the user's version replaces theirs; the review will show the diff against
        // it.
        if let Some(theirs) = &theirs {
            draft.base.set(theirs.clone());
        }
        draft.stage.set(Stage::Writing);
    };
    view! {
        <Note kind=NoteKind::Warning role="alert"><b>{move || leading(i18n.t(Text::Conflict))}</b>{what}</Note>
        <div class="x-conflict">
            <section class="card">
                <div class="card-head">{their_title}<span class="card-note">{their_since}</span></div>
                {if deleted {
                    view! { <DiffView old=base_for_theirs new=Vec::new()/> }.into_any()
                } else {
                    view! { <DiffView old=base_for_theirs new=their_value/> }.into_any()
                }}
            </section>
            <section class="card">
                <div class="card-head">{tr(Text::Mine)}<span class="card-note">{since}</span></div>
                <DiffView old=base_for_mine new=mine/>
            </section>
        </div>
        <div class="x-conflict-acts">
            <Button on_press=take_theirs>{tr(if deleted { Text::AcceptDeletion } else { Text::TakeTheirs })}</Button>
            <When when=move || !deleted>
                <Button on_press=continue_editing.clone()>{tr(Text::MergeByHand)}</Button>
            </When>
            <Button kind=ButtonKind::DangerNow pending=draft.saving on_press=keep_mine>
                {tr(if deleted { Text::CreateAgain } else { Text::KeepMine })}
            </Button>
        </div>
    }
}
