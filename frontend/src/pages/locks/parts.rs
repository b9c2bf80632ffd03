//! Views that table and detail share: an owner, a kind, a lease.

use leptos::prelude::*;
use shared::{Claim, LockKind};

use super::text::Text;
use crate::api::ApiError;
use crate::i18n::{tr, use_i18n};
use crate::model::locks::{Ttl, hue, initials, label};
use crate::ui::{Hue, Tag, TtlBar};

/// The holder or a waiter: coloured initials and the name; the lease where no name is known.
#[component]
pub(super) fn OwnerName(claim: Claim) -> impl IntoView {
    let (name, is_lease) = label(&claim);
    let letters = if is_lease {
        "#".to_owned()
    } else {
        initials(&name)
    };
    let class = format!("avatar who-{}", hue(&name));
    let title = name.clone();
    view! {
        <span class="who" title=title>
            <span class=class aria-hidden="true">{letters}</span>
            <span class="mono cut" class:mute=is_lease>{name}</span>
        </span>
    }
}

/// The kind of a lock; a guess is marked as one.
#[component]
pub(super) fn KindTag(kind: LockKind, certain: bool) -> impl IntoView {
    let i18n = use_i18n();
    let (hue, text) = kind_style(kind);
    let title = move || (!certain).then(|| i18n.t(Text::GuessTitle));
    view! {
        <span class="kind" class:is-guess=!certain title=title>
            <Tag hue=hue>{tr(text)}</Tag>
            {(!certain).then(|| view! { <span class="visually-hidden">{tr(Text::Guess)}</span> })}
        </span>
    }
}

/// A kind's colour and name.
pub(super) fn kind_style(kind: LockKind) -> (Hue, Text) {
    match kind {
        LockKind::Mutex => (Hue::Lock, Text::Mutex),
        LockKind::Election => (Hue::Lease, Text::Election),
        LockKind::Rwmutex => (Hue::Lock, Text::RwMutex),
        LockKind::SingleKey => (Hue::Plain, Text::SingleKey),
    }
}

/// The remaining TTL of a lease; `None` until the gateway has queried it.
#[component]
pub(super) fn LeaseBar(
    #[prop(into)] ttl: Signal<Option<Ttl>>,
    #[prop(optional)] whole: bool,
) -> impl IntoView {
    let known = Memo::new(move |_| ttl.get().is_some());
    let deadline = Signal::derive(move || ttl.get().map_or(0.0, |ttl| ttl.deadline));
    let granted = Signal::derive(move || ttl.get().map_or(0, |ttl| ttl.granted));
    view! {
        <Show when=move || known.get() fallback=move || view! { <span class="mute">{tr(Text::LeaseLoading)}</span> }>
            <TtlBar deadline=deadline granted=granted whole=whole/>
        </Show>
    }
}

/// Why an action failed, the last time it ran.
pub(super) fn failure<I, O>(action: Action<I, Result<O, ApiError>>) -> Option<ApiError>
where
    I: Send + Sync + 'static,
    O: Send + Sync + 'static,
{
    action
        .value()
        .with(|value| value.as_ref()?.as_ref().err().cloned())
}
