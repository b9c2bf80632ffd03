//! The holders of a lock since this page was opened, as lanes over time.

use leptos::prelude::*;

use super::store::LockStore;
use super::text::Text;
use crate::clock::use_clock;
use crate::i18n::{I18n, tr, use_i18n};
use crate::model::format;
use crate::model::locks::{Lane, Lanes, hue};

/// The card.
#[component]
pub(super) fn HolderHistory(
    store: LockStore,
    #[prop(into)] name: Signal<Vec<u8>>,
) -> impl IntoView {
    let (clock, i18n) = (use_clock(), use_i18n());
    let lanes = Memo::new(move |_| {
        let now = clock.now();
        let lanes = name.with(|name| {
            store.read(|board| Some(Lanes::new(&board.get(name)?.spans, board.opened_at()?, now)))
        });
        lanes.flatten()
    });
    let note = move || {
        lanes.with(|lanes| {
            lanes
                .as_ref()
                .filter(|lanes| !lanes.lanes.is_empty())
                .map(|lanes| summary(i18n, lanes))
        })
    };
    let chart = move || {
        let Some(lanes) = lanes.get().filter(|lanes| !lanes.lanes.is_empty()) else {
            return view! { <p class="card-text">{tr(Text::LanesEmpty)}</p> }.into_any();
        };
        let known_from = lanes.known_from;
        let ticks = ticks(lanes.window_s)
            .into_iter()
            .map(|seconds| tick(i18n, seconds, lanes.window_s));
        let ticks = ticks.collect_view();
        let drawn = lanes
            .lanes
            .into_iter()
            .map(|one| lane(one, known_from))
            .collect_view();
        view! {
            <div class="lanes">
                {drawn}
                <div class="lane-axis" aria-hidden="true">{ticks}</div>
            </div>
        }
        .into_any()
    };
    view! {
        <section class="card">
            <h3 class="card-head">{tr(Text::HolderHistory)} <span class="card-note cut">{note}</span></h3>
            {chart}
        </section>
    }
}

fn lane(lane: Lane, known_from: f64) -> impl IntoView {
    let class = format!("lane-bar who-{}", hue(&lane.owner));
    let bars = lane
        .spans
        .into_iter()
        .map(|(from, to, lasts)| {
            view! {
                <span
                    class=class.clone()
                    class:is-now=lasts
                    style:left=format!("{:.2}%", from * 100.0)
                    style:width=format!("max(3px, {:.2}%)", (to - from) * 100.0)
                ></span>
            }
        })
        .collect_view();
    view! {
        <div class="lane">
            <span class="lane-who mono cut" title=lane.owner.clone()>{lane.owner.clone()}</span>
            <span class="lane-track" style:--known=format!("{:.2}%", known_from * 100.0)>{bars}</span>
        </div>
    }
}

fn summary(i18n: I18n, lanes: &Lanes) -> String {
    let handovers = i18n.plural(
        lanes.handovers as i64,
        Text::HandOverOne,
        Text::HandOverMany,
    );
    let window = window_text(i18n, lanes.window_s);
    let longest = format::span((lanes.longest / 1000.0) as i64, i18n.lang());
    i18n.fill(Text::LanesNote, &[&window, &handovers, &longest])
}

fn window_text(i18n: I18n, seconds: u32) -> String {
    // `4 m 00 s` without its empty second part.
    let whole = format::span(i64::from(seconds), i18n.lang());
    whole.split(" 00 ").next().unwrap_or(&whole).to_owned()
}

/// The ticks of the axis, in seconds ago.
fn ticks(window: u32) -> Vec<u32> {
    let step = match window {
        ..=60 => 15,
        61..=120 => 30,
        _ => 60,
    };
    (0..=window / step).map(|n| n * step).collect()
}

fn tick(i18n: I18n, seconds: u32, window: u32) -> impl IntoView {
    let message = match seconds {
        0 => i18n.t(Text::Now).to_owned(),
        _ if window > 120 => i18n.fill(Text::MinutesAgo, &[&(seconds / 60).to_string()]),
        _ => i18n.fill(Text::SecondsAgo, &[&seconds.to_string()]),
    };
    let at = 100.0 - f64::from(seconds) / f64::from(window) * 100.0;
    let class = match seconds {
        0 => "lane-tick is-last",
        _ if seconds == window => "lane-tick is-first",
        _ => "lane-tick",
    };
    view! { <span class=class style:left=format!("{at:.2}%")>{message}</span> }
}
