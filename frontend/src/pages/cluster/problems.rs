//! Alarms with what to do, and warnings with the release that fixes each.

use leptos::prelude::*;
use shared::{Alarm, Warning};

use super::store::ClusterStore;
use super::text::Text;
use crate::i18n::{I18n, tr, use_i18n};
use crate::model::cluster::Operation;
use crate::model::key_text;
use crate::ui::{Button, Chip, Glyph, Hue, Icon, Note, NoteKind};

/// The alarms and warnings; nothing if there are none.
#[component]
pub(super) fn Problems(store: ClusterStore) -> impl IntoView {
    let alarms = Memo::new(move |_| {
        let info = store.info().get();
        info.map(|info| info.alarms).unwrap_or_default()
    });
    let warnings = Memo::new(move |_| {
        let info = store.info().get();
        let warnings = info.map(|info| info.warnings).unwrap_or_default();
        // Alarms are shown above, with what to do.
        let shown = |warning: &Warning| warning.code != "alarm_raised";
        warnings.into_iter().filter(shown).collect::<Vec<_>>()
    });
    let alarm_notes = move || {
        let alarms = alarms.get();
        let only = alarms.len() == 1;
        let notes = alarms
            .into_iter()
            .map(|alarm| view! { <AlarmNote store=store alarm=alarm only=only/> });
        notes.collect_view()
    };
    let warning_card = move || {
        let warnings = warnings.get();
        if warnings.is_empty() {
            return None;
        }
        let rows = warnings
            .into_iter()
            .map(|warning| view! { <WarningRow warning=warning/> });
        Some(view! {
            <section class="card">
                <h2 class="card-head">{tr(Text::Warnings)}</h2>
                <ul class="warnings">{rows.collect_view()}</ul>
            </section>
        })
    };
    view! {
        {alarm_notes}
        {warning_card}
    }
}

/// What an alarm means, and what to do.
pub(super) fn alarm_text(i18n: I18n, store: ClusterStore, alarm: &Alarm) -> String {
    let text = match alarm.alarm.as_str() {
        "NOSPACE" => Text::AlarmNoSpace,
        "CORRUPT" => Text::AlarmCorrupt,
        _ => Text::AlarmUnknown,
    };
    let member = store.who(alarm.member_id).label();
    i18n.fill(text, &[&key_text::in_sentence(member.as_bytes())])
}

#[component]
fn AlarmNote(store: ClusterStore, alarm: Alarm, only: bool) -> impl IntoView {
    let i18n = use_i18n();
    let name = alarm.alarm.clone();
    let raised = alarm.clone();
    let text = move || alarm_text(i18n, store, &raised);
    let disarm = move || {
        let alarm = alarm.clone();
        let ask = move || {
            store.ask(Operation::Disarm {
                member: untrack(|| store.who(alarm.member_id)),
                alarm: alarm.alarm.clone(),
                only,
            });
        };
        view! {
            <Button
                small=true
                label=Signal::derive(move || store.permission.reason().unwrap_or_else(|| i18n.t(Text::DisarmMore).to_owned()))
                disabled=Signal::derive(move || store.permission.reason().is_some())
                on_press=ask
            >
                {tr(Text::DisarmMore)}
            </Button>
        }
    };
    view! {
        <Note kind=NoteKind::Error role="alert" class="cluster-note" action=disarm>
            <b class="alarm-code mono">{name}</b>" "{text}
        </Note>
    }
}

#[component]
fn WarningRow(warning: Warning) -> impl IntoView {
    let i18n = use_i18n();
    let serious = warning.code == "quorum_lost";
    let code = warning.code.clone();
    let title = move || heading(&code).map_or_else(|| code.clone(), |text| i18n.t(text).to_owned());
    let releases = warning.fixed_in.clone();
    let fixed = move || {
        (!releases.is_empty()).then(|| {
            let releases = releases.join(i18n.t(Text::FixedInOr));
            let text = i18n.fill(Text::FixedIn, &[&releases]);
            view! { <Chip hue=Hue::Put>{text}</Chip> }
        })
    };
    view! {
        <li class="warning" class:is-serious=serious>
            <Glyph icon=Icon::Warn/>
            <span class="warning-text">
                <b>{title}</b>
                <span class="soft">{key_text::escape_invisible(&warning.detail)}</span>
            </span>
            <span class="warning-fix">{fixed}</span>
        </li>
    }
}

/// The heading of a warning's code; `None` for a code of a newer gateway.
fn heading(code: &str) -> Option<Text> {
    Some(match code {
        "advertised_url" => Text::WarnAdvertised,
        "version_end_of_life" => Text::WarnEndOfLife,
        "version_mixed" => Text::WarnMixed,
        "watch_bug" => Text::WarnWatchBug,
        "access_bug" => Text::WarnAccessBug,
        "read_bug" => Text::WarnReadBug,
        "lease_bug" => Text::WarnLeaseBug,
        "member_bug" => Text::WarnMemberBug,
        "tls_bug" => Text::WarnTlsBug,
        "no_quorum_margin" => Text::WarnNoMargin,
        "quorum_lost" => Text::WarnQuorumLost,
        "near_quota" => Text::WarnNearQuota,
        "members_unknown" => Text::WarnMembersUnknown,
        "members_stale" => Text::WarnMembersStale,
        "alarms_unknown" => Text::WarnAlarmsUnknown,
        _ => return None,
    })
}
