//! The dialog that deletes one key of a queue, the holder's or a waiter's, and no other.

use leptos::prelude::*;
use shared::{Claim, Code, Lock};

use super::parts::failure;
use super::text::Text;
use crate::api;
use crate::i18n::use_i18n;
use crate::model::format;
use crate::model::key_text;
use crate::model::locks::{is_guess, label};
use crate::state::{Tone, use_toasts};
use crate::ui::{ConfirmDialog, Note, NoteKind};

/// The key to delete.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Target {
    lock: Vec<u8>,
    owner: String,
    token: i64,
    is_holder: bool,
    /// Whether the lock is only a guess: then a key is deleted, and nothing is released.
    is_guess: bool,
    next: Option<String>,
}

impl Target {
    /// A claim as it is in the lock now.
    pub(super) fn new(lock: &Lock, claim: &Claim) -> Self {
        let is_holder = lock
            .holder
            .as_ref()
            .is_some_and(|holder| holder.fencing_token == claim.fencing_token);
        let next = lock.waiters.as_ref().and_then(|waiters| waiters.first());
        Self {
            lock: lock.name.0.clone(),
            owner: key_text::isolate(&label(claim).0),
            token: claim.fencing_token,
            is_holder,
            is_guess: is_guess(lock),
            next: next.map(|next| key_text::isolate(&label(next).0)),
        }
    }
}

/// Asks for confirmation, then deletes the key. Open while `target` is set.
#[component]
pub(super) fn ReleaseDialog(target: RwSignal<Option<Target>>) -> impl IntoView {
    let (i18n, toasts) = (use_i18n(), use_toasts());
    let of = move |read: fn(&Target) -> String| {
        target.with(|target| target.as_ref().map(read).unwrap_or_default())
    };
    let owner = move || of(|target| target.owner.clone());
    let guess = move || target.with(|target| target.as_ref().is_some_and(|target| target.is_guess));
    let name = move || of(|target| key_text::in_sentence(&target.lock));
    let close = move || target.set(None);
    // Checks that the key still exists before the user decides.
    let check = LocalResource::new(move || {
        let target = target.get();
        async move {
            let target = target?;
            api::locks::release(&target.lock, target.token, true)
                .await
                .err()
        }
    });
    let release = Action::new_local(move |target: &Target| {
        let target = target.clone();
        async move { api::locks::release(&target.lock, target.token, false).await }
    });
    Effect::new(move |_| {
        if let Some(Ok(_)) = release.value().get()
            && let Some(done) = target.get_untracked()
        {
            let lock = key_text::in_sentence(&done.lock);
            let notice = if done.is_guess {
                i18n.fill(Text::KeyDeleted, &[&lock])
            } else {
                i18n.fill(Text::Released, &[&done.owner, &lock])
            };
            toasts.show(Tone::Good, notice);
            release.value().set(None);
            target.set(None);
        }
    });
    Effect::new(move |_| {
        target.track();
        release.value().set(None);
    });
    let error = Memo::new(move |_| failure(release).or_else(|| check.get().flatten()));
    let error_text = move || {
        let error = error.get()?;
        let is_gone = matches!(
            error.problem().map(|problem| problem.code),
            Some(Code::NotHolder | Code::LockNotFound)
        );
        let token =
            format::count(target.with(|target| target.as_ref().map_or(0, |target| target.token)));
        Some(if is_gone {
            let text = if guess() {
                Text::KeyGone
            } else {
                Text::NotInQueue
            };
            i18n.fill(text, &[&token])
        } else {
            error.in_full(i18n.lang())
        })
    };
    let what = move || {
        let token = of(|target| format::count(target.token));
        if guess() {
            i18n.fill(Text::DeleteKeyWhat, &[&name(), &token])
        } else {
            i18n.fill(Text::ReleaseWhat, &[&owner(), &name(), &token])
        }
    };
    let title = move || {
        if guess() {
            i18n.t(Text::DeleteKeyTitle).to_owned()
        } else {
            i18n.fill(Text::ReleaseTitle, &[&owner()])
        }
    };
    let consequences = move || {
        let (is_holder, next) = target
            .with(|target| {
                target
                    .as_ref()
                    .map(|target| (target.is_holder, target.next.clone()))
            })
            .unwrap_or_default();
        if guess() {
            return Some(warning(i18n.t(Text::DeleteKeyWarn).to_owned()).into_any());
        }
        is_holder.then(|| {
            let next = match next {
                Some(next) => i18n.fill(Text::ReleaseNext, &[&next]),
                None => i18n.t(Text::ReleaseNoNext).to_owned(),
            };
            view! {
                {warning(i18n.fill(Text::ReleaseWarn, &[&owner()]))}
                <p class="soft">{next}</p>
            }
            .into_any()
        })
    };
    let press = move || {
        if let Some(target) = target.get_untracked() {
            release.dispatch(target);
        }
    };
    let action = move || {
        if guess() {
            i18n.t(Text::DeleteKeyNow).to_owned()
        } else {
            i18n.fill(Text::ReleaseNow, &[&owner()])
        }
    };
    view! {
        <ConfirmDialog
            open=Signal::derive(move || target.with(Option::is_some))
            title=Signal::derive(title)
            action=Signal::derive(action)
            pending=release.pending()
            disabled=Signal::derive(move || error.with(Option::is_some))
            error=Signal::derive(error_text)
            on_confirm=press
            on_close=move |()| close()
        >
            <p>{what}</p>
            {consequences}
        </ConfirmDialog>
    }
}

fn warning(text: String) -> impl IntoView {
    view! { <Note kind=NoteKind::Warning>{text}</Note> }
}
