//! Returning unused space to the file system, with progress.

use leptos::prelude::*;
use shared::MemberId;

use super::card::{Card, TaskButton};
use super::member_select::MemberSelect;
use super::progress::{Ended, Run, Step};
use super::text::Text;
use crate::clock::use_clock;
use crate::i18n::{I18n, tr, use_i18n};
use crate::model::cluster::operation::defragmentation_order;
use crate::model::cluster::{Operation, Who};
use crate::model::sentence::sentences;
use crate::model::{format, key_text};
use crate::pages::cluster::commands::CommandMenu;
use crate::pages::cluster::store::ClusterStore;
use crate::ui::{Button, ButtonKind, Note, NoteKind};

/// The card.
#[component]
pub(super) fn Defragmentation(store: ClusterStore) -> impl IntoView {
    let chosen = RwSignal::new(None::<MemberId>);
    let progress = store.defragmentation;
    let running = Memo::new(move |_| progress.is_running());
    let operation = Signal::derive(move || {
        let all = chosen.get().is_none();
        let members = match chosen.get() {
            Some(id) => vec![store.who(id)],
            None => defragmentation_order(&store.members(), store.leader()),
        };
        Some(Operation::Defragment { members, all })
    });
    let press = move || {
        if let Some(operation) = operation.get_untracked() {
            store.ask(operation);
        }
    };
    let shown = move || {
        progress
            .run()
            .get()
            .map(|run| view! { <Shown store=store run=run/> })
    };
    view! {
        <Card title=Text::Defragmentation help=Text::DefragmentationHelp>
            <MemberSelect store=store value=chosen others=Text::AllVoting voting=true/>
            {shown}
            <div class="task-acts">
                <TaskButton
                    text=Text::Defragment
                    kind=ButtonKind::Plain
                    reason=Signal::derive(move || store.permission.reason())
                    pending=running
                    on_press=press
                />
                <CommandMenu operation=operation/>
            </div>
        </Card>
    }
}

/// The progress or the result.
#[component]
fn Shown(store: ClusterStore, run: Run) -> impl IntoView {
    let i18n = use_i18n();
    let is_running = run.ended.is_none();
    let rows = run
        .members
        .clone()
        .into_iter()
        .map(|(who, step)| view! { <Row who=who step=step is_followed=is_running/> });
    let rows = rows.collect_view();
    let stop = is_running.then(|| {
        view! {
            <div class="task-stop">
                <Button small=true on_press=move || store.defragmentation.stop()>{tr(Text::Stop)}</Button>
                <span class="mute">{tr(Text::StopHelp)}</span>
            </div>
        }
    });
    let result = move || {
        let (kind, role, text) = result(i18n, &run)?;
        Some(view! { <Note kind=kind role=role>{text}</Note> })
    };
    view! {
        <ol class="steps">{rows}</ol>
        {result}
        {stop}
    }
}

/// How it ended.
fn result(i18n: I18n, run: &Run) -> Option<(NoteKind, &'static str, String)> {
    Some(match run.ended.as_ref()? {
        Ended::Response(response) if response.complete => {
            (NoteKind::Plain, "status", summary(i18n, run))
        }
        Ended::Response(response) => {
            let failed = response.members.iter().find_map(|it| it.error.clone());
            let failed = key_text::escape_invisible(&failed.unwrap_or_default());
            let text = sentences(&[&summary(i18n, run), &failed]);
            (NoteKind::Error, "alert", text)
        }
        Ended::Error(error) => (NoteKind::Error, "alert", error.in_full(i18n.lang())),
        Ended::Stopped => {
            let text = match current(run) {
                Some(name) => i18n.fill(Text::StoppedDuring, &[&name]),
                None => i18n.t(Text::Stopped).to_owned(),
            };
            (NoteKind::Warning, "status", text)
        }
    })
}

/// A member and its state; `is_followed` while the page receives the progress.
#[component]
fn Row(who: Who, step: Step, is_followed: bool) -> impl IntoView {
    let (clock, i18n) = (use_clock(), use_i18n());
    let class = match &step {
        Step::Waiting => "step",
        Step::Running(_) => "step is-running",
        Step::Done(done) if done.error.is_some() => "step is-failed",
        Step::Done(_) => "step is-done",
    };
    let state = move || match &step {
        Step::Waiting if is_followed => i18n.t(Text::Waiting).to_owned(),
        Step::Waiting => i18n.t(Text::NotBegun).to_owned(),
        Step::Running(_) if !is_followed => i18n.t(Text::BeingFinished).to_owned(),
        Step::Running(since) => {
            let seconds = ((clock.now() - since) / 1000.0).max(0.0) as i64;
            i18n.fill(Text::Running, &[&format::span(seconds, i18n.lang())])
        }
        Step::Done(done) => match (&done.error, done.db_size_before, done.db_size) {
            (Some(error), ..) => key_text::escape_invisible(error),
            (None, Some(before), Some(after)) => {
                i18n.fill(Text::Freed, &[&format::size(before), &format::size(after)])
            }
            _ => i18n.t(Text::Finished).to_owned(),
        },
    };
    view! {
        <li class=class>
            <b class="mono cut">{key_text::display(who.label().as_bytes())}</b>
            <span class="num">{state}</span>
        </li>
    }
}

/// The name of the member in progress.
fn current(run: &Run) -> Option<String> {
    let running = |(_, step): &&(Who, Step)| matches!(step, Step::Running(_));
    let (who, _) = run.members.iter().find(running)?;
    Some(key_text::in_sentence(who.label().as_bytes()))
}

fn summary(i18n: I18n, run: &Run) -> String {
    let done = run.members.iter().filter_map(|(_, step)| match step {
        Step::Done(done) if done.error.is_none() => Some(done),
        _ => None,
    });
    let freed: i64 = done
        .clone()
        .filter_map(|done| Some(done.db_size_before? - done.db_size?))
        .sum();
    i18n.fill(
        Text::DefragmentDone,
        &[
            &done.count().to_string(),
            &run.members.len().to_string(),
            &format::size(freed.max(0)),
        ],
    )
}
