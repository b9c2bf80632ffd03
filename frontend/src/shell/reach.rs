//! "What may I read and write?": the account's ranges in words.

use leptos::prelude::*;
use shared::RangeSpec;

use crate::i18n::{I18n, texts, tr, use_i18n};
use crate::model::format;
use crate::model::session::RangeWords;
use crate::state::{use_account, use_overlays};
use crate::ui::{Dialog, Note, NoteKind};

texts! {
    enum Text {
        Title: "What {0} may read and write", "{0} 可读写的范围";
        TitleNameless: "What this account may read and write", "当前账户可读写的范围";
        Read: "Read", "读取";
        Write: "Write", "写入";
        All: "every key", "所有键";
        Nothing: "nothing", "无";
        Hidden: "unknown: the credentials do not show their user's ranges", "未知：所用凭据无法得知该用户的范围";
        OneKey: "the key", "键";
        Prefix: "keys that start with", "开头为以下内容的键：";
        From: "keys from", "从以下键起：";
        To: "to before", "直到（不含）";
        AuthOff: "etcd's authentication is off: everyone who reaches this gateway may read and write every key.", "etcd 未启用认证：能访问此网关的人可以读写所有键。";
        Root: "The role root may do everything: read and write every key, and change the cluster and its users.", "root 角色可以执行任何操作：读写所有键，更改集群及其用户。";
        ReadOnly: "This gateway is read-only: it refuses every change, whatever etcd grants.", "此网关为只读模式：无论 etcd 授予什么权限，都拒绝任何更改。";
        Unknown: "The gateway has not said yet what the account may do.", "尚未从网关获知该账户的权限。";
    }
}

/// The dialog.
#[component]
pub(super) fn ReachDialog() -> impl IntoView {
    let (overlays, account, i18n) = (use_overlays(), use_account(), use_i18n());
    let title =
        Signal::derive(move || i18n.fill_name(account.name(), Text::Title, Text::TitleNameless));
    view! {
        <Dialog open=overlays.reach title=title on_close=move |()| overlays.reach.set(false)>
            <div class="dialog-body"><Reach/></div>
        </Dialog>
    }
}

#[component]
fn Reach() -> impl IntoView {
    let (account, i18n) = (use_account(), use_i18n());
    let read_only = move || {
        let note = view! { <Note kind=NoteKind::Warning>{tr(Text::ReadOnly)}</Note> };
        account.is_read_only().then_some(note)
    };
    let ranges = move || match account.user() {
        None => view! { <p>{i18n.t(Text::Unknown)}</p> }.into_any(),
        Some(user) if !user.enabled => view! { <p>{i18n.t(Text::AuthOff)}</p> }.into_any(),
        Some(user) if user.root => view! { <p>{i18n.t(Text::Root)}</p> }.into_any(),
        Some(user) => {
            let read = list(user.read.as_deref(), i18n);
            let write = list(user.write.as_deref(), i18n);
            view! {
                <section>
                    <h3 class="help-title">{i18n.t(Text::Read)}</h3>
                    {read}
                </section>
                <section>
                    <h3 class="help-title">{i18n.t(Text::Write)}</h3>
                    {write}
                </section>
            }
            .into_any()
        }
    };
    view! {
        {read_only}
        {ranges}
    }
}

fn list(ranges: Option<&[RangeSpec]>, i18n: I18n) -> AnyView {
    let Some(ranges) = ranges else {
        return view! { <p class="soft">{i18n.t(Text::Hidden)}</p> }.into_any();
    };
    if ranges.is_empty() {
        return view! { <p class="soft">{i18n.t(Text::Nothing)}</p> }.into_any();
    }
    let key = |key: &[u8]| view! { <span class="mono reach-key">{format::key(key)}</span> };
    let items = ranges
        .iter()
        .filter_map(RangeWords::of)
        .map(|words| match words {
            RangeWords::All => view! { <li>{i18n.t(Text::All)}</li> }.into_any(),
            RangeWords::Key(name) => {
                view! { <li>{i18n.t(Text::OneKey)} " " {key(&name)}</li> }.into_any()
            }
            RangeWords::Prefix(prefix) => {
                view! { <li>{i18n.t(Text::Prefix)} " " {key(&prefix)}</li> }.into_any()
            }
            RangeWords::From(from) => {
                view! { <li>{i18n.t(Text::From)} " " {key(&from)}</li> }.into_any()
            }
            RangeWords::Between(start, end) => view! {
                <li>{i18n.t(Text::From)} " " {key(&start)} " " {i18n.t(Text::To)} " " {key(&end)}</li>
            }
            .into_any(),
        })
        .collect_view();
    view! { <ul class="reach-list">{items}</ul> }.into_any()
}
