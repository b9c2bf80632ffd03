//! The forms that add a member and change a member's peer URLs. Each leads to the confirmation.

use leptos::prelude::*;
use shared::Member;

use super::store::ClusterStore;
use super::text::Text;
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::cluster::{Operation, Who, form};
use crate::model::key_text;
use crate::ui::{Button, ButtonKind, CheckField, Dialog, TextField};

/// Adds a member.
#[component]
pub(super) fn AddForm(store: ClusterStore, open: RwSignal<bool>) -> impl IntoView {
    let close = move || open.set(false);
    view! {
        <Dialog open=open title=label(Text::AddMember) on_close=move |()| close()>
            <AddFields store=store on_close=Callback::new(move |()| close())/>
        </Dialog>
    }
}

#[component]
fn AddFields(store: ClusterStore, on_close: Callback<()>) -> impl IntoView {
    let urls = RwSignal::new(String::new());
    let learner = RwSignal::new(true);
    let on_continue = Callback::new(move |peer_urls: Vec<String>| {
        on_close.run(());
        store.ask(Operation::Add {
            peer_urls,
            learner: learner.get_untracked(),
        });
    });
    view! {
        <UrlFields urls=urls on_close=on_close on_continue=on_continue>
            <CheckField label=label(Text::AsLearner) value=learner/>
            <p class="soft">{tr(Text::AddHelp)}</p>
        </UrlFields>
    }
}

/// Changes the peer URLs of a member; open while there is one.
#[component]
pub(super) fn UpdateForm(store: ClusterStore, member: RwSignal<Option<Member>>) -> impl IntoView {
    let i18n = use_i18n();
    let title = Signal::derive(move || {
        let label = member.with(|member| member.as_ref().map(|it| Who::from(it).label()));
        let name = key_text::display(label.unwrap_or_default().as_bytes());
        i18n.fill(Text::UpdateTitle, &[&name])
    });
    let close = Callback::new(move |()| member.set(None));
    view! {
        <Dialog open=Signal::derive(move || member.with(Option::is_some)) title=title on_close=move |()| close.run(())>
            {move || member.get_untracked().map(|member| view! { <UpdateFields store=store member=member on_close=close/> })}
        </Dialog>
    }
}

#[component]
fn UpdateFields(store: ClusterStore, member: Member, on_close: Callback<()>) -> impl IntoView {
    let urls = RwSignal::new(member.peer_urls.join(", "));
    let who = Who::from(&member);
    let on_continue = Callback::new(move |peer_urls: Vec<String>| {
        on_close.run(());
        let member = who.clone();
        store.ask(Operation::Update { member, peer_urls });
    });
    view! { <UrlFields urls=urls on_close=on_close on_continue=on_continue/> }
}

/// The field of peer URLs, with what belongs to it, and the buttons.
#[component]
fn UrlFields(
    urls: RwSignal<String>,
    on_close: Callback<()>,
    on_continue: Callback<Vec<String>>,
    #[prop(optional)] children: Option<Children>,
) -> impl IntoView {
    let i18n = use_i18n();
    let tried = RwSignal::new(false);
    let read = move || urls.with(|urls| form::peer_urls(urls));
    let error = Signal::derive(move || {
        let wrong = tried.get() && read().is_none();
        wrong.then(|| i18n.t(Text::PeerUrlsWrong).to_owned())
    });
    let press = move || {
        tried.set(true);
        if let Some(urls) = untrack(read) {
            on_continue.run(urls);
        }
    };
    view! {
        <div class="dialog-body">
            <TextField label=label(Text::PeerUrls) value=urls placeholder=label(Text::PeerUrlsHint) error=error mono=true/>
            {children.map(|children| children())}
        </div>
        <footer class="dialog-foot">
            <Button on_press=move || on_close.run(())>{tr(Common::Cancel)}</Button>
            <Button kind=ButtonKind::Primary on_press=press>{tr(Text::Continue)}</Button>
        </footer>
    }
}
