//! The account in the top bar: who the page works as, sign-in and sign-out.

use leptos::prelude::*;
use shared::{ActsAs, SessionResponse};

use crate::clock::zone_offset;
use crate::i18n::{Common, I18n, label, texts, tr, use_i18n};
use crate::model::format;
use crate::model::session::Situation;
use crate::pages::links::sign_in_link;
use crate::state::{use_account, use_overlays};
use crate::ui::{Glyph, Icon, Menu, MenuButton, MenuLink, When};

texts! {
    enum Text {
        Account: "Account", "账户";
        SignedOut: "Not signed in", "未登录";
        AuthOff: "No sign-in", "未启用认证";
        ByGateway: "Gateway", "网关";
        ByGatewayNamed: "Gateway: {0}", "网关：{0}";
        ByHeader: "Proxy", "代理";
        SignedInAs: "Signed in as {0}", "已登录为 {0}";
        AsGateway: "As the gateway's account", "以网关的账户访问";
        AsGatewayNamed: "As the gateway's account {0}", "以网关的账户 {0} 访问";
        AsHeader: "A proxy in front of this gateway sends the credentials.", "由此网关前面的代理提供凭据。";
        AsHeaderNamed: "A proxy in front of this gateway sends the credentials of {0}.", "由此网关前面的代理提供 {0} 的凭据。";
        AuthIsOff: "etcd's authentication is off: everyone who reaches this gateway may do everything.", "etcd 未启用认证：能访问此网关的人可以执行任何操作。";
        Nobody: "Requests without credentials are not served here.", "此处不接受未登录的请求。";
        Roles: "Roles", "角色";
        NoRoles: "none", "无";
        Ends: "Session ends", "会话结束";
        AtTheLatest: "{0} at the latest", "最晚 {0}";
        Reach: "What may I read and write?", "我可以读写什么？";
        AsAnother: "Sign in as another user", "以其他用户登录";
    }
}

/// The account's name in the bar.
fn short(session: Option<&SessionResponse>, i18n: I18n) -> String {
    let Some(session) = session else {
        return i18n.t(Text::Account).to_owned();
    };
    match (Situation::of(session), &session.name) {
        (Situation::SignedIn | Situation::ByHeader, Some(name)) => name.clone(),
        (Situation::SignedIn, None) => i18n.t(Text::Account).to_owned(),
        (Situation::ByHeader, None) => i18n.t(Text::ByHeader).to_owned(),
        (Situation::Offered, Some(name)) => i18n.fill(Text::ByGatewayNamed, &[name]),
        (Situation::Offered, None) => i18n.t(Text::ByGateway).to_owned(),
        (Situation::AuthOff, _) => i18n.t(Text::AuthOff).to_owned(),
        (Situation::Required | Situation::Closed, _) => i18n.t(Text::SignedOut).to_owned(),
    }
}

/// The account as a sentence.
fn sentence(session: &SessionResponse, i18n: I18n) -> String {
    let name = session.name.clone();
    match Situation::of(session) {
        Situation::SignedIn => i18n.fill_name(name, Text::SignedInAs, Text::Account),
        Situation::ByHeader => i18n.fill_name(name, Text::AsHeaderNamed, Text::AsHeader),
        Situation::Offered => i18n.fill_name(name, Text::AsGatewayNamed, Text::AsGateway),
        Situation::AuthOff => i18n.t(Text::AuthIsOff).to_owned(),
        Situation::Required | Situation::Closed => i18n.t(Text::Nobody).to_owned(),
    }
}

/// The button with the account's name, and its menu.
#[component]
pub(super) fn AccountMenu() -> impl IntoView {
    let (account, overlays, i18n) = (use_account(), use_overlays(), use_i18n());
    let session = Memo::new(move |_| account.session());
    let message = move || session.with(|session| short(session.as_ref(), i18n));
    let trigger = move || {
        view! {
            <Glyph icon=Icon::User/>
            <span class="pill-text">{message}</span>
        }
    };
    let acts_as = move || session.with(|session| session.as_ref().map(|session| session.acts_as));
    let can_sign_in = move || {
        session.with(|session| {
            let situation = session.as_ref().map(Situation::of);
            situation.is_none_or(Situation::has_form)
        })
    };
    let sign_in = move || {
        if acts_as() == Some(ActsAs::Session) {
            i18n.t(Text::AsAnother)
        } else {
            i18n.t(Common::SignIn)
        }
    };
    let href = sign_in_link();
    view! {
        <Menu label=label(Text::Account) value=Signal::derive(message) facts=true class="pill" trigger=trigger>
            <Facts session=session/>
            <hr/>
            <When when=move || !account.needs_credentials()>
                <MenuButton icon=Icon::Shield on_press=move || overlays.reach.set(true)>{tr(Text::Reach)}</MenuButton>
            </When>
            <When when=can_sign_in>
                <MenuLink href=href icon=Icon::SignIn plain=true>{sign_in}</MenuLink>
            </When>
            <When when=move || acts_as() == Some(ActsAs::Session)>
                <MenuButton icon=Icon::SignOut on_press=move || overlays.sign_out.set(true)>{tr(Common::SignOut)}</MenuButton>
            </When>
        </Menu>
    }
}

/// Who the page works as, with roles, and when the session ends.
#[component]
fn Facts(session: Memo<Option<SessionResponse>>) -> impl IntoView {
    let (account, i18n) = (use_account(), use_i18n());
    let who = move || session.with(|session| session.as_ref().map(|it| sentence(it, i18n)));
    let roles = move || {
        let session = session.get()?;
        session.name.as_ref()?;
        let roles = if session.roles.is_empty() {
            i18n.t(Text::NoRoles).to_owned()
        } else {
            session.roles.join(", ")
        };
        Some(view! { <dt>{i18n.t(Text::Roles)}</dt><dd>{roles}</dd> })
    };
    let ends = move || {
        session.track();
        let limits = account.limits()?;
        let at = i18n.fill(
            Text::AtTheLatest,
            &[&format::clock(limits.absolute, zone_offset())],
        );
        Some(view! { <dt>{i18n.t(Text::Ends)}</dt><dd class="num">{at}</dd> })
    };
    view! {
        <p class="account-who">{who}</p>
        <dl class="cluster-facts">
            {roles}
            {ends}
        </dl>
    }
}
