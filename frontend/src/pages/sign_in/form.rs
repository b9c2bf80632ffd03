//! The form. The password stays in its field until it is sent: no signal holds it.

use leptos::ev::SubmitEvent;
use leptos::html;
use leptos::prelude::*;
use shared::Code;

use super::text::Text;
use crate::api::Refused;
use crate::clock::{now_ms, use_clock};
use crate::i18n::{Common, I18n, tr, use_i18n};
use crate::model::format;
use crate::state::{Scope, use_account};
use crate::ui::{Note, NoteKind, focus};

/// Why signing in failed.
#[derive(Clone, PartialEq)]
enum Failure {
    NameMissing,
    PasswordMissing,
    Wrong,
    /// Too many attempts; the next one may be made at this time of the browser's clock.
    TooMany(Option<f64>),
    Other(String),
}

impl Failure {
    fn of(refused: &Refused, i18n: I18n) -> Self {
        match refused.error.problem().map(|problem| problem.code) {
            Some(Code::Unauthenticated) => Self::Wrong,
            Some(Code::RateLimited) => {
                let at = |seconds: i64| now_ms() + seconds as f64 * 1000.0;
                Self::TooMany(refused.retry_after.map(at))
            }
            _ => Self::Other(refused.error.in_full(i18n.lang())),
        }
    }

    fn text(&self, now: f64, i18n: I18n) -> String {
        let text = match self {
            Self::NameMissing => Text::NameMissing,
            Self::PasswordMissing => Text::PasswordMissing,
            Self::Wrong => Text::Wrong,
            Self::TooMany(Some(at)) if *at > now => {
                let left = ((at - now) / 1000.0).ceil() as i64;
                return i18n.fill(Text::TooMany, &[&format::span(left, i18n.lang())]);
            }
            Self::TooMany(_) => Text::TooManySoon,
            Self::Other(text) => return text.clone(),
        };
        i18n.t(text).to_owned()
    }
}

/// Name, password, and the button. `on_done` is called after signing in; `pending` is true meanwhile.
#[component]
pub(super) fn Form(pending: RwSignal<bool>, on_done: Callback<()>) -> impl IntoView {
    let (account, clock, i18n) = (use_account(), use_clock(), use_i18n());
    let name = NodeRef::<html::Input>::new();
    let password = NodeRef::<html::Input>::new();
    let failure = RwSignal::new(None::<Failure>);
    let scope = Scope::here();
    Effect::new(move |_| {
        if let Some(name) = name.get() {
            focus(&name);
        }
    });
    let submit = move |event: SubmitEvent| {
        event.prevent_default();
        let (Some(name), Some(password)) = (name.get_untracked(), password.get_untracked()) else {
            return;
        };
        if pending.get_untracked() {
            return;
        }
        let missing = match (name.value().is_empty(), password.value().is_empty()) {
            (true, _) => Some((Failure::NameMissing, &name)),
            (false, true) => Some((Failure::PasswordMissing, &password)),
            (false, false) => None,
        };
        if let Some((missing, field)) = missing {
            failure.set(Some(missing));
            focus(field);
            return;
        }
        pending.set(true);
        let (user, secret) = (name.value(), password.value());
        scope.spawn(async move {
            let signed_in = account.sign_in(user, secret).await;
            // Nothing on the page keeps it, whatever the gateway said.
            password.set_value("");
            match signed_in {
                Ok(()) => on_done.run(()),
                Err(refused) => {
                    failure.try_set(Some(Failure::of(&refused, i18n)));
                    pending.try_set(false);
                    if refused.error.problem().map(|it| it.code) == Some(Code::Conflict) {
                        // Auth has been turned off: the page says so.
                        account.refresh_now();
                    }
                    focus(&password);
                }
            }
        });
    };
    let failed = move || {
        let failure = failure.get()?;
        let text = move || failure.text(clock.now(), i18n);
        Some(view! { <Note kind=NoteKind::Error role="alert">{text}</Note> })
    };
    let invalid = move |of: fn(&Failure) -> bool| {
        failure
            .with(|failure| failure.as_ref().is_some_and(of))
            .then_some("true")
    };
    // `post`, so that a form that is sent before the app handles it does not put the password into an address.
    view! {
        <form class="sign-in-form" method="post" on:submit=submit>
            <label class="field">
                <span class="field-label">{tr(Text::Name)}</span>
                <input
                    node_ref=name
                    class="input"
                    type="text"
                    name="username"
                    autocomplete="username"
                    autocapitalize="off"
                    spellcheck="false"
                    aria-invalid=move || invalid(|failure| matches!(failure, Failure::NameMissing | Failure::Wrong))
                />
            </label>
            <label class="field">
                <span class="field-label">{tr(Text::Password)}</span>
                <input
                    node_ref=password
                    class="input"
                    type="password"
                    name="password"
                    autocomplete="current-password"
                    aria-invalid=move || invalid(|failure| matches!(failure, Failure::PasswordMissing | Failure::Wrong))
                />
            </label>
            {failed}
            <button type="submit" class="btn btn-primary" class:is-pending=move || pending.get() disabled=move || pending.get()>
                {tr(Common::SignIn)}
            </button>
        </form>
    }
}
