//! Editing a value: write, review the diff, and save unless someone else changed the key first.

use leptos::prelude::*;

use super::commands::CommandButton;
use super::conflict::ConflictView;
use super::diff_view::DiffView;
use super::draft::{DROP, Draft, KEEP, Saver, Stage};
use super::live_key::{KeyState, LiveKey};
use super::text::Text;
use super::text_area::{TextArea, WindowBar};
use crate::api::ApiError;
use crate::api::kv::{LeaseChoice, Precondition};
use crate::i18n::{Common, I18n, label, tr, use_i18n};
use crate::model::edit::{LineEnd, LineEnds};
use crate::model::format;
use crate::model::sentence::leading;
use crate::model::value::{DecodeError, Encoding};
use crate::state::use_drafts;
use crate::ui::{Button, ButtonKind, Note, NoteKind, Segmented, SelectField, When};

/// The editor of a key.
#[component]
pub(crate) fn Editor(live_key: LiveKey) -> impl IntoView {
    let stored = use_drafts().of(&live_key.key.get_value());
    let state = live_key
        .state
        .with_untracked(|state| state.entry().cloned());
    let Some(base) = stored.as_ref().map(|stored| stored.base.clone()).or(state) else {
        return ().into_any();
    };
    let draft = Draft::new(live_key, base, stored);
    draft.store_changes();
    let body = move || match draft.stage.get() {
        Stage::Writing => view! { <Writing draft=draft/> }.into_any(),
        Stage::Reviewing => view! { <Reviewing draft=draft/> }.into_any(),
        Stage::Conflict(theirs) => view! { <ConflictView draft=draft theirs=theirs/> }.into_any(),
    };
    view! { <div class="x-editor">{body}</div> }.into_any()
}

/// Warns that the key changed during the edit.
#[component]
fn ChangedNotice(draft: Draft) -> impl IntoView {
    let i18n = use_i18n();
    let live_key = draft.live_key;
    // Resolving a conflict moves the base, which removes the notice.
    let news = Memo::new(move |_| {
        let base = draft.base.with(|base| base.mod_revision);
        match live_key.state.get() {
            KeyState::Present(entry) if entry.mod_revision > base => {
                Some((Text::ChangedUnder, entry.mod_revision, Some(entry)))
            }
            KeyState::Absent { last } => Some((
                Text::DeletedUnder,
                last.map_or(base, |(_, revision)| revision),
                None,
            )),
            _ => None,
        }
    });
    move || {
        news.get().map(|(text, revision, theirs)| {
            let compare = move || {
                let theirs = theirs.clone();
                let press = move || draft.stage.set(Stage::Conflict(theirs.clone()));
                view! { <Button small=true on_press=press>{tr(Text::SeeBoth)}</Button> }
            };
            view! {
                <Note kind=NoteKind::Warning role="status" action=compare>
                    {move || i18n.fill(text, &[&format::count(revision)])}
                </Note>
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
        // A large draft is checked with a delay: use its current state.
        let now = untrack(|| draft.check());
        if now.error.is_none() && (now.changed || untrack(released)) {
            draft.stage.set(Stage::Reviewing);
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
    let ends = move || ends_note(checked.with(|checked| checked.ends), i18n);
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
    // The draft cannot change during the review.
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
                <CommandButton command=Signal::derive(move || draft.command()) name=Text::DoSave/>
                <Button on_press=move || draft.stage.set(Stage::Writing)>{tr(Text::BackToEditing)}</Button>
                <Button kind=ButtonKind::Primary pending=draft.saving on_press=move || saver.save(Precondition::Revision(untrack(revision)))>
                    {tr(Text::Save)}
                </Button>
            </div>
        </section>
    }
}

/// Why a save failed, or may have failed.
#[component]
pub(crate) fn SaveFailed(error: ApiError) -> impl IntoView {
    let i18n = use_i18n();
    let (title, detail) = (error.clone(), error);
    view! {
        <Note kind=NoteKind::Error role="alert">
            <b>{move || leading(&title.title(i18n.lang()))}</b>
            {move || detail.detail(i18n.lang())}
        </Note>
    }
}

/// The line ends of a text, unless they are all `\n`.
pub(super) fn ends_note(ends: LineEnds, i18n: I18n) -> Option<String> {
    let name = match ends {
        LineEnds::All(LineEnd::Lf) => return None,
        LineEnds::All(LineEnd::CrLf) => "CRLF",
        LineEnds::All(LineEnd::Cr) => "CR",
        LineEnds::Mixed => return Some(i18n.t(Text::EndsMixed).to_owned()),
    };
    Some(i18n.fill(Text::EndsKept, &[name]))
}
