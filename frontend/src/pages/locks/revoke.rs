//! The dialog that revokes a lease: it lists the keys that are deleted with it and shows their
//! number.

use leptos::prelude::*;
use shared::LeaseId;

use super::parts::failure;
use super::text::Text;
use crate::api;
use crate::i18n::use_i18n;
use crate::model::format;
use crate::state::{Tone, use_toasts};
use crate::ui::confirm_dialog::UNTYPED_AT_MOST;
use crate::ui::{ConfirmDialog, Note, NoteKind, Skeleton, TextField, When};

/// Limit of listed keys.
const LISTED: usize = 8;

/// Open while there is a lease.
#[component]
pub(super) fn RevokeDialog(lease: RwSignal<Option<LeaseId>>) -> impl IntoView {
    let (i18n, toasts) = (use_i18n(), use_toasts());
    let id = move || {
        lease
            .get()
            .map(|lease| lease.to_string())
            .unwrap_or_default()
    };
    let close = move || lease.set(None);
    let typed = RwSignal::new(String::new());
    let preview = LocalResource::new(move || {
        let lease = lease.get();
        async move {
            match lease {
                Some(lease) => Some(api::leases::first_keys(lease, LISTED).await),
                None => None,
            }
        }
    });
    let revoke = Action::new_local(move |lease: &LeaseId| {
        let lease = *lease;
        async move { api::leases::revoke(lease).await }
    });
    Effect::new(move |_| {
        if let Some(Ok(_)) = revoke.value().get() {
            toasts.show(Tone::Good, i18n.fill(Text::Revoked, &[&untrack(id)]));
            revoke.value().set(None);
            lease.set(None);
        }
    });
    Effect::new(move |_| {
        lease.track();
        revoke.value().set(None);
        typed.set(String::new());
    });
    let keys = move || match preview.get().flatten() {
        Some(Ok(response)) => response.lease.keys.zip(response.lease.key_count),
        _ => None,
    };
    let count = Memo::new(move |_| keys().map(|(_, count)| count));
    let must_type = Memo::new(move |_| count.get().is_some_and(|count| count > UNTYPED_AT_MOST));
    let confirmed =
        Memo::new(move |_| !must_type.get() || typed.with(|typed| typed.trim() == id()));
    let error = move || {
        let error = failure(revoke).or_else(|| preview.get().flatten().and_then(Result::err))?;
        Some(error.in_full(i18n.lang()))
    };
    let listed = move || {
        let Some((keys, count)) = keys() else {
            return error()
                .is_none()
                .then(|| view! { <Skeleton rows=3/> })
                .into_any();
        };
        let more = count - keys.len() as i64;
        let what = i18n.plural(count, Text::RevokeWhatOne, Text::RevokeWhatMany);
        let rows = keys
            .into_iter()
            .map(|key| view! { <li class="mono cut">{format::key(&key.0)}</li> });
        let rows = rows.collect_view();
        let more = (more > 0)
            .then(|| view! { <li class="mute">{i18n.fill(Text::RevokeMore, &[&format::count(more)])}</li> });
        view! {
            <p>{what}</p>
            <ul class="revoked-keys">{rows} {more}</ul>
        }
        .into_any()
    };
    let press = move || {
        if let Some(lease) = lease.get_untracked() {
            revoke.dispatch(lease);
        }
    };
    let warning = move || {
        i18n.t(if count.get() == Some(1) {
            Text::RevokeWarnOne
        } else {
            Text::RevokeWarnMany
        })
    };
    let action = move || {
        i18n.plural(
            count.get().unwrap_or(0),
            Text::RevokeNowOne,
            Text::RevokeNowMany,
        )
    };
    view! {
        <ConfirmDialog
            open=Signal::derive(move || lease.with(Option::is_some))
            title=Signal::derive(move || i18n.fill(Text::RevokeTitle, &[&id()]))
            action=Signal::derive(action)
            pending=revoke.pending()
            disabled=Signal::derive(move || count.get().is_none() || !confirmed.get())
            error=Signal::derive(error)
            on_confirm=press
            on_close=move |()| close()
        >
            {listed}
            <When when=move || must_type.get()>
                <TextField label=Signal::derive(move || i18n.fill(Text::RevokeType, &[&id()])) value=typed mono=true/>
            </When>
            <Note kind=NoteKind::Warning>{warning}</Note>
        </ConfirmDialog>
    }
}
