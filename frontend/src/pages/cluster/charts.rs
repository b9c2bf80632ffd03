//! The charts of the last hour, from the gateway's samples.

use std::sync::Arc;
use std::time::Duration;

use gloo_timers::future::sleep;
use leptos::prelude::*;
use leptos::task::spawn_local_scoped_with_cancellation;
use shared::{MemberSample, Sample, SampledMember, SamplingProblemCode};

use super::text::Text;
use crate::api::{self, ApiError};
use crate::clock::zone_offset;
use crate::i18n::{I18n, label, tr, use_i18n};
use crate::model::chart::{Point, Units};
use crate::model::cluster::History;
use crate::model::sentence::sentences;
use crate::model::{format, key_text};
use crate::ui::{Chart, ChartData, ChartFormat, ChartLine, Note, NoteKind, Skeleton, When};

/// The delay after an error.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// The card of charts.
#[component]
pub(super) fn Charts() -> impl IntoView {
    let i18n = use_i18n();
    let history = RwSignal::new(History::default());
    let error = RwSignal::new(None::<ApiError>);
    follow(history, error);
    let data = move |lines: fn(&History, I18n) -> Vec<ChartLine>| {
        Signal::derive(move || {
            history.with(|history| {
                let (from, to) = history.shown();
                Arc::new(ChartData {
                    from,
                    to,
                    longest_gap: history.interval() * 3.0,
                    lines: lines(history, i18n),
                    limit: None,
                })
            })
        })
    };
    let sizes = Signal::derive(move || {
        let mut data = (*data(size_lines).get()).clone();
        data.limit = history.with(|history| history.quota().map(|quota| quota as f64));
        Arc::new(data)
    });
    let time = Callback::new(|at: f64| format::clock(at, zone_offset()));
    let form =
        move |units: Units, value: fn(f64, I18n) -> String| ChartFormat { units, value, time };
    let charts = move || {
        view! {
            <div class="charts">
                <Chart title=label(Text::RevisionRate) data=data(rate_lines) format=form(Units::Rate, rate_text)/>
                <Chart title=label(Text::DbSize) data=sizes format=form(Units::Bytes, size_text) note=Signal::derive(move || history.with(|history| quota_note(history, i18n)))/>
                <Chart title=label(Text::Keys) data=data(key_lines) format=form(Units::Count, count_text)/>
                <Chart title=label(Text::Leases) data=data(lease_lines) format=form(Units::Count, count_text)/>
                <Chart title=label(Text::Watches) data=data(watch_lines) format=form(Units::Count, count_text)/>
                <Chart title=label(Text::Lag) data=data(lag_lines) format=form(Units::Count, count_text)/>
            </div>
        }
    };
    let has_samples = Memo::new(move |_| history.with(|history| !history.is_empty()));
    let problem = Memo::new(move |_| {
        let problem = history.with(|history| history.problem().cloned());
        let refused = error.get().map(|error| error.in_full(i18n.lang()));
        let text = problem.map(|problem| {
            let what = [
                &problem.detail[..],
                problem.fix.as_deref().unwrap_or_default(),
            ];
            let what = key_text::escape_invisible(&sentences(&what));
            i18n.fill(
                match problem.code {
                    SamplingProblemCode::NoAccount => Text::ChartsNoAccount,
                    SamplingProblemCode::Unreachable => Text::ChartsStopped,
                },
                &[&what],
            )
        });
        refused.or(text)
    });
    view! {
        <section class="card">
            <h2 class="card-head">
                {tr(Text::Charts)}
                <span class="card-note" title=label(Text::ChartsSince)>{tr(Text::ChartsNote)}</span>
            </h2>
            {move || problem.get().map(|text| view! { <Note kind=NoteKind::Warning role="status">{text}</Note> })}
            <When when=move || has_samples.get()>{charts}</When>
            <When when=move || !has_samples.get() && problem.with(Option::is_none)><Skeleton rows=6/></When>
        </section>
    }
}

/// Reads the samples until the current owner is cleaned up. A hidden tab reads nothing.
fn follow(history: RwSignal<History>, error: RwSignal<Option<ApiError>>) {
    spawn_local_scoped_with_cancellation(async move {
        loop {
            let mut delay = RETRY_INTERVAL;
            if !document().hidden() {
                let since = history.with_untracked(History::last);
                match api::diagnosis::samples(since).await {
                    Ok(response) => {
                        history.try_update(|history| history.apply(response));
                        error.try_set(None);
                        let interval = history.try_with_untracked(History::interval);
                        delay = Duration::from_millis(interval.unwrap_or(10_000.0) as u64);
                    }
                    Err(failed) => {
                        error.try_set(Some(failed));
                    }
                }
            }
            sleep(delay).await;
        }
    });
}

fn single(points: Vec<Point>) -> Vec<ChartLine> {
    vec![ChartLine {
        name: String::new(),
        class: "line-accent".to_owned(),
        points,
        filled: true,
    }]
}

fn rate_lines(history: &History, _: I18n) -> Vec<ChartLine> {
    single(history.line(|sample| sample.revisions_per_second))
}

fn key_lines(history: &History, _: I18n) -> Vec<ChartLine> {
    single(history.line(|sample| sample.keys.map(|keys| keys as f64)))
}

fn lease_lines(history: &History, _: I18n) -> Vec<ChartLine> {
    single(history.line(|sample| sample.leases.map(|leases| leases as f64)))
}

fn watch_lines(history: &History, _: I18n) -> Vec<ChartLine> {
    single(history.line(|sample| sample.watches.map(|watches| watches as f64)))
}

/// Of several members the largest: it reaches its quota first.
fn size_lines(history: &History, i18n: I18n) -> Vec<ChartLine> {
    let most = |sample: &Sample, read: fn(&MemberSample) -> i64| {
        let sizes = sample.members.iter().map(read);
        sizes.max().map(|size| size as f64)
    };
    let line = |text: Text, class: &str, filled: bool, read: fn(&MemberSample) -> i64| ChartLine {
        name: i18n.t(text).to_owned(),
        class: class.to_owned(),
        points: history.line(|sample| most(sample, read)),
        filled,
    };
    vec![
        line(Text::DbUsed, "line-accent", true, |it| it.db_size_in_use),
        line(Text::DbAllocated, "line-lease", false, |it| it.db_size),
    ]
}

fn lag_lines(history: &History, _: I18n) -> Vec<ChartLine> {
    let members = history.members();
    let line = |(at, member): (usize, &SampledMember)| {
        let label = if member.name.is_empty() {
            member.id.to_string()
        } else {
            member.name.clone()
        };
        ChartLine {
            name: key_text::display(label.as_bytes()),
            class: format!("who-{}", at % 6),
            points: history.member_line(member.id, |it| Some(it.raft_lag as f64)),
            filled: false,
        }
    };
    members.iter().enumerate().map(line).collect()
}

fn rate_text(value: f64, i18n: I18n) -> String {
    let digits = if value >= 99.95 || value.fract() == 0.0 {
        format::count(value.round() as i64)
    } else {
        format!("{value:.1}")
    };
    i18n.fill(Text::PerSecond, &[&digits])
}

fn count_text(value: f64, _: I18n) -> String {
    format::count(value.round() as i64)
}

fn size_text(value: f64, _: I18n) -> String {
    format::size(value.round() as i64)
}

/// The share of the quota in use, and when it is reached.
fn quota_note(history: &History, i18n: I18n) -> Option<String> {
    let used = history.line(|sample| {
        let members = sample.members.iter();
        members
            .map(|it| it.db_size_in_use)
            .max()
            .map(|it| it as f64)
    });
    let used = crate::model::chart::latest(&used)?;
    let quota = history.quota()?;
    let percent = used / quota as f64 * 100.0;
    let percent = if percent < 10.0 {
        format!("{percent:.1}")
    } else {
        format!("{percent:.0}")
    };
    let quota = format::size(quota);
    Some(match history.forecast() {
        Some(forecast) => {
            let left = (forecast.quota_reached_at as f64 - history.now()) / 1000.0;
            i18n.fill(
                Text::Forecast,
                &[
                    &percent,
                    &quota,
                    &format::size(forecast.bytes_per_hour.round() as i64),
                    &format::span(left.max(0.0) as i64, i18n.lang()),
                ],
            )
        }
        None => i18n.fill(Text::QuotaShare, &[&percent, &quota]),
    })
}
