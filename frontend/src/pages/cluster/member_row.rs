//! A member in the table.

use leptos::prelude::*;
use shared::Member;

use super::store::ClusterStore;
use super::text::Text;
use crate::i18n::{I18n, tr, use_i18n};
use crate::model::cluster::{Operation, Who};
use crate::model::{format, key_text};
use crate::ui::{Glyph, Hue, Icon, Menu, MenuItem, Tag};

/// A row: the member's facts, and a menu of what can be done with it.
#[component]
pub(super) fn MemberRow(
    store: ClusterStore,
    member: Memo<Option<Member>>,
    updating: RwSignal<Option<Member>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let of = move |read: fn(&Member) -> Option<String>| {
        member.with(|member| member.as_ref().and_then(read))
    };
    let name = move || {
        let label = member.with(|member| member.as_ref().map(|it| Who::from(it).label()));
        key_text::display(label.unwrap_or_default().as_bytes())
    };
    let is_leader =
        Memo::new(move |_| member.with(|it| it.as_ref().map(|it| it.id)) == store.leader());
    let is_learner = Memo::new(move |_| member.with(|it| it.as_ref().is_some_and(|it| it.learner)));
    let healthy = Memo::new(move |_| member.with(|it| it.as_ref().is_some_and(|it| it.healthy)));
    let health = move || {
        let started = member.with(|it| it.as_ref().is_some_and(|it| !it.name.is_empty()));
        i18n.t(match (healthy.get(), started) {
            (true, _) => Text::Healthy,
            (false, true) => Text::Unhealthy,
            (false, false) => Text::NotStarted,
        })
    };
    let raft = move || {
        of(|it| it.raft_index.map(|index| format::count(index as i64)))
            .unwrap_or_else(|| "–".to_owned())
    };
    let lag = move || {
        let lag = member.with(|it| it.as_ref()?.raft_lag)?;
        Some(if lag == 0 {
            i18n.t(Text::Current).to_owned()
        } else {
            i18n.fill(Text::Behind, &[&format::count(lag as i64)])
        })
    };
    let address = move || {
        let url = of(|it| {
            it.reached_by
                .clone()
                .or_else(|| it.client_urls.first().cloned())
        });
        key_text::escape_invisible(&url.unwrap_or_else(|| "–".to_owned()))
    };
    let error = move || {
        let error = of(|it| it.error.clone())?;
        Some(
            view! { <span class="member-error" role="cell">{key_text::escape_invisible(&error)}</span> },
        )
    };
    view! {
        <div class="member-row" role="row">
            <span class="member-name" role="cell">
                <b class="mono cut" title=name>{name}</b>
                {move || is_leader.get().then(|| view! { <Tag hue=Hue::Lease>{tr(Text::Leader)}</Tag> })}
                {move || is_learner.get().then(|| view! { <Tag>{tr(Text::Learner)}</Tag> })}
            </span>
            <span class="member-health" role="cell">
                <span class="dot" class:dot-off=move || !healthy.get()></span>
                {health}
            </span>
            <span class="member-version num" role="cell">{move || of(|it| it.version.clone()).unwrap_or_else(|| "–".to_owned())}</span>
            <span class="member-raft num" role="cell">{raft} <small class="soft">{lag}</small></span>
            <span class="member-db" role="cell"><Database member=member/></span>
            <span class="member-address mono cut" role="cell" title=address>{address}</span>
            <span class="member-menu" role="cell">
                <MemberMenu store=store member=member is_leader=is_leader updating=updating/>
            </span>
            {error}
        </div>
    }
}

/// The size of the database, against the quota where that is known.
#[component]
fn Database(member: Memo<Option<Member>>) -> impl IntoView {
    let i18n = use_i18n();
    move || {
        let sizes = member.with(|member| {
            let member = member.as_ref()?;
            Some((member.db_size?, member.db_size_in_use?, member.db_quota))
        });
        let Some((size, used, quota)) = sizes else {
            return view! { "–" }.into_any();
        };
        let quota = quota.filter(|quota| *quota > 0);
        let share = |bytes: i64| {
            let whole = quota.unwrap_or(size).max(1);
            let percent = (bytes as f64 / whole as f64 * 100.0).clamp(0.0, 100.0);
            format!("{percent:.2}%")
        };
        let near = quota.is_some_and(|quota| size >= quota / 100 * 80);
        view! {
            <span class="db-bar" class:is-near=near aria-hidden="true">
                <span class="db-size" style:width=share(size)></span>
                <span class="db-used" style:width=share(used)></span>
            </span>
            <span class="num">{size_text(i18n, size, quota)}</span>
            <small class="soft num">{i18n.fill(Text::InUse, &[&format::size(used)])}</small>
        }
        .into_any()
    }
}

fn size_text(i18n: I18n, size: i64, quota: Option<i64>) -> String {
    match quota {
        Some(quota) => i18n.fill(Text::OfQuota, &[&format::size(size), &format::size(quota)]),
        None => format::size(size),
    }
}

/// What can be done with a member. An item that does not apply is disabled.
#[component]
fn MemberMenu(
    store: ClusterStore,
    member: Memo<Option<Member>>,
    is_leader: Memo<bool>,
    updating: RwSignal<Option<Member>>,
) -> impl IntoView {
    let i18n = use_i18n();
    let denied = Memo::new(move |_| store.permission.reason());
    let learner = Memo::new(move |_| member.with(|it| it.as_ref().is_some_and(|it| it.learner)));
    let who = move || member.with_untracked(|member| member.as_ref().map(Who::from));
    let ask = move |operation: fn(Who, ClusterStore) -> Operation| {
        move || {
            if let Some(who) = who() {
                store.ask(untrack(|| operation(who, store)));
            }
        }
    };
    let move_leader = ask(|to, store| Operation::MoveLeader {
        to,
        leader: store.leader().map(|leader| store.who(leader)),
    });
    let promote = ask(|who, _| Operation::Promote(who));
    let remove = ask(|who, _| Operation::Remove(who));
    let not = move |applies: bool| denied.get().is_some() || !applies;
    let title = Signal::derive(move || {
        let label = member.with(|it| it.as_ref().map(|it| Who::from(it).label()));
        i18n.fill(
            Text::Actions,
            &[&key_text::display(label.unwrap_or_default().as_bytes())],
        )
    });
    let reason = move || {
        denied
            .get()
            .map(|reason| view! { <p class="menu-note">{reason}</p> })
    };
    view! {
        <Menu label=title class="btn btn-quiet btn-icon" trigger=move || view! { <Glyph icon=Icon::Down/> }>
            {reason}
            <MenuItem disabled=Signal::derive(move || not(!is_leader.get() && !learner.get())) on_press=move_leader>
                {tr(Text::DoMoveLeader)}
            </MenuItem>
            <MenuItem disabled=Signal::derive(move || not(learner.get())) on_press=promote>{tr(Text::DoPromote)}</MenuItem>
            <MenuItem disabled=Signal::derive(move || not(true)) on_press=move || updating.set(member.get_untracked())>
                {tr(Text::DoUpdate)}
            </MenuItem>
            <MenuItem disabled=Signal::derive(move || not(true)) on_press=remove>{tr(Text::DoRemove)}</MenuItem>
        </Menu>
    }
}
