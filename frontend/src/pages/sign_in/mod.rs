//! Sign-in: a name and a password of etcd.

use leptos::prelude::*;

use crate::i18n::{texts, tr};

texts! {
    enum Text {
        Title: "Sign in", "登录";
    }
}

/// The page.
#[component]
pub(crate) fn SignIn() -> impl IntoView {
    view! {
        <h1 class="visually-hidden">{tr(Text::Title)}</h1>
    }
}
