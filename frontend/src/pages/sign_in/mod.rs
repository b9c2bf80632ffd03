//! Sign-in: a name and a password of etcd. A 401 leads here, and so does the account menu; afterwards the page returns
//! to the address asked for.

mod form;
mod text;

use leptos::prelude::*;
use leptos_router::NavigateOptions;
use leptos_router::hooks::{use_location, use_navigate};

use self::form::Form;
use self::text::Text;
use crate::api::base::{cluster, page_url, url_after_sign_in};
use crate::i18n::{Common, label, tr, use_i18n};
use crate::model::session::{Gate, Situation};
use crate::state::use_account;
use crate::ui::{Button, EmptyState, Icon, Note, NoteKind, Skeleton};

/// The page.
#[component]
pub(crate) fn SignIn() -> impl IntoView {
    let account = use_account();
    let situation = Memo::new(move |_| account.session().as_ref().map(Situation::of));
    let pending = RwSignal::new(false);
    let leave = leave();
    // Signed in meanwhile, in another tab: there is nothing left to do here. A page that was opened by a user who is
    // signed in stays.
    Effect::new(move |before: Option<Option<Situation>>| {
        let now = situation.get();
        let was_out = before.flatten().is_some_and(|it| it != Situation::SignedIn);
        if now == Some(Situation::SignedIn) && was_out && !pending.get_untracked() {
            leave.run(());
        }
        now
    });
    // The form stays while it is used, whatever its situation becomes.
    let shown = Memo::new(move |_| match situation.get() {
        Some(situation) if situation.has_form() => Some(Situation::Required),
        other => other,
    });
    let body = move || match shown.get() {
        None => view! { <Skeleton rows=4/> }.into_any(),
        Some(Situation::AuthOff) => view! { <AuthOff/> }.into_any(),
        Some(Situation::Closed) => view! { <Closed/> }.into_any(),
        Some(Situation::ByHeader) => view! { <ByHeader/> }.into_any(),
        Some(Situation::Required | Situation::Offered | Situation::SignedIn) => {
            view! { <Card situation=situation pending=pending leave=leave/> }.into_any()
        }
    };
    view! {
        <h1 class="visually-hidden">{tr(Common::SignIn)}</h1>
        <div class="sign-in">{body}</div>
    }
}

/// Goes to the page asked for, without an entry in the browser's history.
fn leave() -> Callback<()> {
    let navigate = StoredValue::new_local(use_navigate());
    let at = use_location();
    Callback::new(move |()| {
        let url = untrack(|| url_after_sign_in(&at.search.get(), &at.hash.get()));
        let options = NavigateOptions {
            replace: true,
            ..NavigateOptions::default()
        };
        navigate.with_value(|navigate| navigate(&url, options));
    })
}

/// The form, with why the user is here above it, and another way below.
#[component]
fn Card(
    situation: Memo<Option<Situation>>,
    pending: RwSignal<bool>,
    leave: Callback<()>,
) -> impl IntoView {
    let (account, i18n) = (use_account(), use_i18n());
    let title = move || i18n.fill(Text::To, &[&cluster()]);
    let why = move || {
        let text = match account.gate() {
            Gate::Ended { name } => i18n.fill_name(name, Text::Ended, Text::EndedNameless),
            _ if situation.get() == Some(Situation::SignedIn) => {
                i18n.fill_name(account.name(), Text::SignedInAs, Text::SignedIn)
            }
            _ => return None,
        };
        Some(view! { <Note role="status">{text}</Note> })
    };
    let go_on = move || {
        account.continue_without();
        leave.run(());
    };
    let other = move || match situation.get() {
        Some(Situation::Offered) => {
            let name = account.session().and_then(|session| session.name);
            let text = i18n.fill_name(name, Text::ContinueNamed, Text::Continue);
            Some(view! { <Button on_press=go_on>{text}</Button> }.into_any())
        }
        Some(Situation::SignedIn) => {
            let text = i18n.fill_name(account.name(), Text::StayAs, Text::Stay);
            Some(view! { <Button on_press=move || leave.run(())>{text}</Button> }.into_any())
        }
        _ => None,
    };
    let auth_unknown = move || {
        let unknown = account.session()?.auth_enabled.is_none();
        unknown.then(|| view! { <Note kind=NoteKind::Warning>{tr(Text::AuthUnknown)}</Note> })
    };
    view! {
        <div class="sign-in-card">
            <h2 class="sign-in-title">{title}</h2>
            <p class="soft">{tr(Text::WithUser)}</p>
            {why}
            {auth_unknown}
            <Form pending=pending on_done=leave/>
            {other}
        </div>
    }
}

/// etcd's authentication is off, and everything is served.
#[component]
fn AuthOff() -> impl IntoView {
    let account = use_account();
    let to_access = move || {
        let can_turn_on = account.administration_denied().is_none();
        can_turn_on
            .then(|| view! { <a class="btn" href=page_url("access")>{tr(Text::ToAccess)}</a> })
    };
    view! {
        <EmptyState icon=Icon::Shield title=label(Text::AuthOffTitle) detail=label(Text::AuthOffDetail)>
            <a class="btn btn-primary" href=page_url("explorer")>{tr(Text::ToExplorer)}</a>
            {to_access}
        </EmptyState>
    }
}

/// etcd's authentication is off, and requests without credentials are refused.
#[component]
fn Closed() -> impl IntoView {
    let account = use_account();
    view! {
        <EmptyState icon=Icon::Shield title=label(Text::ClosedTitle) detail=label(Text::ClosedDetail)>
            <Button icon=Icon::Refresh on_press=move || account.refresh_now()>{tr(Common::Retry)}</Button>
        </EmptyState>
    }
}

/// A header decides who the user is.
#[component]
fn ByHeader() -> impl IntoView {
    let (account, i18n) = (use_account(), use_i18n());
    let title = Signal::derive(move || {
        i18n.fill_name(
            account.name(),
            Text::ByHeaderTitle,
            Text::ByHeaderTitleNameless,
        )
    });
    view! {
        <EmptyState icon=Icon::Shield title=title detail=label(Text::ByHeaderDetail)>
            <a class="btn btn-primary" href=page_url("explorer")>{tr(Text::ToExplorer)}</a>
        </EmptyState>
    }
}
