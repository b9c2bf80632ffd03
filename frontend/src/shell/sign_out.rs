//! The dialog that asks before signing out: what this browser keeps about the cluster can be erased, too.

use leptos::prelude::*;

use crate::api::base::{SIGN_IN, cluster, page_url};
use crate::api::{self, ApiError};
use crate::i18n::{Common, label, texts, tr, use_i18n};
use crate::state::{Scope, memory, use_account, use_drafts, use_overlays};
use crate::ui::{Button, ButtonKind, Dialog, Note, NoteKind};

texts! {
    enum Text {
        Detail: "The session of {0} ends, and with it what this user's pages show and hold open.", "{0} 的会话将结束，该用户页面上显示的内容和保持的连接也随之结束。";
        DetailNameless: "The session ends.", "会话将结束。";
        Kept: "This browser keeps drafts, saved transactions, bookmarks and visited keys of {0}; their values and names may be confidential.", "此浏览器保存了 {0} 的草稿、已保存的事务、书签和访问过的键，其中的值和名称可能涉密。";
        Keep: "Sign out, keep them", "退出登录并保留";
        Erase: "Sign out and erase them", "退出登录并清除";
        OneDraft: "There is {0} unsaved draft.", "有 {0} 份未保存的草稿。";
        ManyDrafts: "There are {0} unsaved drafts.", "有 {0} 份未保存的草稿。";
    }
}

/// The dialog.
#[component]
pub(super) fn SignOutDialog() -> impl IntoView {
    let overlays = use_overlays();
    view! {
        <Dialog open=overlays.sign_out title=label(Common::SignOut) on_close=move |()| overlays.sign_out.set(false)>
            <Body/>
        </Dialog>
    }
}

#[component]
fn Body() -> impl IntoView {
    let (overlays, account, drafts, i18n) =
        (use_overlays(), use_account(), use_drafts(), use_i18n());
    let pending = RwSignal::new(false);
    let error = RwSignal::new(None::<ApiError>);
    let scope = Scope::here();
    let unsaved = i64::try_from(drafts.count()).unwrap_or(i64::MAX);
    let sign_out = move |erase: bool| {
        pending.set(true);
        scope.spawn(async move {
            match api::session::sign_out().await {
                Ok(()) => {
                    drafts.leave(erase);
                    if erase {
                        memory::erase(&cluster());
                    }
                    // Another page load, so that nothing of the user remains in memory. Fails only for an
                    // invalid URL.
                    let _ = window().location().assign(&page_url(SIGN_IN));
                }
                Err(failed) => {
                    error.try_set(Some(failed));
                    pending.try_set(false);
                }
            }
        });
    };
    let detail = move || i18n.fill_name(account.name(), Text::Detail, Text::DetailNameless);
    let kept = move || i18n.fill(Text::Kept, &[&cluster()]);
    let counted =
        move || (unsaved > 0).then(|| i18n.plural(unsaved, Text::OneDraft, Text::ManyDrafts));
    let failed = move || {
        let text = error.get()?.in_full(i18n.lang());
        Some(view! { <Note kind=NoteKind::Error role="alert">{text}</Note> })
    };
    view! {
        <div class="dialog-body">
            <p>{detail} " " {counted}</p>
            <p class="soft">{kept}</p>
            {failed}
        </div>
        <footer class="dialog-foot">
            <Button on_press=move || overlays.sign_out.set(false)>{tr(Common::Cancel)}</Button>
            <Button pending=pending on_press=move || sign_out(false)>{tr(Text::Keep)}</Button>
            <Button kind=ButtonKind::Primary pending=pending on_press=move || sign_out(true)>{tr(Text::Erase)}</Button>
        </footer>
    }
}
