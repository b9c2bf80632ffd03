//! The waiters of a lock, in order.

use leptos::prelude::*;
use shared::{Claim, Lock, LockKind};

use super::parts::OwnerName;
use super::release::Target;
use super::text::Text;
use crate::clock::use_clock;
use crate::i18n::{tr, use_i18n};
use crate::model::format;
use crate::model::key_text;
use crate::model::locks::{Tracked, label};
use crate::ui::{Button, ButtonKind, Icon};

/// The card. `on_remove` opens the dialog for one waiter.
#[component]
pub(super) fn Queue(
    #[prop(into)] lock: Signal<Lock>,
    on_remove: Callback<Target>,
) -> impl IntoView {
    let title = move || match lock.with(|lock| lock.kind) {
        LockKind::Election => Text::Candidates,
        _ => Text::Queue,
    };
    let i18n = use_i18n();
    let waiters = Memo::new(move |_| lock.with(|lock| lock.waiters.clone()));
    let count = move || {
        waiters.with(|waiters| {
            waiters
                .as_ref()
                .map(|waiters| format::count(waiters.len() as i64))
        })
    };
    let body = move || match waiters.get() {
        None => view! { <p class="card-text">{tr(Text::QueueNotVisible)}</p> }.into_any(),
        Some(waiters) if waiters.is_empty() => {
            view! { <p class="card-text">{tr(Text::QueueEmpty)}</p> }.into_any()
        }
        Some(_) => {
            let rows = move || {
                waiters
                    .get()
                    .unwrap_or_default()
                    .into_iter()
                    .enumerate()
                    .collect::<Vec<_>>()
            };
            view! {
                <ol class="queue">
                    <For each=rows key=|(at, claim)| (*at, claim.fencing_token) let:row>
                        <Waiter lock=lock at=row.0 claim=row.1 on_remove=on_remove/>
                    </For>
                </ol>
            }
            .into_any()
        }
    };
    let has = Memo::new(move |_| {
        waiters.with(|waiters| waiters.as_ref().map(|waiters| !waiters.is_empty()))
    });
    view! {
        <section class="card">
            <h3 class="card-head">{move || i18n.t(title())} <span class="queue-count num">{count}</span></h3>
            {move || {
                has.track();
                untrack(body)
            }}
        </section>
    }
}

#[component]
fn Waiter(
    lock: Signal<Lock>,
    at: usize,
    claim: Claim,
    on_remove: Callback<Target>,
) -> impl IntoView {
    let (clock, i18n) = (use_clock(), use_i18n());
    let name = key_text::isolate(&label(&claim).0);
    let token = claim.fencing_token;
    let waiting = {
        let claim = claim.clone();
        move || {
            let (now, ahead) = (clock.now(), clock.ahead());
            Tracked::waited(&claim, now, ahead).map(|waited| {
                let span = format::span((waited / 1000.0) as i64, i18n.lang());
                i18n.fill(Text::WaitingFor, &[&span])
            })
        }
    };
    let remove = {
        let claim = claim.clone();
        move || on_remove.run(Target::new(&lock.get_untracked(), &claim))
    };
    view! {
        <li class="queue-row">
            <span class="queue-at num">{at + 1}</span>
            <OwnerName claim=claim/>
            <span class="push"></span>
            <span class="queue-since soft num">{waiting}</span>
            <span class="queue-token mono mute num" title=tr(Text::Token)>{format::count(token)}</span>
            <span class="queue-act">
                <Button
                    small=true
                    kind=ButtonKind::Quiet
                    icon=Icon::Close
                    label=Signal::derive(move || i18n.fill(Text::RemoveWaiter, &[&name]))
                    on_press=remove
                />
            </span>
        </li>
    }
}
