//! The cluster in the top bar: its state, and a switcher where the gateway has several.

use leptos::prelude::*;
use leptos_router::hooks::use_location;
use shared::{ActsAs, ClusterRef, ClusterState, Member};

use crate::api::base::{cluster, cluster_names, cluster_page_url};
use crate::i18n::{I18n, label, texts, tr, use_i18n};
use crate::pages::Page;
use crate::state::{use_account, use_cluster, use_clusters};
use crate::ui::{Glyph, Icon, Menu, MenuLink};

texts! {
    enum Text {
        Cluster: "Cluster", "集群";
        Unknown: "state unknown", "状态未知";
        Away: "etcd unavailable", "etcd 不可用";
        Name: "Name", "名称";
        EtcdVersion: "etcd", "etcd";
        Members: "Members", "成员";
        Healthy: "{0} of {1} healthy", "{0} / {1} 健康";
        Leader: "Leader", "Leader";
        NoLeader: "none", "无";
        Access: "Access", "访问";
        ReadOnly: "read-only", "只读";
        ReadWrite: "read and write", "读写";
        SwitchTo: "Switch to", "切换到";
        Default: "default", "默认";
        OneMember: "{0} member", "{0} 个成员";
        ManyMembers: "{0} members", "{0} 个成员";
        Unreachable: "cannot be reached", "无法连接";
        NotKnown: "its state is shown after sign-in", "登录后显示其状态";
        SignedInAs: "signed in as {0}", "已登录为 {0}";
        AsGatewayNamed: "as the gateway's account {0}", "以网关账户 {0} 访问";
        Loading: "reading its state", "正在读取状态";
    }
}

/// The button with the cluster's name, and its menu.
#[component]
pub(super) fn ClusterMenu() -> impl IntoView {
    let (shown, clusters, i18n) = (use_cluster(), use_clusters(), use_i18n());
    let message = move || {
        let name = cluster();
        match (shown.info(), shown.error()) {
            (Some(info), None) => format!("{name} · etcd {}", info.version),
            (Some(_), Some(_)) => format!("{name} · {}", i18n.t(Text::Away)),
            (None, _) => name,
        }
    };
    let trigger = move || {
        view! {
            <Glyph icon=Icon::Cluster/>
            <span class="pill-text">{message}</span>
            <Glyph icon=Icon::Down/>
        }
    };
    let others = cluster_names().len() > 1;
    view! {
        <Menu
            label=label(Text::Cluster)
            value=Signal::derive(message)
            facts=true
            class="pill"
            on_open=Callback::new(move |()| clusters.refresh())
            trigger=trigger
        >
            <Facts/>
            {others.then(|| view! { <Switcher/> })}
        </Menu>
    }
}

/// What is known about the cluster that the tab shows.
#[component]
fn Facts() -> impl IntoView {
    let (shown, account, i18n) = (use_cluster(), use_account(), use_i18n());
    let facts = move || {
        let Some(info) = shown.info() else {
            return view! { <dt>{i18n.t(Text::EtcdVersion)}</dt><dd>{i18n.t(Text::Unknown)}</dd> }
                .into_any();
        };
        let healthy = info.members.iter().filter(|member| member.healthy).count();
        let is_leader = |member: &&Member| Some(member.id) == info.leader;
        let leader = info.members.iter().find(is_leader);
        let leader = match (leader, info.leader) {
            (Some(member), _) if !member.name.is_empty() => member.name.clone(),
            (_, Some(id)) => id.to_string(),
            (_, None) => i18n.t(Text::NoLeader).to_owned(),
        };
        let counts = [healthy.to_string(), info.members.len().to_string()];
        view! {
            <dt>{i18n.t(Text::EtcdVersion)}</dt>
            <dd>{info.version.clone()}</dd>
            <dt>{i18n.t(Text::Members)}</dt>
            <dd>{i18n.fill(Text::Healthy, &[&counts[0], &counts[1]])}</dd>
            <dt>{i18n.t(Text::Leader)}</dt>
            <dd class="mono">{leader}</dd>
        }
        .into_any()
    };
    let access = move || {
        i18n.t(if account.is_read_only() {
            Text::ReadOnly
        } else {
            Text::ReadWrite
        })
    };
    let error = move || {
        shown
            .error()
            .map(|error| view! { <p class="menu-note">{error.title(i18n.lang())}</p> })
    };
    view! {
        <dl class="cluster-facts">
            <dt>{tr(Text::Name)}</dt>
            <dd>{cluster()}</dd>
            {facts}
            <dt>{tr(Text::Access)}</dt>
            <dd>{access}</dd>
        </dl>
        {error}
    }
}

/// Links to the same page of the other clusters, each with its state.
#[component]
fn Switcher() -> impl IntoView {
    let (clusters, i18n) = (use_clusters(), use_i18n());
    let pathname = use_location().pathname;
    let page = Memo::new(move |_| Page::of_path(&pathname.get()).unwrap_or(Page::Explorer));
    let links = cluster_names()
        .into_iter()
        .enumerate()
        .map(|(at, name)| {
            let is_shown = name == cluster();
            let href = {
                let name = name.clone();
                Signal::derive(move || cluster_page_url(&name, page.get().path()))
            };
            let state = {
                let name = name.clone();
                move || {
                    let list = clusters.list();
                    let known = list.iter().find(|cluster| cluster.name == name);
                    match known {
                        Some(known) => summary(known, i18n),
                        None if clusters.is_loading() => i18n.t(Text::Loading).to_owned(),
                        None => i18n.t(Text::Unknown).to_owned(),
                    }
                }
            };
            view! {
                <li>
                    <MenuLink href=href current=is_shown external=true plain=true>
                        <span class="cluster-name">
                            <span class="cut">{name}</span>
                            {(at == 0).then(|| view! { <span class="tag hue-plain">{tr(Text::Default)}</span> })}
                        </span>
                        <span class="cluster-state">{state}</span>
                    </MenuLink>
                </li>
            }
        })
        .collect_view();
    view! {
        <hr/>
        <p class="menu-note">{tr(Text::SwitchTo)}</p>
        <ul class="cluster-list">{links}</ul>
    }
}

/// A cluster's state in one line.
fn summary(cluster: &ClusterRef, i18n: I18n) -> String {
    let Some(state) = &cluster.state else {
        return i18n.t(Text::NotKnown).to_owned();
    };
    let mut parts = Vec::new();
    if state.reachable {
        parts.extend(
            state
                .version
                .as_ref()
                .map(|version| format!("etcd {version}")),
        );
        let members = state
            .members
            .and_then(|members| i64::try_from(members).ok());
        parts.extend(
            members.map(|members| i18n.plural(members, Text::OneMember, Text::ManyMembers)),
        );
    } else {
        parts.push(i18n.t(Text::Unreachable).to_owned());
    }
    if state.read_only {
        parts.push(i18n.t(Text::ReadOnly).to_owned());
    }
    parts.extend(user(state, i18n));
    parts.join(" · ")
}

fn user(state: &ClusterState, i18n: I18n) -> Option<String> {
    let name = state.name.as_ref()?;
    let text = match state.acts_as {
        ActsAs::Gateway => Text::AsGatewayNamed,
        _ => Text::SignedInAs,
    };
    Some(i18n.fill(text, &[name]))
}
