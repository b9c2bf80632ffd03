//! One lock: what it is, who holds it, who waits, who held it, and what can be done.

use leptos::prelude::*;
use shared::Lock;

use super::acquire::AcquireName;
use super::alarm::Alarm;
use super::holder::Holder;
use super::lanes::WhoHeld;
use super::parts::kind_words;
use super::queue::Queue;
use super::release::{ReleaseDialog, Target};
use super::revoke::RevokeDialog;
use super::store::LockStore;
use super::text::Text;
use crate::api::base::{api_url_absolute, page_url};
use crate::i18n::{tr, use_i18n};
use crate::model::locks::Board;
use crate::model::locks::command::{LockDeed, curl, etcdctl};
use crate::model::{format, percent};
use crate::ui::clipboard::copier;
use crate::ui::{Button, ButtonKind, Chip, EmptyState, Glyph, Hue, Icon, Menu, MenuItem, Skeleton};

/// The pane. States: not listed yet, unknown, nobody holds it, held.
#[component]
pub(super) fn Detail(
    store: LockStore,
    name: Vec<u8>,
    on_close: Callback<()>,
    on_acquire: Callback<AcquireName>,
) -> impl IntoView {
    let i18n = use_i18n();
    let shown = format::key(&name);
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
    let close = Signal::derive(move || i18n.t(Text::CloseDetail).to_owned());
    let (title, label) = (shown.clone(), shown.clone());
    let body = move || {
        if known.get() {
            let lock =
                Signal::derive(move || lock.get().unwrap_or_else(|| nobody(stored.get_value())));
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
                detail=Signal::derive(move || i18n.t(Text::AbsentDetail).to_owned())
            >
                <Button icon=Icon::Plus on_press=move || on_acquire.run(Some(stored.get_value()))>{tr(Text::Acquire)}</Button>
            </EmptyState>
        }
        .into_any()
    };
    view! {
        <aside class="lock-detail" aria-label=label>
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
        </aside>
    }
}

fn nobody(name: Vec<u8>) -> Lock {
    let kind = shared::LockKind::Mutex;
    Lock {
        name: name.into(),
        kind,
        certain: true,
        holder: None,
        waiters: None,
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
        <Queue store=store lock=lock on_remove=Callback::new(move |target| releasing.set(Some(target)))/>
        <WhoHeld store=store name=name/>
        <Deeds lock=lock releasing=releasing revoking=revoking/>
        <ReleaseDialog target=releasing/>
        <RevokeDialog lease=revoking/>
    }
}

#[component]
fn Chips(lock: Signal<Lock>) -> impl IntoView {
    let i18n = use_i18n();
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
        let (hue, text) = kind_words(kind);
        let claim = claim.map(|(token, lease)| {
            view! {
                <Chip title=Signal::derive(move || i18n.t(Text::TokenTitle).to_owned())>
                    {tr(Text::Token)} <b>{format::count(token)}</b>
                </Chip>
                <Chip hue=Hue::Lease>{tr(Text::LeaseChip)} <b class="chip-id mono">{lease.to_string()}</b></Chip>
            }
        });
        let guess = (!certain).then(|| {
            view! {
                <Chip title=Signal::derive(move || i18n.t(Text::GuessTitle).to_owned())>{tr(Text::Guess)}</Chip>
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

/// What can be done about the lock.
#[component]
fn Deeds(
    lock: Signal<Lock>,
    releasing: RwSignal<Option<Target>>,
    revoking: RwSignal<Option<shared::LeaseId>>,
) -> impl IntoView {
    let (i18n, copy) = (use_i18n(), copier());
    let held = Memo::new(move |_| lock.with(|lock| lock.holder.is_some()));
    let watch = move || {
        let (name, single) = lock.with(|lock| {
            (
                lock.name.0.clone(),
                lock.kind == shared::LockKind::SingleKey,
            )
        });
        // The keys of a queue stand below the name and a slash.
        let (range, bytes) = if single {
            ("key", name)
        } else {
            ("prefix", [&name[..], b"/"].concat())
        };
        page_url(&format!("watch{}", percent::query(&[(range, &bytes)])))
    };
    let deeds = [
        (LockDeed::Show, Text::CopyShow),
        (LockDeed::Follow, Text::CopyFollow),
        (LockDeed::Acquire, Text::CopyAcquire),
        (LockDeed::Release, Text::CopyRelease),
    ];
    let lines = deeds.map(|(deed, text)| {
        let no_curl = Signal::derive(move || deed == LockDeed::Release && !held.get());
        let no_etcdctl = Signal::derive(move || lock.with(|lock| etcdctl(deed, lock).is_err()));
        let curl_line = move || copy(curl(deed, &lock.get_untracked(), &api_url_absolute("")));
        let etcdctl_line = move || {
            if let Ok(line) = etcdctl(deed, &lock.get_untracked()) {
                copy(line);
            }
        };
        view! {
            <p class="menu-note">{tr(text)}</p>
            <MenuItem icon=Icon::Terminal disabled=no_curl on_press=curl_line>"curl"</MenuItem>
            <MenuItem icon=Icon::Terminal disabled=no_etcdctl on_press=etcdctl_line>"etcdctl"</MenuItem>
        }
    });
    let release = move || {
        let target = lock
            .with_untracked(|lock| lock.holder.as_ref().map(|holder| Target::new(lock, holder)));
        releasing.set(target);
    };
    let revoke = move || {
        revoking.set(lock.with_untracked(|lock| lock.holder.as_ref().map(|holder| holder.lease)));
    };
    view! {
        <div class="lock-deeds">
            <Menu
                label=Signal::derive(move || i18n.t(Text::CopyAs).to_owned())
                trigger=move || view! { {tr(Text::CopyAs)} <Glyph icon=Icon::Down/> }
            >
                {lines.collect_view()}
            </Menu>
            <a class="btn" href=watch>{tr(Text::Watch)}</a>
            <span class="push"></span>
            <Show when=move || held.get()>
                <Button kind=ButtonKind::Danger on_press=release>{tr(Text::Release)}</Button>
                <Button kind=ButtonKind::Danger on_press=revoke>{tr(Text::Revoke)}</Button>
            </Show>
        </div>
    }
}
