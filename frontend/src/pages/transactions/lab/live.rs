//! What a run shows: the sum, attempts and conflicts, every balance, every client.

use leptos::prelude::*;

use super::run::Run;
use super::text::Text;
use crate::i18n::{tr, use_i18n};
use crate::model::bank::{BALANCE, Settings, Tally};
use crate::model::format;
use crate::ui::When;

/// The live part.
#[component]
pub(super) fn LiveTally(run: Run) -> impl IntoView {
    let started = Memo::new(move |_| run.settings.with(Option::is_some));
    view! {
        <div class="lab-live">
            <Show
                when=move || started.get()
                fallback=move || view! { <p class="lab-idle">{tr(Text::Idle)}</p> }
            >
                <Sum run=run/>
                <Counts run=run/>
                <Balances run=run/>
                <Clients run=run/>
            </Show>
        </div>
    }
}

/// The sum against what it must be.
#[component]
fn Sum(run: Run) -> impl IntoView {
    let i18n = use_i18n();
    let expected = Memo::new(move |_| {
        run.settings
            .with(|settings| settings.as_ref().map_or(0, Settings::sum))
    });
    let sum = Memo::new(move |_| run.read(Tally::sum).flatten());
    let off = Memo::new(move |_| sum.get().map(|sum| sum - expected.get()));
    let verdict = move || {
        Some(match off.get()? {
            0 => i18n.t(Text::SumKept).to_owned(),
            off @ 1.. => i18n.fill(Text::SumMore, &[&format::count(off)]),
            off => i18n.fill(Text::SumLess, &[&format::count(-off)]),
        })
    };
    let at = move || {
        let revision = run
            .read(|tally| tally.revision)
            .filter(|revision| *revision > 0)?;
        Some(i18n.fill(Text::SumAt, &[&format::count(revision)]))
    };
    view! {
        <section class="card lab-sum" class:is-off=move || off.get().is_some_and(|off| off != 0)>
            <h2 class="card-head">{tr(Text::Sum)} <span class="card-note">{at}</span></h2>
            <p class="lab-sum-line">
                <b class="lab-sum-number num">{move || sum.get().map_or_else(|| "–".to_owned(), format::count)}</b>
                <span class="mute num">{move || i18n.fill(Text::SumOf, &[&format::count(expected.get())])}</span>
            </p>
            <p class="lab-sum-verdict" role="status">{verdict}</p>
        </section>
    }
}

#[component]
fn Counts(run: Run) -> impl IntoView {
    let i18n = use_i18n();
    let transfers = move || {
        let all = run
            .settings
            .with(|settings| settings.as_ref().map_or(0, |settings| settings.transfers));
        let done = run
            .read(|tally| tally.commits + tally.skipped)
            .unwrap_or_default();
        let [done, all] = [done, all].map(|n| format::count(n.into()));
        i18n.fill(Text::DoneOf, &[&done, &all])
    };
    let skipped = move || {
        let skipped = run.read(|tally| tally.skipped).unwrap_or_default();
        (skipped > 0).then(|| i18n.fill(Text::Skipped, &[&format::count(skipped.into())]))
    };
    let attempts =
        move || format::count(run.read(|tally| tally.attempts).unwrap_or_default().into());
    let conflicts =
        move || format::count(run.read(|tally| tally.conflicts).unwrap_or_default().into());
    let rate = move || {
        let rate = run.read(Tally::conflict_rate).flatten()?;
        Some(i18n.fill(Text::ConflictRate, &[&rate]))
    };
    view! {
        <dl class="lab-counts">
            <div class="card lab-count">
                <dt>{tr(Text::Done)}</dt>
                <dd class="num">{transfers}</dd>
                <dd class="lab-count-note">{skipped}</dd>
            </div>
            <div class="card lab-count">
                <dt>{tr(Text::Attempts)}</dt>
                <dd class="num">{attempts}</dd>
            </div>
            <div class="card lab-count">
                <dt>{tr(Text::Conflicts)}</dt>
                <dd class="num">{conflicts}</dd>
                <dd class="lab-count-note">{rate}</dd>
            </div>
        </dl>
    }
}

/// A bar for each account; twice the initial balance fills it.
#[component]
fn Balances(run: Run) -> impl IntoView {
    let i18n = use_i18n();
    let keys = Memo::new(move |_| {
        let keys = run
            .settings
            .with(|settings| settings.as_ref().map(Settings::keys));
        keys.unwrap_or_default()
    });
    let bars = move || {
        keys.get()
            .into_iter()
            .enumerate()
            .map(|(n, key)| {
                let balance = Memo::new(move |_| run.read(|tally| tally.balances.get(n).copied().flatten()).flatten());
                let width = move || {
                    let full = (BALANCE * 2).max(balance.get().unwrap_or_default()) as f64;
                    format!("{:.1}%", balance.get().unwrap_or_default() as f64 * 100.0 / full)
                };
                let name = format::key(&key.0);
                let shown = move || balance.get().map_or_else(|| "–".to_owned(), format::count);
                let title = {
                    let name = name.clone();
                    move || i18n.fill(Text::Balance, &[&name, &shown()])
                };
                view! {
                    <li class="lab-account" title=title>
                        <span class="mono cut">{name}</span>
                        <span class="lab-bar" aria-hidden="true"><span class="lab-fill" style:width=width></span></span>
                        <span class="lab-balance num">{shown}</span>
                    </li>
                }
            })
            .collect_view()
    };
    view! {
        <section class="card">
            <h2 class="card-head">{tr(Text::Balances)}</h2>
            <ul class="lab-accounts">{bars}</ul>
        </section>
    }
}

#[component]
fn Clients(run: Run) -> impl IntoView {
    let count = Memo::new(move |_| run.read(|tally| tally.clients.len()).unwrap_or_default());
    let rows = move || {
        (0..count.get())
            .map(|n| {
                let tally = Memo::new(move |_| {
                    run.read(|tally| tally.clients.get(n).copied())
                        .flatten()
                        .unwrap_or_default()
                });
                view! {
                    <tr>
                        <td class="num">{n + 1}</td>
                        <td class="cell-num num">{move || format::count(tally.get().commits.into())}</td>
                        <td class="cell-num num">{move || format::count(tally.get().conflicts.into())}</td>
                    </tr>
                }
            })
            .collect_view()
    };
    view! {
        <When when=move || { count.get() > 0 }>
            <section class="card lab-clients">
                <table class="table">
                    <thead>
                        <tr>
                            <th scope="col">{tr(Text::Client)}</th>
                            <th scope="col" class="cell-num">{tr(Text::CommitsOf)}</th>
                            <th scope="col" class="cell-num">{tr(Text::Conflicts)}</th>
                        </tr>
                    </thead>
                    <tbody>{rows}</tbody>
                </table>
            </section>
        </When>
    }
}
