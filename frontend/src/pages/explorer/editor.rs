//! Editing a value: write, review the difference, save if nobody was faster.

use leptos::prelude::*;

use super::commands::CommandButton;
use super::conflict::ConflictView;
use super::diff_view::DiffView;
use super::draft::{DROP, Draft, KEEP, Saver, Step};
use super::drafts::use_drafts;
use super::key::{Followed, Known};
use super::text::Text;
use crate::api::ApiError;
use crate::api::kv::{Demand, LeaseChoice};
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::format;
use crate::model::value::{BadDraft, LineEnds, Script, scripts};
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
    let options = Signal::derive(move || {
        let names = |script| match script {
            Script::Text => Text::LensPlain,
            Script::Hex => Text::LensHex,
            Script::Base64 => Text::LensBase64,
        };
        let current = draft.value().unwrap_or_else(|_| draft.base_value());
        scripts(&current)
            .into_iter()
            .map(|script| (script, i18n.t(names(script)).to_owned()))
            .collect::<Vec<_>>()
    });
    let value = Memo::new(move |_| draft.value());
    let changed = Memo::new(move |_| {
        value.with(|value| {
            value
                .as_ref()
                .is_ok_and(|value| *value != draft.base_value())
        })
    });
    let released = move || draft.lease.get() == DROP;
    let ready = Memo::new(move |_| value.with(Result::is_ok) && (changed.get() || released()));
    let review = move || {
        if ready.get_untracked() {
            draft.step.set(Step::Reviewing);
        }
    };
    let error = move || {
        let bad = value.with(|value| value.as_ref().err().copied())?;
        Some(i18n.t(match bad {
            BadDraft::OddDigits => Text::BadOdd,
            BadDraft::NotHex => Text::BadHex,
            BadDraft::NotBase64 => Text::BadBase64,
        }))
    };
    let size = move || {
        value.with(|value| {
            value
                .as_ref()
                .ok()
                .map(|value| format::size(value.len() as i64))
        })
    };
    let ends = move || {
        (draft.ends() == LineEnds::CrLf && draft.script.get() == Script::Text)
            .then(|| i18n.t(Text::EndsCrLf))
    };
    let on_keydown = move |event: web_sys::KeyboardEvent| {
        if event.key() == "Enter" && (event.ctrl_key() || event.meta_key()) {
            event.prevent_default();
            review();
        }
    };
    let lease = Memo::new(move |_| draft.base.with(|base| base.lease));
    let lease_options = Signal::derive(move || {
        let id = lease.get().map(|id| id.to_string()).unwrap_or_default();
        vec![
            (KEEP, i18n.fill(Text::KeepLease, &[&id])),
            (DROP, i18n.t(Text::DropLease).to_owned()),
        ]
    });
    view! {
        <ChangedNotice draft=draft/>
        <section class="card">
            <div class="card-head">
                <span>{tr(Text::EditValue)}</span>
                <Segmented
                    label=label(Text::WriteAs)
                    value=draft.script
                    options=options
                    on_choose=move |script| draft.rewrite(script)
                />
                <span class="card-note">{size}</span>
            </div>
            <textarea
                class="x-editor-text mono"
                spellcheck="false"
                autocomplete="off"
                autocapitalize="off"
                aria-label=tr(Text::EditValue)
                aria-invalid=move || error().map(|_| "true")
                prop:value=move || draft.text.get()
                on:input=move |event| draft.text.set(event_target_value(&event))
                on:keydown=on_keydown
            ></textarea>
            <div class="x-editor-foot">
                <When when=move || lease.get().is_some()>
                    <SelectField bare=true label=label(Text::LeaseAfter) value=draft.lease options=lease_options/>
                </When>
                <span class="x-editor-note" role="status">
                    <span class="field-error">{error}</span>
                    <span class="mute">{ends}</span>
                    <When when=move || value.with(Result::is_ok) && !ready.get()>
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
                <Button kind=ButtonKind::Primary pending=draft.saving on_press=move || saver.save(Demand::Revision(untrack(revision)))>
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
                <b>{move || title.title(i18n.lang())}</b>
                " "
                {move || detail.detail(i18n.lang())}
            </span>
        </div>
    }
}
