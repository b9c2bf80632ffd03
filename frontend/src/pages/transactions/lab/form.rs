//! The settings of a run, and its start.

use leptos::prelude::*;
use shared::{Isolation, StmReadRequest};

use super::run::{Phase, Run, Why, seed};
use super::text::Text;
use crate::api::base::api_url_absolute;
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::bank::{self, Settings, within};
use crate::model::txn::Body;
use crate::model::txn::command::{etcdctl, post};
use crate::model::{format, key_text};
use crate::pages::transactions::commands::{CommandDialog, CommandLine};
use crate::ui::{
    Button, ButtonKind, Dialog, Icon, KeyNote, Note, NoteKind, SelectField, TextField,
};

const LEVELS: [(&str, Isolation, Text, Text); 4] = [
    (
        "serializable_snapshot",
        Isolation::SerializableSnapshot,
        Text::Snapshot,
        Text::SnapshotDetail,
    ),
    (
        "serializable",
        Isolation::Serializable,
        Text::Serializable,
        Text::SerializableDetail,
    ),
    (
        "repeatable_reads",
        Isolation::RepeatableReads,
        Text::Repeatable,
        Text::RepeatableDetail,
    ),
    (
        "read_committed",
        Isolation::ReadCommitted,
        Text::Committed,
        Text::CommittedDetail,
    ),
];

/// The settings.
#[component]
pub(super) fn LabForm(run: Run) -> impl IntoView {
    let i18n = use_i18n();
    let prefix = RwSignal::new(format!("/stm-lab/{:06x}/", seed() & 0xff_ffff));
    let clients = RwSignal::new("10".to_owned());
    let accounts = RwSignal::new("5".to_owned());
    let transfers = RwSignal::new("200".to_owned());
    let level = RwSignal::new(LEVELS[0].0.to_owned());
    let asking = RwSignal::new(None::<Settings>);
    let commands = RwSignal::new(None::<Vec<CommandLine>>);
    let level_of = move || level.with(|level| LEVELS.iter().find(|(name, ..)| name == level));
    let levels = Signal::derive(move || {
        let levels = LEVELS.iter();
        levels
            .map(|(name, _, text, _)| (*name, i18n.t(*text).to_owned()))
            .collect()
    });
    let detail = move || level_of().map(|(.., detail)| i18n.t(*detail));
    let prefix_bytes = move || {
        let parsed = prefix.with(|prefix| key_text::parse(prefix));
        parsed.ok().filter(|prefix| !prefix.is_empty())
    };
    let filled = move || {
        Some(Settings {
            prefix: prefix_bytes()?,
            clients: within(&clients.get(), bank::CLIENTS)? as usize,
            accounts: within(&accounts.get(), bank::ACCOUNTS)? as usize,
            transfers: within(&transfers.get(), bank::TRANSFERS)? as u32,
            isolation: level_of()?.1,
        })
    };
    let number_error = move |text: RwSignal<String>, limits: (i64, i64)| {
        Signal::derive(move || {
            let [low, high] = [limits.0, limits.1].map(format::count);
            within(&text.get(), limits)
                .is_none()
                .then(|| i18n.fill(Text::Within, &[&low, &high]))
        })
    };
    let prefix_error = Signal::derive(move || {
        prefix
            .with(String::is_empty)
            .then(|| i18n.t(Text::PrefixNeeded).to_owned())
    });
    let busy = Memo::new(move |_| run.is_busy());
    let running = Memo::new(move |_| run.phase.with(|phase| *phase == Phase::Running));
    let start = move || {
        if let Some(settings) = untrack(filled) {
            asking.set(Some(settings));
        }
    };
    let copy = move || commands.set(lines(run, &|text| i18n.t(text).to_owned()));
    let unfilled = Signal::derive(move || filled().is_none());
    view! {
        <div class="lab-fields">
            <p class="soft">{tr(Text::Detail)}</p>
            <TextField label=label(Text::Prefix) value=prefix error=prefix_error mono=true disabled=busy/>
            <KeyNote text=prefix/>
            <div class="lab-numbers">
                <TextField label=label(Text::Clients) value=clients error=number_error(clients, bank::CLIENTS) disabled=busy/>
                <TextField label=label(Text::Accounts) value=accounts error=number_error(accounts, bank::ACCOUNTS) disabled=busy/>
                <TextField label=label(Text::Transfers) value=transfers error=number_error(transfers, bank::TRANSFERS) disabled=busy/>
            </div>
            <SelectField label=label(Text::Isolation) value=level options=levels/>
            <p class="field-hint">{detail}</p>
            <div class="lab-acts">
                <Show
                    when=move || busy.get()
                    fallback=move || view! {
                        <Button kind=ButtonKind::Primary icon=Icon::Play disabled=unfilled on_press=start>{tr(Text::Start)}</Button>
                    }
                >
                    <Button icon=Icon::Pause disabled=Signal::derive(move || !running.get()) on_press=move || run.stop()>{tr(Text::Stop)}</Button>
                </Show>
                <Button icon=Icon::Terminal disabled=Signal::derive(move || run.read(|tally| tally.attempts == 0).unwrap_or(true)) on_press=copy>
                    {tr(Text::Commands)}
                </Button>
            </div>
            <Status run=run/>
        </div>
        <Confirm asking=asking run=run/>
        <CommandDialog lines=commands/>
    }
}

/// The last transfer as command lines.
fn lines(run: Run, t: &dyn Fn(Text) -> String) -> Option<Vec<CommandLine>> {
    let commit = run.last.try_get_value().flatten()?;
    let base = api_url_absolute("");
    let read = StmReadRequest {
        keys: commit.reads.iter().map(|mark| mark.key.clone()).collect(),
        revision: None,
    };
    let json = |text: Result<String, serde_json::Error>| text.expect("our own types serialise");
    let (read, write) = (
        json(serde_json::to_string(&read)),
        json(serde_json::to_string(&commit)),
    );
    let curl = |json: String, route: &str| post(&json, || json.clone(), &format!("{base}{route}"));
    let etcdctl = etcdctl(&Body::Txn(bank::as_txn(&commit)));
    Some(vec![
        (t(Text::CommandRead), Ok(curl(read, "stm/read"))),
        (t(Text::CommandCommit), Ok(curl(write, "stm/commit"))),
        (
            t(Text::CommandEtcdctl),
            etcdctl.map_err(|refused| refused.place),
        ),
    ])
}

/// Where the run is, and why it ended.
#[component]
fn Status(run: Run) -> impl IntoView {
    let i18n = use_i18n();
    move || {
        let plain = |text: Text| view! { <Note role="status">{i18n.t(text)}</Note> }.into_any();
        Some(match run.phase.get() {
            Phase::Idle => return None,
            Phase::Opening => plain(Text::Opening),
            Phase::Running => plain(Text::Running),
            Phase::Cleaning => plain(Text::Cleaning),
            Phase::Ended { cleaned, why } => {
                let ended = if cleaned {
                    Text::Cleaned
                } else {
                    Text::NotCleaned
                };
                let ended = (why != Some(Why::Exists)).then(|| plain(ended));
                let why = why.map(|why| match why {
                    Why::Exists => i18n.t(Text::Exists).to_owned(),
                    Why::Disturbed(key) => {
                        i18n.fill(Text::Disturbed, &[&key_text::in_sentence(&key.0)])
                    }
                    Why::Failed(error) => error.in_full(i18n.lang()),
                });
                let why =
                    why.map(|why| view! { <Note kind=NoteKind::Error role="alert">{why}</Note> });
                view! { {why} {ended} }.into_any()
            }
        })
    }
}

/// Names every key before the first one is written.
#[component]
fn Confirm(asking: RwSignal<Option<Settings>>, run: Run) -> impl IntoView {
    let i18n = use_i18n();
    let count =
        move || asking.with(|settings| settings.as_ref().map_or(0, |settings| settings.accounts));
    let title = Signal::derive(move || {
        let prefix = asking.with(|settings| {
            settings
                .as_ref()
                .map(|settings| key_text::in_sentence(&settings.prefix))
        });
        i18n.fill(
            Text::ConfirmTitle,
            &[&count().to_string(), &prefix.unwrap_or_default()],
        )
    });
    let keys = move || {
        let keys = asking
            .with(|settings| settings.as_ref().map(Settings::keys))
            .unwrap_or_default();
        keys.into_iter()
            .map(|key| view! { <li class="mono cut">{format::key(&key.0)}</li> })
            .collect_view()
    };
    let start = move || {
        if let Some(settings) = asking.get_untracked() {
            asking.set(None);
            run.start(settings);
        }
    };
    view! {
        <Dialog
            open=Signal::derive(move || asking.with(Option::is_some))
            title=title
            on_close=move |()| asking.set(None)
        >
            <div class="dialog-body">
                <p>{tr(Text::ConfirmDetail)}</p>
                <ul class="lab-keys">{keys}</ul>
            </div>
            <footer class="dialog-foot">
                <Button on_press=move || asking.set(None)>{tr(Common::Cancel)}</Button>
                <Button kind=ButtonKind::Primary on_press=start>
                    {move || i18n.fill(Text::ConfirmRun, &[&count().to_string()])}
                </Button>
            </footer>
        </Dialog>
    }
}
