//! One lock: kind, holder, queue, holder history and actions.

use leptos::prelude::*;
use shared::Lock;

use super::acquire::AcquireName;
use super::actions::LockActions;
use super::alarm::Alarm;
use super::holder::Holder;
use super::holder_history::HolderHistory;
use super::parts::kind_style;
use super::queue::Queue;
use super::release::{ReleaseDialog, Target};
use super::revoke::RevokeDialog;
use super::store::LockStore;
use super::text::Text;
use crate::i18n::{label, tr, use_i18n};
use crate::model::format;
use crate::model::key_text;
use crate::model::locks::Board;
use crate::ui::{Button, ButtonKind, Chip, EmptyState, Glyph, Hue, Icon, Skeleton};

/// The pane. States: not listed yet, unknown, not held, held.
#[component]
pub(super) fn Detail(
    store: LockStore,
    name: Vec<u8>,
    on_close: Callback<()>,
    on_acquire: Callback<AcquireName>,
) -> impl IntoView {
    let i18n = use_i18n();
    let (title, shown) = (format::key(&name), key_text::in_sentence(&name));
    let stored = StoredValue::new(name);
    let lock = Memo::new(move |_| {
        stored
            .with_value(|name| {
                store.read(|board| board.get(name).map(|tracked| tracked.lock.clone()))
            })
            .flatten()
    });
    let listed = Memo::new(move |_| store.read(Board::listed) == Some(true));
    let known = Memo::new(move |_| lock.with(Option::is_some));
    let close = label(Text::CloseDetail);
    let section_name = shown.clone();
    let body = move || {
        if known.get() {
            let lock =
                Signal::derive(move || lock.get().unwrap_or_else(|| not_held(stored.get_value())));
            return view! { <Known store=store lock=lock/> }.into_any();
        }
        if !listed.get() {
            return view! { <Skeleton/> }.into_any();
        }
        let shown = shown.clone();
        view! {
            <EmptyState
                icon=Icon::Lock
                title=Signal::derive(move || i18n.fill(Text::AbsentTitle, &[&shown]))
                detail=label(Text::AbsentDetail)
            >
                <Button icon=Icon::Plus on_press=move || on_acquire.run(Some(stored.get_value()))>{tr(Text::Acquire)}</Button>
            </EmptyState>
        }
        .into_any()
    };
    view! {
        <section class="lock-detail" aria-label=section_name>
            <header class="lock-detail-head">
                <button type="button" class="lock-back" on:click=move |_| on_close.run(())>
                    <Glyph icon=Icon::Left/>
                    {tr(Text::Back)}
                </button>
                <h2 class="lock-title mono">{title}</h2>
                <span class="lock-close">
                    <Button kind=ButtonKind::Quiet icon=Icon::Close label=close on_press=move || on_close.run(())/>
                </span>
            </header>
            {body}
        </section>
    }
}

fn not_held(name: Vec<u8>) -> Lock {
    let kind = shared::LockKind::Mutex;
    Lock {
        name: name.into(),
        kind,
        certain: true,
        holder: None,
        held_since: None,
        waiters: None,
        readers: Vec::new(),
    }
}

#[component]
fn Known(store: LockStore, lock: Signal<Lock>) -> impl IntoView {
    let releasing = RwSignal::new(None::<Target>);
    let revoking = RwSignal::new(None::<shared::LeaseId>);
    let name = Signal::derive(move || lock.with(|lock| lock.name.0.clone()));
    view! {
        <Chips lock=lock/>
        <Alarm store=store only=name/>
        <Holder store=store lock=lock/>
        <Queue lock=lock on_remove=Callback::new(move |target| releasing.set(Some(target)))/>
        <HolderHistory store=store name=name/>
        <LockActions lock=lock releasing=releasing revoking=revoking/>
        <ReleaseDialog target=releasing/>
        <RevokeDialog lease=revoking/>
    }
}

#[component]
fn Chips(lock: Signal<Lock>) -> impl IntoView {
    let facts = Memo::new(move |_| {
        lock.with(|lock| {
            let claim = lock
                .holder
                .as_ref()
                .map(|holder| (holder.fencing_token, holder.lease));
            (lock.kind, lock.certain, claim)
        })
    });
    let chips = move || {
        let (kind, certain, claim) = facts.get();
        let (hue, text) = kind_style(kind);
        let claim = claim.map(|(token, lease)| {
            view! {
                <Chip title=label(Text::TokenTitle)>
                    {tr(Text::Token)} <b>{format::count(token)}</b>
                </Chip>
                <Chip hue=Hue::Lease>{tr(Text::LeaseChip)} <b class="chip-id mono">{lease.to_string()}</b></Chip>
            }
        });
        let guess = (!certain).then(|| {
            view! {
                <Chip title=label(Text::GuessTitle)>{tr(Text::Guess)}</Chip>
            }
        });
        view! {
            <Chip hue=hue><b>{tr(text)}</b></Chip>
            {guess}
            {claim}
        }
    };
    view! { <div class="chips">{chips}</div> }
}
