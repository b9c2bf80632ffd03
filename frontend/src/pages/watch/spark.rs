//! The event rate, as a sparkline and a number.

use leptos::prelude::*;

use super::store::PanelStore;
use super::text::Text;
use crate::clock::use_clock;
use crate::i18n::use_i18n;
use crate::model::stream::SECONDS;

const WIDTH: f64 = 120.0;
const HEIGHT: f64 = 24.0;

/// A sparkline of the last half minute, and the rate beside it.
#[component]
pub(super) fn Spark(store: PanelStore) -> impl IntoView {
    let (clock, i18n) = (use_clock(), use_i18n());
    // Redrawn by the clock alone: a line that moves with every event cannot be read.
    let points = Memo::new(move |_| {
        let now = clock.now();
        untrack(|| store.read(|stream| line(&stream.rate().series(now)))).unwrap_or_default()
    });
    let rate = Memo::new(move |_| {
        let now = clock.now();
        let rate =
            untrack(|| store.read(|stream| stream.rate().per_second(now))).unwrap_or_default();
        if rate >= 99.95 {
            format!("{rate:.0}")
        } else {
            format!("{rate:.1}")
        }
    });
    view! {
        <svg class="spark" viewBox=format!("0 0 {WIDTH} {HEIGHT}") aria-hidden="true">
            <polyline points=move || points.get()></polyline>
        </svg>
        <span class="rate num" title=move || i18n.t(Text::RateTitle)>
            {move || i18n.fill(Text::PerSecond, &[&rate.get()])}
        </span>
    }
}

/// The points of a line through the counts; zero is the lower edge.
fn line(series: &[u32; SECONDS]) -> String {
    let most = f64::from(series.iter().copied().max().unwrap_or(0).max(2));
    let step = WIDTH / (SECONDS - 1) as f64;
    let points = series.iter().enumerate().map(|(at, count)| {
        let y = HEIGHT - 2.0 - f64::from(*count) / most * (HEIGHT - 4.0);
        format!("{:.1},{y:.1}", at as f64 * step)
    });
    points.collect::<Vec<_>>().join(" ")
}
