//! A line chart over time, drawn as SVG. The drawing is stretched to the width of its place, so it needs no measuring; its
//! labels are text beside it. The mouse and the arrow keys read single points.

use std::sync::Arc;

use leptos::prelude::*;
use wasm_bindgen::JsCast as _;

use crate::i18n::{Common, I18n, texts, use_i18n};
use crate::model::chart::{Frame, Point, Units, axis_end, largest, latest, nearest, value_at};

texts! {
    enum Text {
        Summary: "{0}: {1}. Use the arrow keys to read single points.", "{0}：{1}。可用方向键读取各数据点。";
        NoValue: "no value", "无数据";
        Span: "{0} min ago", "{0} 分钟前";
        Now: "now", "现在";
        Separator: ", ", "，";
    }
}

const WIDTH: f64 = 600.0;
const HEIGHT: f64 = 120.0;

/// A line of a chart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct ChartLine {
    /// What it shows; named below a chart of several lines.
    pub(crate) name: String,
    /// A class of `chart.css`: `line-accent`, `line-lease`, or `who-0` to `who-5`.
    pub(crate) class: String,
    pub(crate) points: Vec<Point>,
    /// Whether the area below the line is filled.
    pub(crate) filled: bool,
}

/// The contents of a chart.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ChartData {
    /// The time at the left edge, in milliseconds since 1970.
    pub(crate) from: f64,
    /// The time at the right edge.
    pub(crate) to: f64,
    /// Points further apart, in milliseconds, are not connected.
    pub(crate) longest_gap: f64,
    pub(crate) lines: Vec<ChartLine>,
    /// A value that is drawn as a dashed line where it fits: above it something happens.
    pub(crate) limit: Option<f64>,
}

impl ChartData {
    /// The upper end of the axis. A limit far above every value is left out: the values would be flat.
    fn top(&self, units: Units) -> f64 {
        let most = self.lines.iter().filter_map(|line| largest(&line.points));
        let most = most.fold(0.0, f64::max);
        match self.limit {
            Some(limit) if most >= limit / 4.0 => axis_end(most.max(limit * 1.05), units),
            _ => axis_end(most, units),
        }
    }

    fn times(&self) -> impl Iterator<Item = f64> {
        let points = self.lines.iter().flat_map(|line| &line.points);
        points.map(|(at, _)| *at).filter(|at| *at >= self.from)
    }
}

/// How a chart writes its numbers and times.
#[derive(Clone, Copy)]
pub(crate) struct ChartFormat {
    pub(crate) units: Units,
    pub(crate) value: fn(f64, I18n) -> String,
    /// The time of day of a point.
    pub(crate) time: Callback<f64, String>,
}

/// A chart with its title and its latest values.
#[component]
pub(crate) fn Chart(
    #[prop(into)] title: Signal<String>,
    #[prop(into)] data: Signal<Arc<ChartData>>,
    format: ChartFormat,
    /// A sentence below the drawing.
    #[prop(optional, into)]
    note: MaybeProp<String>,
) -> impl IntoView {
    let i18n = use_i18n();
    let cursor = RwSignal::new(None::<f64>);
    let frame = Memo::new(move |_| {
        data.with(|data| Frame {
            width: WIDTH,
            height: HEIGHT,
            from: data.from,
            to: data.to,
            top: data.top(format.units),
        })
    });
    let text = move |value: Option<f64>| match value {
        Some(value) => (format.value)(value, i18n),
        None => "–".to_owned(),
    };
    let readings = Memo::new(move |_| {
        let at = cursor.get();
        data.with(|data| {
            let reading = |line: &ChartLine| {
                let value = match at {
                    Some(at) => value_at(&line.points, at),
                    None => latest(&line.points),
                };
                (line.name.clone(), line.class.clone(), text(value))
            };
            data.lines.iter().map(reading).collect::<Vec<_>>()
        })
    });
    // One sentence with every value, for those who do not see the drawing.
    let spoken = move || {
        let values = readings.with(|readings| match &readings[..] {
            [(_, _, value)] => value.clone(),
            several => {
                let named = several
                    .iter()
                    .map(|(name, _, value)| i18n.fill(Common::Named, &[name, value]));
                named.collect::<Vec<_>>().join(i18n.t(Text::Separator))
            }
        });
        if values.is_empty() {
            i18n.t(Text::NoValue).to_owned()
        } else {
            values
        }
    };
    let summary = move || {
        let title = title.get();
        untrack(|| i18n.fill(Text::Summary, &[&title, &spoken()]))
    };
    let announced = move || {
        let at = cursor.get()?;
        Some(i18n.fill(Common::Named, &[&format.time.run(at), &spoken()]))
    };
    let on_move = move |event: web_sys::MouseEvent| {
        let plot = event.current_target();
        let Some(plot) = plot.and_then(|plot| plot.dyn_into::<web_sys::Element>().ok()) else {
            return;
        };
        let place = plot.get_bounding_client_rect();
        let share = (f64::from(event.client_x()) - place.left()) / place.width().max(1.0);
        cursor.set(data.with_untracked(|data| {
            nearest(data.times(), data.from + share * (data.to - data.from))
        }));
    };
    let on_key = move |event: web_sys::KeyboardEvent| {
        let now = cursor.get_untracked();
        let next = data.with_untracked(|data| {
            let now = now.unwrap_or(f64::INFINITY);
            match event.key().as_str() {
                "ArrowLeft" => data.times().filter(|at| *at < now).max_by(f64::total_cmp),
                "ArrowRight" => data.times().filter(|at| *at > now).min_by(f64::total_cmp),
                "Home" => data.times().min_by(f64::total_cmp),
                "End" => data.times().max_by(f64::total_cmp),
                _ => None,
            }
        });
        match event.key().as_str() {
            "Escape" => cursor.set(None),
            "ArrowLeft" | "ArrowRight" | "Home" | "End" => {
                event.prevent_default();
                cursor.set(next.or(now));
            }
            _ => {}
        }
    };
    let head = move || match cursor.get() {
        Some(at) => format.time.run(at),
        None => String::new(),
    };
    let single = move || {
        readings.with(|readings| match &readings[..] {
            [(_, _, value)] => value.clone(),
            _ => String::new(),
        })
    };
    view! {
        <figure class="chart">
            <figcaption class="chart-head">
                <span class="chart-title">{move || title.get()}</span>
                <span class="chart-time num">{head}</span>
                <span class="chart-value num">{single}</span>
            </figcaption>
            <div
                class="chart-plot"
                role="img"
                tabindex="0"
                aria-label=summary
                on:mousemove=on_move
                on:mouseleave=move |_| cursor.set(None)
                on:blur=move |_| cursor.set(None)
                on:keydown=on_key
            >
                <Drawing data=data frame=frame cursor=cursor/>
                <span class="chart-tick num">{move || (format.value)(frame.get().top, i18n)}</span>
                <span class="chart-tick chart-tick-half num">{move || (format.value)(frame.get().top / 2.0, i18n)}</span>
            </div>
            <Axis data=data/>
            <Legend readings=readings/>
            <p class="chart-note">{move || note.get()}</p>
            <span class="visually-hidden" role="status">{announced}</span>
        </figure>
    }
}

/// The lines themselves.
#[component]
fn Drawing(
    data: Signal<Arc<ChartData>>,
    frame: Memo<Frame>,
    cursor: RwSignal<Option<f64>>,
) -> impl IntoView {
    let grid = format!("M0 0H{WIDTH}M0 {}H{WIDTH}M0 {HEIGHT}H{WIDTH}", HEIGHT / 2.0);
    let lines = move || {
        let frame = frame.get();
        data.with(|data| {
            let gap = data.longest_gap;
            let line = |line: &ChartLine| {
                let class = line.class.clone();
                let area = line.filled.then(|| {
                    let d = frame.area(&line.points, gap);
                    view! { <path class=format!("chart-area {class}") d=d></path> }
                });
                view! {
                    {area}
                    <path class=format!("chart-line {class}") d=frame.line(&line.points, gap)></path>
                }
            };
            data.lines.iter().map(line).collect_view()
        })
    };
    let limit = move || {
        let frame = frame.get();
        let limit = data.with(|data| data.limit)?;
        (limit <= frame.top).then(|| format!("M0 {:.1}H{WIDTH}", frame.y(limit)))
    };
    let at = move || {
        let x = frame.get().x(cursor.get()?);
        Some(format!("M{x:.1} 0V{HEIGHT}"))
    };
    view! {
        <svg class="chart-drawing" viewBox=format!("0 0 {WIDTH} {HEIGHT}") preserveAspectRatio="none" aria-hidden="true">
            <path class="chart-grid" d=grid></path>
            {lines}
            <path class="chart-limit" d=limit></path>
            <path class="chart-cursor" d=at></path>
        </svg>
    }
}

/// The times below the drawing.
#[component]
fn Axis(data: Signal<Arc<ChartData>>) -> impl IntoView {
    let i18n = use_i18n();
    let minutes = move |share: f64| {
        let minutes = data.with(|data| (data.to - data.from) / 60_000.0 * share);
        i18n.fill(Text::Span, &[&format!("{minutes:.0}")])
    };
    view! {
        <div class="chart-axis" aria-hidden="true">
            <span>{move || minutes(1.0)}</span>
            <span>{move || minutes(0.5)}</span>
            <span>{move || i18n.t(Text::Now)}</span>
        </div>
    }
}

/// The names and values of several lines.
#[component]
fn Legend(readings: Memo<Vec<(String, String, String)>>) -> impl IntoView {
    move || {
        let readings = readings.get();
        if readings.len() < 2 {
            return None;
        }
        let items = readings.into_iter().map(|(name, class, value)| {
            view! {
                <li class="chart-key">
                    <span class=format!("chart-swatch {class}")></span>
                    <span class="cut">{name}</span>
                    <span class="num soft">{value}</span>
                </li>
            }
        });
        Some(view! { <ul class="chart-keys">{items.collect_view()}</ul> })
    }
}
