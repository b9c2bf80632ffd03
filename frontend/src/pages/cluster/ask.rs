//! The confirmation of an operation: it names the object and the consequence.

use leptos::prelude::*;
use shared::{CompactPreview, DowngradeAction};

use super::ask_text::AskText;
use super::commands::CommandMenu;
use super::consequences::{consequences, removed, title, warning};
use super::maintenance::progress;
use super::run::run;
use super::store::ClusterStore;
use crate::api::{self, ApiError};
use crate::i18n::use_i18n;
use crate::model::cluster::Operation;
use crate::model::key_text;
use crate::state::{Tone, use_toasts};
use crate::ui::{ButtonKind, ConfirmDialog, Note, NoteKind, TextField, When};

/// The dialog; open while an operation is being asked about.
#[component]
pub(super) fn AskDialog(store: ClusterStore) -> impl IntoView {
    let (i18n, toasts) = (use_i18n(), use_toasts());
    let asking = store.asking;
    let busy = RwSignal::new(false);
    let error = RwSignal::new(None::<ApiError>);
    let typed = RwSignal::new(String::new());
    Effect::new(move |_| {
        asking.track();
        busy.set(false);
        error.set(None);
        typed.set(String::new());
    });
    let preview = preview_of(store);
    let removes = move || match asking.get() {
        Some(Operation::Remove(who)) => Some(key_text::display(who.label().as_bytes())),
        _ => None,
    };
    let confirmed = Memo::new(move |_| {
        removes().is_none_or(|name| typed.with(|typed| typed.trim() == name.trim()))
    });
    let previewed = Memo::new(move |_| match asking.get() {
        Some(Operation::Compact { .. }) => {
            preview.with(|preview| matches!(preview, Some(Ok(preview)) if preview.removed > 0))
        }
        _ => true,
    });
    let confirm = move || {
        let Some(operation) = asking.get_untracked() else {
            return;
        };
        if let Operation::Defragment { members, all } = operation {
            asking.set(None);
            progress::start(store, members, all);
            return;
        }
        busy.set(true);
        error.set(None);
        store.scope.spawn(async move {
            let done = run(&operation, i18n).await;
            busy.try_set(false);
            match done {
                Ok(done) => {
                    if let Some(done) = done {
                        toasts.show(Tone::Good, done.clone());
                        store.report.try_set(Some(done));
                    }
                    asking.try_set(None);
                }
                Err(refused) => {
                    store.permission.observe(&refused);
                    error.try_set(Some(refused));
                }
            }
            store.refresh();
        });
    };
    let lines = move || {
        let preview = preview.get().and_then(Result::ok);
        let lines = asking.get().map(|operation| {
            let mut lines = consequences(i18n, store, &operation);
            if let (Operation::Compact { .. }, Some(preview)) = (&operation, preview) {
                lines.insert(0, removed(i18n, preview));
            }
            lines
        });
        let lines = lines.unwrap_or_default().into_iter();
        lines.map(|line| view! { <p>{line}</p> }).collect_view()
    };
    let warning = move || asking.get().and_then(|it| warning(i18n, store, &it));
    let shown_error = Signal::derive(move || {
        let failed = preview.with(|preview| preview.as_ref()?.as_ref().err().cloned());
        let error = error.get().or(failed)?;
        Some(error.in_full(i18n.lang()))
    });
    let type_label = Signal::derive(move || {
        let name = removes().unwrap_or_default();
        i18n.fill(AskText::RemoveType, &[&key_text::isolate(&name)])
    });
    let title = Signal::derive(move || asking.get().map_or(String::new(), |it| title(i18n, &it)));
    let kind = Signal::derive(move || match asking.get() {
        Some(
            Operation::Promote(_)
            | Operation::MoveLeader { .. }
            | Operation::Add { learner: true, .. }
            | Operation::Defragment { .. }
            | Operation::Downgrade {
                action: DowngradeAction::Cancel,
                ..
            },
        ) => ButtonKind::Primary,
        _ => ButtonKind::DangerNow,
    });
    view! {
        <ConfirmDialog
            open=Signal::derive(move || asking.with(Option::is_some))
            title=title
            action=title
            kind=kind
            pending=busy
            disabled=Signal::derive(move || !confirmed.get() || !previewed.get())
            error=shown_error
            on_confirm=confirm
            on_close=move |()| asking.set(None)
            aside=move || view! { <CommandMenu operation=asking/> }
        >
            {lines}
            {move || warning().map(|text| view! { <Note kind=NoteKind::Warning>{text}</Note> })}
            <When when=move || removes().is_some()>
                <TextField label=type_label value=typed mono=true/>
            </When>
        </ConfirmDialog>
    }
}

/// What a compaction would remove, while one is being asked about.
fn preview_of(store: ClusterStore) -> Signal<Option<Result<CompactPreview, ApiError>>> {
    let resource = LocalResource::new(move || {
        let revision = match store.asking.get() {
            Some(Operation::Compact { revision, .. }) => Some(revision),
            _ => None,
        };
        async move {
            match revision {
                Some(revision) => Some(api::maintenance::compact_preview(revision).await),
                None => None,
            }
        }
    });
    Signal::derive(move || resource.get().flatten())
}
