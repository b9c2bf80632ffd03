//! The holder of a lock, its lease and the other keys on it.

use leptos::prelude::*;
use shared::{Lock, LockKind};

use super::parts::{LeaseBar, OwnerName};
use super::store::LockStore;
use super::text::Text;
use crate::api;
use crate::clock::{Clock, use_clock, zone_offset};
use crate::i18n::{I18n, tr, use_i18n};
use crate::model::locks::{Tracked, is_guess, label};
use crate::model::sentence::sentences;
use crate::model::stream::one_line;
use crate::model::{format, key_text};
use crate::pages::links::key_url;

/// Characters shown of a value.
const VALUE_CHARS: usize = 120;

/// The card. Without a holder it names the last one that this page saw.
#[component]
pub(super) fn Holder(store: LockStore, #[prop(into)] lock: Signal<Lock>) -> impl IntoView {
    let i18n = use_i18n();
    let title = move || {
        i18n.t(match lock.with(|lock| (lock.kind, is_guess(lock))) {
            (LockKind::Election, _) => Text::Leader,
            (_, true) => Text::HolderGuess,
            (_, false) => Text::Holder,
        })
    };
    let token = Memo::new(move |_| {
        lock.with(|lock| lock.holder.as_ref().map(|holder| holder.fencing_token))
    });
    let owner = move || {
        token.track();
        let holder = lock.with_untracked(|lock| lock.holder.clone())?;
        Some(view! { <OwnerName claim=holder/> })
    };
    let clock = use_clock();
    let body = move || {
        if token.get().is_some() {
            view! { <Facts store=store lock=lock/> }.into_any()
        } else {
            let text = move || no_holder_text(i18n, clock, store, &lock.get());
            view! { <p class="card-text">{text}</p> }.into_any()
        }
    };
    view! {
        <section class="card">
            <h3 class="card-head">{title} <span class="push"></span> {owner}</h3>
            {body}
        </section>
    }
}

fn no_holder_text(i18n: I18n, clock: Clock, store: LockStore, lock: &Lock) -> String {
    let last = store.read(|board| {
        let span = board.get(&lock.name.0)?.spans.back()?.clone();
        Some((span.owner, span.to?))
    });
    let last = last.flatten().map_or_else(String::new, |(owner, until)| {
        i18n.fill(
            Text::LastHeld,
            &[
                &key_text::isolate(&owner),
                &format::clock(clock.by_gateway(until), zone_offset()),
            ],
        )
    });
    sentences(&[i18n.t(Text::NoHolderNow), &last])
}

/// The facts of one holder, kept current.
#[component]
fn Facts(store: LockStore, lock: Signal<Lock>) -> impl IntoView {
    let (clock, i18n) = (use_clock(), use_i18n());
    let name = lock.with_untracked(|lock| lock.name.0.clone());
    let name = StoredValue::new(name);
    let of = move |read: &dyn Fn(&Tracked, f64) -> Option<String>| {
        let now = clock.now();
        name.with_value(|name| store.read(|board| read(board.get(name)?, now)))
            .flatten()
    };
    let ttl = Signal::derive(move || {
        name.with_value(|name| store.read(|board| board.get(name)?.ttl()))
            .flatten()
    });
    let span = move |millis: f64| format::span((millis / 1000.0).round() as i64, i18n.lang());
    let renewed = move || {
        of(&|tracked, now| {
            let ago = now - tracked.ttl()?.renewed();
            let ago = if ago < 1500.0 { None } else { Some(span(ago)) };
            Some(match (ago, tracked.renewal_every) {
                (None, _) => i18n.t(Text::NowEvery).to_owned(),
                (Some(ago), None) => i18n.fill(Text::Ago, &[&ago]),
                (Some(ago), Some(every)) => i18n.fill(Text::AgoEvery, &[&ago, &span(every)]),
            })
        })
    };
    let held = move || {
        of(&|tracked, now| {
            let held = tracked.held_for(now, clock.ahead())?;
            let text = if held.at_least {
                Text::AtLeast
            } else {
                Text::SinceHandOver
            };
            // Rounded down: it has been held for at least this long.
            let span = format::span((held.millis / 1000.0) as i64, i18n.lang());
            Some(i18n.fill(text, &[&span]))
        })
    };
    let holder = lock.with_untracked(|lock| lock.holder.clone());
    let key = holder
        .as_ref()
        .map(|holder| holder.key.0.clone())
        .unwrap_or_default();
    let href = key_url(&key);
    let (shown_key, title) = (format::key(&key), key_text::in_sentence(&key));
    let value = Memo::new(move |_| {
        lock.with(|lock| {
            let holder = lock.holder.as_ref()?;
            let line = one_line(&holder.value.as_ref()?.0, VALUE_CHARS);
            // A value that is the holder's name is already in the head.
            (line != label(holder).0 && !line.is_empty()).then_some(line)
        })
    });
    // A readers-writer lock may be held by several readers; the card shows the oldest.
    let readers = Memo::new(move |_| {
        let names = lock.with(|lock| {
            let readers = lock.readers.iter();
            readers.map(|reader| label(reader).0).collect::<Vec<_>>()
        });
        (!names.is_empty()).then(|| names.join(", "))
    });
    let lease = holder.map(|holder| holder.lease);
    let others = LocalResource::new(move || async move {
        let response = api::leases::with_key_count(lease?).await.ok()?;
        Some((response.lease.key_count? - 1).max(0))
    });
    let others = move || {
        let others = others.get().flatten()?;
        Some(match others {
            0 => i18n.t(Text::NoWaiters).to_owned(),
            others => i18n.plural(others, Text::KeyOne, Text::KeyMany),
        })
    };
    view! {
        <dl class="facts">
            <dt>{tr(Text::Lease)}</dt>
            <dd><LeaseBar ttl=ttl whole=true/></dd>
            <dt>{tr(Text::Renewed)}</dt>
            <dd class="num">{renewed}</dd>
            <dt title=tr(Text::HeldTitle)>{tr(Text::HeldFor)}</dt>
            <dd class="num">{held}</dd>
            <Show when=move || readers.with(Option::is_some)>
                <dt>{tr(Text::AlsoReading)}</dt>
                <dd class="mono cut" title=move || readers.get()>{move || readers.get()}</dd>
            </Show>
            <dt>{tr(Text::AlsoOnLease)}</dt>
            <dd class="num">{others}</dd>
            <dt>{tr(Text::Key)}</dt>
            <dd class="cut"><a class="mono" href=href title=title>{shown_key}</a></dd>
            <Show when=move || value.with(Option::is_some)>
                <dt>{tr(Text::Value)}</dt>
                <dd class="mono cut" title=move || value.get()>{move || value.get()}</dd>
            </Show>
        </dl>
    }
}
