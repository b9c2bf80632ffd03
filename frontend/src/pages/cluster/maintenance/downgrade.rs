//! Preparing the cluster for an older version.

use leptos::prelude::*;
use shared::DowngradeAction;

use super::card::{Card, TaskButton};
use super::text::Text;
use crate::api::ApiError;
use crate::i18n::{label, use_i18n};
use crate::model::cluster::{Operation, form};
use crate::pages::cluster::commands::CommandMenu;
use crate::pages::cluster::run::run;
use crate::pages::cluster::store::ClusterStore;
use crate::state::Scope;
use crate::ui::{ButtonKind, Icon, Note, NoteKind, TextField};

/// The card.
#[component]
pub(super) fn Downgrade(store: ClusterStore) -> impl IntoView {
    let i18n = use_i18n();
    let scope = Scope::here();
    let typed = RwSignal::new(String::new());
    let busy = RwSignal::new(false);
    let checked = RwSignal::new(None::<Result<String, ApiError>>);
    let present = move || {
        store
            .info()
            .with(|info| info.as_ref().map(|info| info.version.clone()))
    };
    // The field starts with the only version that is possible, once the present one is known.
    Effect::new(move |filled: Option<bool>| {
        let target = present().as_deref().and_then(form::previous_minor);
        match (filled.unwrap_or_default(), target) {
            (false, Some(target)) => {
                typed.set(target);
                true
            }
            (filled, _) => filled,
        }
    });
    let target = Memo::new(move |_| {
        let (major, minor) = typed.with(|typed| form::minor_version(typed))?;
        Some(format!("{major}.{minor}"))
    });
    let in_progress = Memo::new(move |_| {
        store
            .info()
            .with(|info| info.as_ref()?.downgrade_to.clone())
    });
    let operation = Signal::derive(move || {
        if in_progress.with(Option::is_some) {
            return Some(Operation::Downgrade {
                action: DowngradeAction::Cancel,
                version: None,
            });
        }
        Some(Operation::Downgrade {
            action: DowngradeAction::Enable,
            version: Some(target.get()?),
        })
    });
    let ask = move || {
        if let Some(operation) = operation.get_untracked() {
            store.ask(operation);
        }
    };
    let validate = move || {
        let operation = Operation::Downgrade {
            action: DowngradeAction::Validate,
            version: target.get_untracked(),
        };
        busy.set(true);
        scope.spawn(async move {
            let result = run(&operation, i18n).await;
            busy.try_set(false);
            if let Err(error) = &result {
                store.permission.observe(error);
            }
            checked.try_set(Some(result.map(Option::unwrap_or_default)));
        });
    };
    let result = move || {
        Some(match checked.get()? {
            Ok(text) => view! { <Note icon=Icon::Check class="is-good" role="status">{text}</Note> }.into_any(),
            Err(error) => view! { <Note kind=NoteKind::Error role="alert">{error.in_full(i18n.lang())}</Note> }.into_any(),
        })
    };
    let error = Signal::derive(move || {
        let wrong = typed.with(|typed| !typed.trim().is_empty()) && target.get().is_none();
        wrong.then(|| i18n.t(Text::VersionWrong).to_owned())
    });
    let reason = Signal::derive(move || store.permission.reason());
    let no_target = Signal::derive(move || target.get().is_none());
    let form = move || {
        match in_progress.get() {
        Some(version) => view! {
            <Note icon=Icon::Warn kind=NoteKind::Warning role="status">{i18n.fill(Text::InProgress, &[&version])}</Note>
        }
        .into_any(),
        None => view! { <TextField label=label(Text::TargetVersion) value=typed error=error mono=true/> }.into_any(),
    }
    };
    let buttons = move || {
        if in_progress.with(Option::is_some) {
            view! { <TaskButton text=Text::Cancel kind=ButtonKind::Plain reason=reason on_press=ask/> }.into_any()
        } else {
            view! {
                <TaskButton text=Text::Validate kind=ButtonKind::Plain reason=reason pending=busy disabled=no_target on_press=validate/>
                <TaskButton text=Text::Enable kind=ButtonKind::Danger reason=reason disabled=no_target on_press=ask/>
            }
            .into_any()
        }
    };
    view! {
        <Card title=Text::Downgrade help=Text::DowngradeHelp>
            {form}
            {result}
            <div class="task-acts">
                {buttons}
                <CommandMenu operation=operation/>
            </div>
        </Card>
    }
}
