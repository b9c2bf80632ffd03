//! The last step of the Acquire dialog: the lock is held.

use leptos::prelude::*;
use shared::Acquired;

use super::parts::failure;
use super::text::Text;
use crate::api;
use crate::api::base::api_url_absolute;
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::format;
use crate::model::key_text;
use crate::model::locks::command;
use crate::ui::clipboard::copier;
use crate::ui::{Button, ButtonKind, Icon, Note, NoteKind};

/// The acquired lock: what is needed to use it and to keep it.
#[component]
pub(super) fn AcquiredLock(acquired: Acquired, on_close: Callback<()>) -> impl IntoView {
    let (i18n, copy) = (use_i18n(), copier());
    let shown = key_text::in_sentence(&acquired.name.0);
    let (name, token) = (acquired.name.0.clone(), acquired.fencing_token);
    let line = command::keep_alive(&acquired.lease.to_string(), &api_url_absolute(""));
    let copied = line.clone();
    let lease = acquired.lease;
    let granted =
        LocalResource::new(move || async move { api::leases::time_to_live(lease).await.ok() });
    let ttl = move || {
        granted
            .get()
            .flatten()
            .and_then(|response| response.lease.granted_ttl)
    };
    let detail = move || ttl().map(|ttl| i18n.fill(Text::AcquiredDetail, &[&ttl.to_string()]));
    let release = Action::new_local(move |(): &()| {
        let name = name.clone();
        async move { api::locks::release(&name, token, false).await }
    });
    Effect::new(move |_| {
        if let Some(Ok(_)) = release.value().get() {
            on_close.run(());
        }
    });
    let error = move || failure(release);
    view! {
        <div class="dialog-body">
            <p class="acquired-title">{move || i18n.fill(Text::AcquiredTitle, &[&shown])}</p>
            <dl class="facts acquired-facts">
                <dt>{tr(Text::Token)}</dt>
                <dd class="acquired-token num">{format::count(token)}</dd>
                <dt>{tr(Text::Lease)}</dt>
                <dd class="mono">{lease.to_string()}</dd>
                <dt>{tr(Text::Key)}</dt>
                <dd class="mono cut">{format::key(&acquired.key.0)}</dd>
            </dl>
            <p class="soft">{detail}</p>
            <div class="acquired-line">
                <code class="mono cut" title=line.clone()>{line.clone()}</code>
                <Button
                    small=true
                    kind=ButtonKind::Quiet
                    icon=Icon::Copy
                    label=label(Common::Copy)
                    on_press=move || copy(copied.clone())
                />
            </div>
            <Show when=move || error().is_some()>
                <Note kind=NoteKind::Error role="alert">{move || error().map(|error| error.in_full(i18n.lang()))}</Note>
            </Show>
        </div>
        <footer class="dialog-foot">
            <Button kind=ButtonKind::Danger pending=release.pending() on_press=move || { release.dispatch(()); }>
                {tr(Text::ReleaseAcquired)}
            </Button>
            <Button kind=ButtonKind::Primary on_press=move || on_close.run(())>{tr(Text::Done)}</Button>
        </footer>
    }
}
