//! The raised alarms; raising and disarming them.

use leptos::prelude::*;
use shared::{Alarm, AlarmKind, MemberId};

use super::card::{Card, TaskButton};
use super::member_select::MemberSelect;
use super::text::Text;
use crate::i18n::{label, tr};
use crate::model::cluster::Operation;
use crate::model::key_text;
use crate::pages::cluster::commands::CommandMenu;
use crate::pages::cluster::store::ClusterStore;
use crate::ui::{ButtonKind, Hue, Segmented, Tag};

/// The card.
#[component]
pub(super) fn Alarms(store: ClusterStore) -> impl IntoView {
    let chosen = RwSignal::new(None::<MemberId>);
    let kind = RwSignal::new(AlarmKind::NoSpace);
    let alarms = Memo::new(move |_| {
        let info = store.info().get();
        info.map(|info| info.alarms).unwrap_or_default()
    });
    // The first member until another one is chosen: an alarm always belongs to a member.
    let member = Memo::new(move |_| {
        let members = store.members();
        let exists = |id: &MemberId| members.iter().any(|member| member.id == *id);
        chosen
            .get()
            .filter(exists)
            .or_else(|| members.first().map(|member| member.id))
    });
    let operation = Signal::derive(move || {
        let member = store.who(member.get()?);
        let alarm = kind.get();
        Some(Operation::Raise { member, alarm })
    });
    let press = move || {
        if let Some(operation) = operation.get_untracked() {
            store.ask(operation);
        }
    };
    let raised = move || {
        let alarms = alarms.get();
        if alarms.is_empty() {
            return view! { <p class="mute">{tr(Text::AlarmsNone)}</p> }.into_any();
        }
        let only = alarms.len() == 1;
        let rows = alarms
            .into_iter()
            .map(|alarm| view! { <Raised store=store alarm=alarm only=only/> });
        view! { <ul class="steps">{rows.collect_view()}</ul> }.into_any()
    };
    let kinds = Signal::derive(|| {
        vec![
            (AlarmKind::NoSpace, "NOSPACE".to_owned()),
            (AlarmKind::Corrupt, "CORRUPT".to_owned()),
        ]
    });
    view! {
        <Card title=Text::Alarms help=Text::AlarmsHelp>
            {raised}
            <MemberSelect store=store value=chosen/>
            <Segmented label=label(Text::AlarmKind) value=kind options=kinds on_choose=Callback::new(move |chosen| kind.set(chosen))/>
            <div class="task-acts">
                <TaskButton
                    text=Text::Raise
                    kind=ButtonKind::Danger
                    reason=Signal::derive(move || store.permission.reason())
                    disabled=Signal::derive(move || operation.with(Option::is_none))
                    on_press=press
                />
                <CommandMenu operation=operation/>
            </div>
        </Card>
    }
}

#[component]
fn Raised(store: ClusterStore, alarm: Alarm, only: bool) -> impl IntoView {
    let name = untrack(|| store.who(alarm.member_id).label());
    let code = alarm.alarm.clone();
    let ask = move || {
        store.ask(Operation::Disarm {
            member: untrack(|| store.who(alarm.member_id)),
            alarm: alarm.alarm.clone(),
            only,
        });
    };
    view! {
        <li class="step">
            <b class="mono cut">{key_text::display(name.as_bytes())}</b>
            <Tag hue=Hue::Delete>{code}</Tag>
            <span class="push"></span>
            <TaskButton text=Text::Disarm kind=ButtonKind::Plain reason=Signal::derive(move || store.permission.reason()) on_press=ask/>
        </li>
    }
}
