//! Warns before the session ends.

use leptos::prelude::*;

use crate::clock::use_clock;
use crate::i18n::{Common, texts, tr, use_i18n};
use crate::model::format;
use crate::model::session::Ending;
use crate::pages::links::sign_in_link;
use crate::state::use_account;
use crate::ui::{Button, Icon, Note, NoteKind, When};

texts! {
    enum Text {
        Idle: "You will be signed out in {0}, since the page was not used. Drafts are kept.", "由于长时间未操作，将在 {0} 后退出登录。草稿会保留。";
        Absolute: "Your session ends in {0}: it has lasted as long as a session may. Drafts are kept; sign in again to continue.", "会话已达到最长时限，将在 {0} 后结束。草稿会保留，请重新登录以继续。";
        Stay: "Stay signed in", "保持登录";
    }
}

/// The warning; nothing while the session lasts longer.
#[component]
pub(super) fn EndingBanner() -> impl IntoView {
    let (account, clock, i18n) = (use_account(), use_clock(), use_i18n());
    let ending = Memo::new(move |_| {
        let limits = account.limits().filter(|_| !account.needs_credentials())?;
        limits.ending(clock.by_gateway(clock.now()))
    });
    let message = move || match ending.get() {
        Some(Ending::Idle(left)) => i18n.fill(Text::Idle, &[&format::span(left, i18n.lang())]),
        Some(Ending::Absolute(left)) => {
            i18n.fill(Text::Absolute, &[&format::span(left, i18n.lang())])
        }
        None => String::new(),
    };
    let is_idle = Memo::new(move |_| matches!(ending.get(), Some(Ending::Idle(_))));
    let sign_in = sign_in_link();
    let action = move || {
        if is_idle.get() {
            view! { <Button small=true on_press=move || account.stay()>{tr(Text::Stay)}</Button> }
                .into_any()
        } else {
            view! { <a class="btn btn-small" href=move || sign_in.get()>{tr(Common::SignIn)}</a> }
                .into_any()
        }
    };
    view! {
        <When when=move || ending.get().is_some()>
            <Note kind=NoteKind::Warning icon=Icon::Lease role="alert" class="lost" action=move || action>
                {message}
            </Note>
        </When>
    }
}
