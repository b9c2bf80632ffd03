//! Geometry of a line chart over time: scale, ticks, paths. Times are in milliseconds, values in their own units,
//! positions in units of the drawing.

use std::fmt::Write as _;

#[cfg(test)]
mod tests;

/// A time, and the value at that time if there is one.
pub(crate) type Point = (f64, Option<f64>);

/// The units that the steps of an axis are round in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Units {
    /// Whole things: keys, leases.
    Count,
    /// Numbers per second.
    Rate,
    /// Bytes, in powers of 1024.
    Bytes,
}

/// The upper end of an axis that shows values up to `largest`: a round number, and so is its half.
pub(crate) fn axis_end(largest: f64, units: Units) -> f64 {
    let (least, base) = match units {
        Units::Count => (2.0, 1.0),
        Units::Rate => (1.0, 1.0),
        Units::Bytes => {
            let power = largest.max(1.0).log(1024.0).floor().max(0.0);
            (1024.0, 1024.0_f64.powf(power))
        }
    };
    let wanted = (largest / base).max(f64::MIN_POSITIVE);
    let decade = 10.0_f64.powf(wanted.log10().floor());
    let steps = [1.0, 2.0, 4.0, 6.0, 8.0, 10.0];
    let step = steps
        .into_iter()
        .find(|step| step * decade >= wanted * 0.999_999)
        .unwrap_or(10.0);
    (step * decade * base).max(least)
}

/// The rectangle of a drawing, and what its edges stand for; the lower edge is zero.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Frame {
    pub(crate) width: f64,
    pub(crate) height: f64,
    /// The time at the left edge, in milliseconds.
    pub(crate) from: f64,
    /// The time at the right edge, in milliseconds.
    pub(crate) to: f64,
    /// The value at the upper edge.
    pub(crate) top: f64,
}

impl Frame {
    /// The horizontal position of a time.
    pub(crate) fn x(&self, at: f64) -> f64 {
        (at - self.from) / (self.to - self.from).max(1.0) * self.width
    }

    /// The vertical position of a value, within the frame.
    pub(crate) fn y(&self, value: f64) -> f64 {
        let share = if self.top > 0.0 {
            value / self.top
        } else {
            0.0
        };
        self.height * (1.0 - share.clamp(0.0, 1.0))
    }

    /// The line through the points, as path data. It is interrupted where a value is missing and where two points are more
    /// than `longest_gap` apart; a point alone is a dot.
    pub(crate) fn line(&self, points: &[Point], longest_gap: f64) -> String {
        let runs = runs(points, self.from, longest_gap);
        let paths = runs.iter().map(|run| match run[..] {
            [(at, value)] => {
                let (x, y) = (self.x(at), self.y(value));
                format!("M{x:.1} {y:.1}h.1")
            }
            _ => self.path(run),
        });
        paths.collect()
    }

    /// The area below [`Self::line`], as path data.
    pub(crate) fn area(&self, points: &[Point], longest_gap: f64) -> String {
        let runs = runs(points, self.from, longest_gap);
        let areas = runs.iter().filter(|run| run.len() > 1).map(|run| {
            let (first, last) = (self.x(run[0].0), self.x(run[run.len() - 1].0));
            let bottom = self.height;
            format!("{}L{last:.1} {bottom}L{first:.1} {bottom}Z", self.path(run))
        });
        areas.collect()
    }

    fn path(&self, run: &[(f64, f64)]) -> String {
        let mut path = String::with_capacity(run.len() * 12);
        for (index, (at, value)) in run.iter().enumerate() {
            let letter = if index == 0 { 'M' } else { 'L' };
            let (x, y) = (self.x(*at), self.y(*value));
            write!(path, "{letter}{x:.1} {y:.1}").expect("writing to a String never fails");
        }
        path
    }
}

/// The points that have a value, split at gaps. Points before `from` are omitted.
fn runs(points: &[Point], from: f64, longest_gap: f64) -> Vec<Vec<(f64, f64)>> {
    let mut runs: Vec<Vec<(f64, f64)>> = Vec::new();
    let mut before: Option<f64> = None;
    for (at, value) in points.iter().filter(|(at, _)| *at >= from) {
        let Some(value) = value else {
            before = None;
            continue;
        };
        match runs.last_mut() {
            Some(run) if before.is_some_and(|before| at - before <= longest_gap) => {
                run.push((*at, *value));
            }
            _ => runs.push(vec![(*at, *value)]),
        }
        before = Some(*at);
    }
    runs
}

/// The time nearest to `wanted` at which some line has a point.
pub(crate) fn nearest(times: impl Iterator<Item = f64>, wanted: f64) -> Option<f64> {
    times.min_by(|one, other| (one - wanted).abs().total_cmp(&(other - wanted).abs()))
}

/// The value of a line at a time.
pub(crate) fn value_at(points: &[Point], at: f64) -> Option<f64> {
    let index = points.partition_point(|(time, _)| *time < at);
    let (time, value) = points.get(index)?;
    // The times of all lines are those of the samples, compared as they were given.
    time.total_cmp(&at).is_eq().then_some(*value).flatten()
}

/// The last value of a line, if its last point has one.
pub(crate) fn latest(points: &[Point]) -> Option<f64> {
    points.last()?.1
}

/// The largest value of a line.
pub(crate) fn largest(points: &[Point]) -> Option<f64> {
    points
        .iter()
        .filter_map(|(_, value)| *value)
        .max_by(f64::total_cmp)
}
