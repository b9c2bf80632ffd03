//! One lock as a row, of two lines where there is little room.

use leptos::prelude::*;
use shared::{Claim, LockKind};

use super::parts::{KindTag, LeaseBar, OwnerName};
use super::store::LockStore;
use super::text::Text;
use crate::clock::now_ms;
use crate::clock::use_clock;
use crate::i18n::{tr, use_i18n};
use crate::model::format;
use crate::model::key_text;
use crate::model::locks::{Board, Ttl};
use crate::ui::element_id;

/// A new holder flashes once if it took over less than this ago.
const FRESH_MS: f64 = 1_500.0;

/// The contents of a row; the row is redrawn where they differ.
#[derive(Clone, PartialEq)]
struct Facts {
    kind: LockKind,
    certain: bool,
    holder: Option<Claim>,
    taken_over: Option<f64>,
    ttl: Option<Ttl>,
    waiting: Option<usize>,
}

fn facts(board: &Board, name: &[u8]) -> Option<Facts> {
    let tracked = board.get(name)?;
    let lock = &tracked.lock;
    // The bar shows the seconds: they change with every renewal.
    let holder = lock.holder.clone().map(|holder| Claim {
        ttl: None,
        granted_ttl: None,
        ..holder
    });
    Some(Facts {
        kind: lock.kind,
        certain: lock.certain,
        holder,
        taken_over: tracked.taken_over,
        ttl: tracked.ttl(),
        waiting: lock.waiters.as_ref().map(Vec::len),
    })
}

/// The element id of a lock's row.
pub(super) fn row_id(name: &[u8]) -> String {
    element_id("lock-", name)
}

/// A lock, kept current by its name.
#[component]
pub(super) fn LockRow(
    store: LockStore,
    name: Vec<u8>,
    /// Bytes of the name that the group above already shows.
    prefix: usize,
    #[prop(into)] selected: Signal<bool>,
    on_press: Callback<Vec<u8>>,
) -> impl IntoView {
    let (clock, i18n) = (use_clock(), use_i18n());
    let is_member = prefix > 0;
    let whole_name = key_text::in_sentence(&name);
    let shown_name = format::key(name.get(prefix..).unwrap_or(&name));
    let id = row_id(&name);
    let pressed = name.clone();
    let name = StoredValue::new(name);
    let facts = Memo::new(move |_| {
        name.with_value(|name| store.read(|board| facts(board, name)))
            .flatten()
    });
    let ttl = Memo::new(move |_| facts.with(|facts| facts.as_ref().and_then(|facts| facts.ttl)));
    let kind = Memo::new(move |_| {
        facts.with(|facts| facts.as_ref().map(|facts| (facts.kind, facts.certain)))
    });
    let holder = Memo::new(move |_| {
        facts.with(|facts| {
            facts
                .as_ref()
                .and_then(|facts| Some((facts.holder.clone()?, facts.taken_over)))
        })
    });
    let waiting = Memo::new(move |_| facts.with(|facts| facts.as_ref().map(|facts| facts.waiting)));
    let held = Memo::new(move |_| {
        let (now, ahead) = (clock.now(), clock.ahead());
        let held = name
            .with_value(|name| store.read(|board| board.get(name)?.held_for(now, ahead)))
            .flatten();
        held.map(|held| format::span((held.millis / 1000.0) as i64, i18n.lang()))
    });
    let owner = move || match holder.get() {
        Some((claim, taken_over)) => {
            let fresh = taken_over.is_some_and(|at| now_ms() - at < FRESH_MS);
            view! { <span class="lock-who" class:is-fresh=fresh><OwnerName claim=claim/></span> }
                .into_any()
        }
        None => view! { <span class="mute">{tr(Text::NoHolder)}</span> }.into_any(),
    };
    let lease = move || {
        holder
            .with(Option::is_some)
            .then(|| view! { <LeaseBar ttl=ttl/> })
    };
    let queue = move || match waiting.get().flatten() {
        Some(0) => view! { <span class="mute">{tr(Text::NoWaiters)}</span> }.into_any(),
        Some(count) => format::count(count as i64).into_any(),
        None => {
            let title = tr(Text::NotVisibleTitle);
            view! { <span class="mute" title=title>{tr(Text::NotVisible)}</span> }.into_any()
        }
    };
    view! {
        <div
            class="lock-row"
            class:is-member=is_member
            role="row"
            id=id
            attr:aria-level=if is_member { "2" } else { "1" }
            aria-selected=move || selected.get().to_string()
            on:click=move |_| on_press.run(pressed.clone())
        >
            <span class="lock-name mono cut" role="gridcell" title=whole_name>{shown_name}</span>
            <span class="lock-kind" role="gridcell">
                {move || kind.get().map(|(kind, certain)| view! { <KindTag kind=kind certain=certain/> })}
            </span>
            <span class="lock-holder cut" role="gridcell">{owner}</span>
            <span class="lock-held num cut" role="gridcell">{move || held.get()}</span>
            <span class="lock-lease" role="gridcell">{lease}</span>
            <span class="lock-waiting num cut" role="gridcell">{queue}</span>
        </div>
    }
}
