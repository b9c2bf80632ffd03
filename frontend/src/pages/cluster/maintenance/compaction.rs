//! Discarding old revisions.

use leptos::prelude::*;

use super::card::{Card, TaskButton};
use super::text::Text;
use crate::i18n::{label, use_i18n};
use crate::model::cluster::{Operation, form};
use crate::model::format;
use crate::pages::cluster::commands::CommandMenu;
use crate::pages::cluster::store::ClusterStore;
use crate::ui::{ButtonKind, CheckField, TextField};

/// The card.
#[component]
pub(super) fn Compaction(store: ClusterStore) -> impl IntoView {
    let i18n = use_i18n();
    let typed = RwSignal::new(String::new());
    let physical = RwSignal::new(false);
    let newest = Memo::new(move |_| {
        store
            .info()
            .with(|info| info.as_ref().map_or(0, |info| info.header.revision))
    });
    let operation = Signal::derive(move || {
        let revision = typed.with(|typed| form::revision(typed))?;
        (revision <= newest.get()).then(|| Operation::Compact {
            revision,
            physical: physical.get(),
        })
    });
    let error = Signal::derive(move || {
        let wrong = typed.with(|typed| !typed.trim().is_empty()) && operation.get().is_none();
        wrong.then(|| i18n.fill(Text::RevisionWrong, &[&format::count(newest.get())]))
    });
    let press = move || {
        if let Some(operation) = operation.get_untracked() {
            store.ask(operation);
        }
    };
    view! {
        <Card title=Text::Compaction help=Text::CompactionHelp>
            <TextField
                label=label(Text::CompactionRevision)
                value=typed
                placeholder=Signal::derive(move || newest.get().to_string())
                error=error
                mono=true
            />
            <p class="mute num">{move || i18n.fill(Text::CompactionNow, &[&format::count(newest.get())])}</p>
            <CheckField label=label(Text::Physical) value=physical/>
            <div class="task-acts">
                <TaskButton
                    text=Text::Compact
                    kind=ButtonKind::Danger
                    reason=Signal::derive(move || store.permission.reason())
                    disabled=Signal::derive(move || operation.get().is_none())
                    on_press=press
                />
                <CommandMenu operation=operation/>
            </div>
        </Card>
    }
}
