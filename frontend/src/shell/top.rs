//! The top bar: palette, live state, cluster, theme and language.

use leptos::prelude::*;

use crate::i18n::{label, texts, tr, use_i18n};
use crate::model::{Lang, format};
use crate::state::theme::choose_language;
use crate::state::{
    Phase, ThemeChoice, use_account, use_cluster, use_connection, use_overlays, use_theme,
};
use crate::ui::{Glyph, Icon, Kbd, Menu, MenuItem};

texts! {
    enum Text {
        GoTo: "Go to key, prefix or action", "转到键、前缀或操作";
        Live: "Live at revision", "实时，修订版本";
        LiveNow: "Live", "实时";
        Connecting: "Connecting", "连接中";
        Lost: "Connection lost", "连接已断开";
        Refused: "Credentials required", "需要凭据";
        Cluster: "Cluster", "集群";
        ClusterUnknown: "cluster unknown", "集群未知";
        ClusterAway: "etcd unavailable", "etcd 不可用";
        Name: "Name", "名称";
        EtcdVersion: "etcd", "etcd";
        Members: "Members", "成员";
        Healthy: "{0} of {1} healthy", "{0} / {1} 健康";
        Leader: "Leader", "Leader";
        NoLeader: "none", "无";
        Theme: "Theme", "主题";
        System: "System", "跟随系统";
        Light: "Light", "浅色";
        Dark: "Dark", "深色";
        Language: "Language", "语言";
    }
}

/// The bar.
#[component]
pub(crate) fn TopBar() -> impl IntoView {
    let overlays = use_overlays();
    view! {
        <div class="top">
            <button type="button" class="goto" aria-haspopup="dialog" on:click=move |_| overlays.palette.set(true)>
                <Glyph icon=Icon::Find/>
                <span class="cut">{tr(Text::GoTo)}</span>
                <Kbd keys="Ctrl K"/>
            </button>
            <span class="push"></span>
            <LiveDot/>
            <ClusterPill/>
            <ThemeMenu/>
            <LanguageMenu/>
        </div>
    }
}

#[component]
fn LiveDot() -> impl IntoView {
    let (connection, account, i18n) = (use_connection(), use_account(), use_i18n());
    let message = move || match (connection.phase(), connection.revision()) {
        _ if account.needs_credentials() => i18n.t(Text::Refused),
        (Phase::Live, Some(_)) => i18n.t(Text::Live),
        (Phase::Live, None) => i18n.t(Text::LiveNow),
        (Phase::Connecting, _) => i18n.t(Text::Connecting),
        (Phase::Lost { .. }, _) => i18n.t(Text::Lost),
    };
    let revision = move || match (connection.phase(), connection.revision()) {
        (Phase::Live, Some(revision)) if !account.needs_credentials() => {
            Some(view! { <b>{format::count(revision)}</b> })
        }
        _ => None,
    };
    view! {
        <span class="live" title=message>
            <span
                class="dot"
                class:dot-wait=move || connection.phase() == Phase::Connecting
                class:dot-off=move || account.needs_credentials() || matches!(connection.phase(), Phase::Lost { .. })
            ></span>
            <span class="live-text">{message}</span>
            {revision}
        </span>
    }
}

#[component]
fn ClusterPill() -> impl IntoView {
    let (cluster, i18n) = (use_cluster(), use_i18n());
    let message = move || match (cluster.info(), cluster.error()) {
        (Some(info), None) => format!("{} · etcd {}", info.name, info.version),
        (Some(info), Some(_)) => format!("{} · {}", info.name, i18n.t(Text::ClusterAway)),
        (None, _) => i18n.t(Text::ClusterUnknown).to_owned(),
    };
    let trigger = move || {
        view! {
            <Glyph icon=Icon::Cluster/>
            <span class="pill-text">{message}</span>
            <Glyph icon=Icon::Down/>
        }
    };
    let facts = move || {
        let info = cluster.info()?;
        let healthy = info.members.iter().filter(|member| member.healthy).count();
        let leader = info.leader.map_or_else(
            || i18n.t(Text::NoLeader).to_owned(),
            |id| {
                let named = info
                    .members
                    .iter()
                    .find(|member| member.id == id && !member.name.is_empty());
                named.map_or_else(|| id.to_string(), |member| member.name.clone())
            },
        );
        Some(view! {
            <dl class="cluster-facts">
                <dt>{i18n.t(Text::Name)}</dt>
                <dd>{info.name.clone()}</dd>
                <dt>{i18n.t(Text::EtcdVersion)}</dt>
                <dd>{info.version.clone()}</dd>
                <dt>{i18n.t(Text::Members)}</dt>
                <dd>{i18n.fill(Text::Healthy, &[&healthy.to_string(), &info.members.len().to_string()])}</dd>
                <dt>{i18n.t(Text::Leader)}</dt>
                <dd class="mono">{leader}</dd>
            </dl>
        })
    };
    let error = move || {
        cluster
            .error()
            .map(|error| view! { <p class="menu-note">{error.title(i18n.lang())}</p> })
    };
    view! {
        <Menu label=label(Text::Cluster) value=Signal::derive(message) facts=true class="pill" trigger=trigger>
            {facts}
            {error}
        </Menu>
    }
}

#[component]
fn ThemeMenu() -> impl IntoView {
    let theme = use_theme();
    let icon = Signal::derive(move || {
        if theme.is_dark() {
            Icon::Moon
        } else {
            Icon::Sun
        }
    });
    let items = [
        (ThemeChoice::System, Icon::Screen, Text::System),
        (ThemeChoice::Light, Icon::Sun, Text::Light),
        (ThemeChoice::Dark, Icon::Moon, Text::Dark),
    ]
    .map(|(choice, icon, text)| {
        view! {
            <MenuItem icon=icon checked=Signal::derive(move || theme.choice() == choice) on_press=move || theme.choose(choice)>
                {tr(text)}
            </MenuItem>
        }
    })
    .collect_view();
    view! {
        <Menu
            label=label(Text::Theme)
            class="btn btn-icon"
            trigger=move || view! { <Glyph icon=icon/> }
        >
            {items}
        </Menu>
    }
}

#[component]
fn LanguageMenu() -> impl IntoView {
    let i18n = use_i18n();
    let short = move || match i18n.lang() {
        Lang::En => "EN",
        Lang::Zh => "中",
    };
    // The name of a language is always in that language.
    let items = [(Lang::En, "English"), (Lang::Zh, "简体中文")]
        .map(|(lang, name)| {
            view! {
                <MenuItem checked=Signal::derive(move || i18n.lang() == lang) on_press=move || choose_language(i18n, lang)>
                    {name}
                </MenuItem>
            }
        })
        .collect_view();
    view! {
        <Menu label=label(Text::Language) value=Signal::derive(move || short().to_owned()) class="btn lang" trigger=short>
            {items}
        </Menu>
    }
}
