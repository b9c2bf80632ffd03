//! The holders of a lock as lanes of a chart over time.

use std::collections::VecDeque;

use super::tracked::Span;
use crate::model::live::Millis;

/// Limit of drawn lanes; the owners that held the lock longest ago are omitted.
const MAX_LANES: usize = 8;

/// The widths of the chart in seconds: it widens as the page gets older.
const WINDOWS_S: [u32; 3] = [60, 120, 300];

/// The lane of one owner.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lane {
    /// The owner's label.
    pub(crate) owner: String,
    /// Start and end as shares of the window, and whether the owner still holds the lock.
    pub(crate) spans: Vec<(f64, f64, bool)>,
}

/// The chart.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Lanes {
    /// The width of the window in seconds; it ends now.
    pub(crate) window_s: u32,
    /// The lanes, in the order in which the owners were first observed.
    pub(crate) lanes: Vec<Lane>,
    /// The number of hand-overs in the window.
    pub(crate) handovers: usize,
    /// The longest span that overlaps the window, in milliseconds.
    pub(crate) longest: Millis,
    /// The start of the page's observation, as a share of the window.
    pub(crate) known_from: f64,
}

impl Lanes {
    /// The chart of what was observed since `since`.
    pub(crate) fn new(spans: &VecDeque<Span>, since: Millis, now: Millis) -> Self {
        let age = (now - since).max(0.0) / 1000.0;
        let widest = WINDOWS_S[WINDOWS_S.len() - 1];
        let window_s = WINDOWS_S
            .into_iter()
            .find(|window| f64::from(*window) >= age)
            .unwrap_or(widest);
        let width = f64::from(window_s) * 1000.0;
        let start = now - width;
        let share = |at: Millis| ((at - start) / width).clamp(0.0, 1.0);
        let mut lanes: Vec<(Lane, Millis)> = Vec::new();
        let (mut handovers, mut longest) = (0, 0.0_f64);
        let mut before: Option<&Span> = None;
        for span in spans {
            let to = span.to.unwrap_or(now);
            let previous = before.replace(span);
            if to < start {
                continue;
            }
            longest = longest.max(to - span.from);
            if span.from >= start && previous.is_some() {
                handovers += 1;
            }
            let drawn = (share(span.from), share(to), span.to.is_none());
            match lanes.iter_mut().find(|(lane, _)| lane.owner == span.owner) {
                Some((lane, last)) => {
                    lane.spans.push(drawn);
                    *last = to;
                }
                None => lanes.push((
                    Lane {
                        owner: span.owner.clone(),
                        spans: vec![drawn],
                    },
                    to,
                )),
            }
        }
        while lanes.len() > MAX_LANES {
            let oldest = lanes
                .iter()
                .enumerate()
                .min_by(|a, b| a.1.1.total_cmp(&b.1.1));
            let Some((at, _)) = oldest else { break };
            lanes.remove(at);
        }
        Self {
            window_s,
            lanes: lanes.into_iter().map(|(lane, _)| lane).collect(),
            handovers,
            longest,
            known_from: share(since),
        }
    }
}
