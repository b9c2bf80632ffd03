//! The top bar: palette, live state, cluster, account, theme and language.

use leptos::prelude::*;

use super::account::AccountMenu;
use super::appearance::{LanguageMenu, ThemeMenu};
use super::clusters::ClusterMenu;
use crate::i18n::{texts, tr, use_i18n};
use crate::model::format;
use crate::state::{Phase, use_account, use_connection, use_overlays};
use crate::ui::{Glyph, Icon, Kbd};

texts! {
    enum Text {
        GoTo: "Go to key, prefix or action", "转到键、前缀或操作";
        Live: "Live at revision", "实时，修订版本";
        LiveNow: "Live", "实时";
        Connecting: "Connecting", "连接中";
        Lost: "Connection lost", "连接已断开";
        Refused: "Not signed in", "未登录";
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
            <ClusterMenu/>
            <AccountMenu/>
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
                class:dot-wait=move || account.needs_credentials() || connection.phase() == Phase::Connecting
                class:dot-off=move || !account.needs_credentials() && matches!(connection.phase(), Phase::Lost { .. })
            ></span>
            <span class="live-text">{message}</span>
            {revision}
        </span>
    }
}
