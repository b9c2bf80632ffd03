//! Editing a value: write, review the difference, save if nobody was faster.

use leptos::prelude::*;

use super::commands::CommandButton;
use super::conflict::ConflictView;
use super::diff_view::DiffView;
use super::draft::{DROP, Draft, KEEP, Saver, Step};
use super::drafts::use_drafts;
use super::key::{Followed, Known};
use super::text::Text;
use super::text_area::{TextArea, WindowBar};
use crate::api::ApiError;
use crate::api::kv::{LeaseChoice, Precondition};
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::edit::{LineEnd, LineEnds};
use crate::model::format;
use crate::model::sentence::leading;
use crate::model::value::{DecodeError, Encoding};
use crate::ui::{Button, ButtonKind, Glyph, Icon, Segmented, SelectField, When};

/// The editor of a key.
#[component]
pub(crate) fn Editor(followed: Followed) -> impl IntoView {
    let kept = use_drafts().of(&followed.key.get_value());
    let known = followed
        .known
        .with_untracked(|known| known.entry().cloned());
    let Some(base) = kept.as_ref().map(|kept| kept.base.clone()).or(known) else {
        return ().into_any();
    };
    let draft = Draft::new(followed, base, kept);
    draft.keep();
    let body = move || match draft.step.get() {
        Step::Writing => view! { <Writing draft=draft/> }.into_any(),
        Step::Reviewing => view! { <Reviewing draft=draft/> }.into_any(),
        Step::Conflict(theirs) => view! { <ConflictView draft=draft theirs=theirs/> }.into_any(),
    };
    view! { <div class="x-editor">{body}</div> }.into_any()
}

/// Says that the key changed while somebody edits it.
#[component]
fn ChangedNotice(draft: Draft) -> impl IntoView {
    let i18n = use_i18n();
    let followed = draft.followed;
    // The base moves when a conflict is resolved; the notice goes with it.
    let news = Memo::new(move |_| {
        let base = draft.base.with(|base| base.mod_revision);
        match followed.known.get() {
            Known::Present(entry) if entry.mod_revision > base => {
                Some((Text::ChangedUnder, entry.mod_revision, Some(entry)))
            }
            Known::Absent { last } => Some((
                Text::DeletedUnder,
                last.map_or(base, |(_, revision)| revision),
                None,
            )),
            _ => None,
        }
    });
    move || {
        news.get().map(|(text, revision, theirs)| {
            view! {
                <div class="note note-warn" role="status">
                    <Glyph icon=Icon::Warn/>
                    <span class="note-text">{move || i18n.fill(text, &[&format::count(revision)])}</span>
                    <Button small=true on_press=move || draft.step.set(Step::Conflict(theirs.clone()))>{tr(Text::SeeBoth)}</Button>
                </div>
            }
        })
    }
}

#[component]
fn Writing(draft: Draft) -> impl IntoView {
    let i18n = use_i18n();
    let checked = Memo::new(move |_| draft.check());
    let encoding = Memo::new(move |_| draft.encoding());
    let options = Signal::derive(move || {
        let names = |encoding| match encoding {
            Encoding::Text => Text::LensPlain,
            Encoding::Hex => Text::LensHex,
            Encoding::Base64 => Text::LensBase64,
        };
        checked.with(|checked| {
            checked
                .encodings
                .iter()
                .map(|encoding| (*encoding, i18n.t(names(*encoding)).to_owned()))
                .collect::<Vec<_>>()
        })
    });
    let released = move || draft.lease.get() == DROP;
    let readable = move || checked.with(|checked| checked.error.is_none());
    let ready =
        Memo::new(move |_| readable() && (released() || checked.with(|checked| checked.changed)));
    let review = move || {
        // Large drafts are checked late: as it is now counts.
        let now = untrack(|| draft.check());
        if now.error.is_none() && (now.changed || untrack(released)) {
            draft.step.set(Step::Reviewing);
        }
    };
    let error = Signal::derive(move || {
        let bad = checked.with(|checked| checked.error)?;
        Some(i18n.t(match bad {
            DecodeError::OddDigits => Text::BadOdd,
            DecodeError::NotHex => Text::BadHex,
            DecodeError::NotBase64 => Text::BadBase64,
        }))
    });
    let size = move || checked.with(|checked| Some(format::size(checked.size? as i64)));
    let ends = move || {
        let name = match checked.with(|checked| checked.ends) {
            LineEnds::All(LineEnd::Lf) => return None,
            LineEnds::All(LineEnd::CrLf) => "CRLF",
            LineEnds::All(LineEnd::Cr) => "CR",
            LineEnds::Mixed => return Some(i18n.t(Text::EndsMixed).to_owned()),
        };
        Some(i18n.fill(Text::EndsKept, &[name]))
    };
    let lease = Memo::new(move |_| draft.base.with(|base| base.lease));
    let lease_options = Signal::derive(move || {
        let id = lease.get().map(|id| id.to_string()).unwrap_or_default();
        vec![
            (KEEP, i18n.fill(Text::KeepLease, &[&id])),
            (DROP, i18n.t(Text::DropLease).to_owned()),
        ]
    });
    let window = Memo::new(move |_| checked.with(|checked| checked.window));
    view! {
        <ChangedNotice draft=draft/>
        <section class="card">
            <div class="card-head">
                <span>{tr(Text::EditValue)}</span>
                <Segmented
                    label=label(Text::WriteAs)
                    value=encoding
                    options=options
                    on_choose=move |encoding| draft.rewrite(encoding)
                />
                <span class="card-note">{size}</span>
            </div>
            <WindowBar draft=draft window=window/>
            <TextArea draft=draft encoding=encoding error=error on_submit=review/>
            <div class="x-editor-foot">
                <When when=move || lease.get().is_some()>
                    <SelectField bare=true label=label(Text::LeaseAfter) value=draft.lease options=lease_options/>
                </When>
                <span class="x-editor-note" role="status">
                    <span class="field-error">{move || error.get()}</span>
                    <span class="mute">{ends}</span>
                    <When when=move || readable() && !ready.get()>
                        <span class="mute">{tr(Text::NoChange)}</span>
                    </When>
                </span>
                <Button on_press=move || draft.end()>{tr(Common::Cancel)}</Button>
                <Button kind=ButtonKind::Primary disabled=Signal::derive(move || !ready.get()) on_press=review>{tr(Text::Review)}</Button>
            </div>
        </section>
    }
}

#[component]
fn Reviewing(draft: Draft) -> impl IntoView {
    let (saver, i18n) = (Saver::of(draft), use_i18n());
    let revision = move || draft.base.with(|base| base.mod_revision);
    let condition = move || i18n.fill(Text::SaveIf, &[&format::count(revision())]);
    let lease = move || {
        let id = draft.base.with(|base| base.lease)?;
        Some(match draft.lease_choice() {
            LeaseChoice::Drop => i18n.t(Text::DropLease).to_owned(),
            _ => i18n.fill(Text::KeepLease, &[&id.to_string()]),
        })
    };
    let failed = move || {
        draft
            .error
            .get()
            .map(|error| view! { <SaveFailed error=error/> })
    };
    // Nothing is written while it is reviewed.
    let (old, new) = untrack(|| (draft.base_value(), draft.value().unwrap_or_default()));
    view! {
        <ChangedNotice draft=draft/>
        <section class="card">
            <div class="card-head">
                <span>{tr(Text::Review)}</span>
                <span class="card-note">{condition}</span>
            </div>
            <DiffView old=old new=new/>
            {failed}
            <div class="x-editor-foot">
                <span class="x-editor-note mute">{lease}</span>
                <CommandButton deed=Signal::derive(move || draft.deed()) name=Text::DoSave/>
                <Button on_press=move || draft.step.set(Step::Writing)>{tr(Text::BackToEditing)}</Button>
                <Button kind=ButtonKind::Primary pending=draft.saving on_press=move || saver.save(Precondition::Revision(untrack(revision)))>
                    {tr(Text::Save)}
                </Button>
            </div>
        </section>
    }
}

/// Why a save did not happen, or may not have.
#[component]
pub(crate) fn SaveFailed(error: ApiError) -> impl IntoView {
    let i18n = use_i18n();
    let (title, detail) = (error.clone(), error);
    view! {
        <div class="note note-bad" role="alert">
            <Glyph icon=Icon::Warn/>
            <span class="note-text">
                <b>{move || leading(&title.title(i18n.lang()))}</b>
                {move || detail.detail(i18n.lang())}
            </span>
        </div>
    }
}
