//! A snapshot as the browser's own download. The gateway reports the bytes sent and whether the hash was correct.

use std::time::Duration;

use gloo_timers::future::sleep;
use leptos::html;
use leptos::prelude::*;
use shared::{MemberId, SnapshotProgress, SnapshotState};

use super::card::{Card, TaskButton};
use super::member_select::MemberSelect;
use super::text::Text;
use crate::api::{self, ErrorKind};
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::cluster::Operation;
use crate::model::{format, key_text};
use crate::pages::cluster::commands::CommandMenu;
use crate::pages::cluster::store::ClusterStore;
use crate::state::Scope;
use crate::ui::clipboard::copier;
use crate::ui::{Button, ButtonKind, Icon, Note, NoteKind};

/// The delay between two questions about a download.
const POLL: Duration = Duration::from_millis(500);
/// How often a download that has not started is asked about.
const STARTING: u32 = 60;

/// A download, as far as it is known.
#[derive(Clone, Debug, PartialEq)]
enum Download {
    /// The gateway has not seen the browser's request yet.
    Starting,
    Known(SnapshotProgress),
    NotStarted,
}

impl Download {
    fn is_running(&self) -> bool {
        match self {
            Self::Starting => true,
            Self::Known(progress) => progress.state == SnapshotState::Running,
            Self::NotStarted => false,
        }
    }
}

/// The card.
#[component]
pub(super) fn Snapshot(store: ClusterStore) -> impl IntoView {
    let scope = Scope::here();
    let chosen = RwSignal::new(None::<MemberId>);
    let download = RwSignal::new(None::<Download>);
    let link = NodeRef::<html::A>::new();
    let operation =
        Signal::derive(move || Some(Operation::Snapshot(chosen.get().map(|id| store.who(id)))));
    let running = Memo::new(move |_| {
        download.with(|download| download.as_ref().is_some_and(Download::is_running))
    });
    let press = move || {
        let Some(link) = link.get_untracked() else {
            return;
        };
        let id = fresh_id();
        link.set_href(&api::maintenance::snapshot_url(chosen.get_untracked(), &id));
        link.click();
        download.set(Some(Download::Starting));
        scope.spawn(follow(download, id));
    };
    let shown = move || {
        download
            .get()
            .map(|download| view! { <Shown store=store download=download/> })
    };
    view! {
        <Card title=Text::Snapshot help=Text::SnapshotHelp>
            <MemberSelect store=store value=chosen others=Text::FirstEndpoint/>
            {shown}
            <div class="task-acts">
                <TaskButton
                    text=Text::Download
                    kind=ButtonKind::Primary
                    reason=Signal::derive(move || store.permission.reading_reason())
                    pending=running
                    on_press=press
                />
                <CommandMenu operation=operation/>
            </div>
            // A link, and not a request of the page: the browser writes to the disk, whatever the size.
            <a node_ref=link class="visually-hidden" download="" tabindex="-1" aria-hidden="true"></a>
        </Card>
    }
}

/// Follows a download until it has ended.
async fn follow(download: RwSignal<Option<Download>>, id: String) {
    let mut missing = 0;
    loop {
        sleep(POLL).await;
        match api::maintenance::snapshot_progress(&id).await {
            Ok(progress) => {
                let is_over = progress.state != SnapshotState::Running;
                download.try_set(Some(Download::Known(progress)));
                if is_over {
                    return;
                }
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                missing += 1;
                if missing >= STARTING {
                    download.try_set(Some(Download::NotStarted));
                    return;
                }
            }
            // The download does not depend on these questions.
            Err(_) => {}
        }
    }
}

/// A random id, so that the gateway knows the download again.
fn fresh_id() -> String {
    let mut bytes = [0; 16];
    if let Ok(crypto) = window().crypto() {
        // Fails only for requests of more than 65,536 bytes.
        let _ = crypto.get_random_values_with_u8_array(&mut bytes);
    }
    crate::ui::element_id("page-", &bytes)
}

/// The progress or the result.
#[component]
fn Shown(store: ClusterStore, download: Download) -> impl IntoView {
    let i18n = use_i18n();
    let progress = match download {
        Download::Starting => {
            return view! { <p class="mute" role="status">{tr(Text::Starting)}</p> }.into_any();
        }
        Download::NotStarted => {
            return view! { <Note kind=NoteKind::Error role="alert">{tr(Text::NotStarted)}</Note> }
                .into_any();
        }
        Download::Known(progress) => progress,
    };
    let share = progress.sent as f64 / (progress.length as f64).max(1.0) * 100.0;
    let name = untrack(|| store.who(progress.member).label());
    let (revision, state) = (progress.revision, progress.state);
    let heading = Signal::derive(move || {
        let name = key_text::in_sentence(name.as_bytes());
        i18n.fill(Text::SnapshotOf, &[&name, &format::count(revision)])
    });
    let sent = move || {
        let sizes = [progress.sent, progress.length].map(|bytes| format::size(bytes as i64));
        i18n.fill(Text::Sent, &[&sizes[0], &sizes[1]])
    };
    let error = progress.error.clone().unwrap_or_default();
    let result = move || {
        match state {
        SnapshotState::Running => None,
        SnapshotState::Complete => Some(view! { <Note icon=Icon::Check class="is-good" role="status">{i18n.t(Text::Complete)}</Note> }.into_any()),
        SnapshotState::Failed => {
            let text = i18n.fill(Text::Failed, &[&key_text::escape_invisible(&error)]);
            Some(view! { <Note kind=NoteKind::Error role="alert">{text}</Note> }.into_any())
        }
        SnapshotState::Cancelled => Some(view! { <Note kind=NoteKind::Warning role="status">{i18n.t(Text::Cancelled)}</Note> }.into_any()),
    }
    };
    let sha = progress.sha256.map(|sha| view! { <Sha sha=sha/> });
    view! {
        <div class="download">
            <p class="download-head"><b>{heading}</b> <span class="num soft">{sent}</span></p>
            <div
                class="download-bar"
                role="progressbar"
                aria-label=move || heading.get()
                aria-valuemin="0"
                aria-valuemax="100"
                aria-valuenow=format!("{share:.0}")
            >
                <span class="download-fill" style:width=format!("{share:.2}%")></span>
            </div>
            {result}
            {sha}
        </div>
    }
    .into_any()
}

#[component]
fn Sha(sha: String) -> impl IntoView {
    let copy = copier();
    let copied = sha.clone();
    view! {
        <div class="sha" title=tr(Text::Sha)>
            <span class="visually-hidden">{tr(Text::Sha)}</span>
            <code class="mono">{sha}</code>
            <Button
                kind=ButtonKind::Quiet
                small=true
                icon=Icon::Copy
                label=label(Common::Copy)
                on_press=move || copy(copied.clone())
            />
        </div>
    }
}
