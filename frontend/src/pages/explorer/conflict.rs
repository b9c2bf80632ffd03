//! Somebody was faster: both versions, and what to do.

use leptos::prelude::*;
use shared::Entry;

use super::diff_view::DiffView;
use super::draft::{Draft, Saver, Step};
use super::text::Text;
use crate::api::kv::Precondition;
use crate::i18n::{tr, use_i18n};
use crate::model::format;
use crate::model::sentence::leading;
use crate::ui::{Button, ButtonKind, Glyph, Icon, When};

/// Theirs and mine, each as changes to what the editing began from.
#[component]
pub(crate) fn ConflictView(draft: Draft, theirs: Option<Entry>) -> impl IntoView {
    let (saver, i18n) = (Saver::of(draft), use_i18n());
    let base = untrack(|| draft.base.get());
    let base_value = untrack(|| draft.base_value());
    let mine = draft.value().unwrap_or_default();
    let began = format::count(base.mod_revision);
    let their_revision = theirs.as_ref().map(|entry| entry.mod_revision);
    let deleted = theirs.is_none();

    let what = {
        let began = began.clone();
        move || match their_revision {
            Some(revision) => i18n.fill(Text::ConflictDetail, &[&format::count(revision), &began]),
            None => i18n.fill(Text::ConflictGone, &[&began]),
        }
    };
    let their_title = move || match their_revision {
        Some(revision) => i18n.fill(Text::Theirs, &[&format::count(revision)]),
        None => i18n.t(Text::TheirsGone).to_owned(),
    };
    let since = move || i18n.fill(Text::AgainstBase, &[&began]);
    let their_since = since.clone();
    let their_value = theirs
        .as_ref()
        .map(|entry| entry.value.clone().unwrap_or_default().0)
        .unwrap_or_default();
    let (base_for_mine, base_for_theirs) = (base_value.clone(), base_value);

    let keep_mine =
        move || saver.save(their_revision.map_or(Precondition::Absent, Precondition::Revision));
    let take_theirs = move || draft.end();
    let go_on = move || {
        // From here on theirs is what mine replaces; the review will show the difference to it.
        if let Some(theirs) = &theirs {
            draft.base.set(theirs.clone());
        }
        draft.step.set(Step::Writing);
    };
    view! {
        <div class="note note-warn" role="alert">
            <Glyph icon=Icon::Warn/>
            <span class="note-text"><b>{move || leading(i18n.t(Text::Conflict))}</b>{what}</span>
        </div>
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
                <Button on_press=go_on.clone()>{tr(Text::MergeByHand)}</Button>
            </When>
            <Button kind=ButtonKind::DangerNow pending=draft.saving on_press=keep_mine>
                {tr(if deleted { Text::CreateAgain } else { Text::KeepMine })}
            </Button>
        </div>
    }
}
