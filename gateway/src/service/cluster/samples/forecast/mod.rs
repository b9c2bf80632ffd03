//! When a member's quota is reached if its database grows as it did.

use shared::{Forecast, MemberId, Sample};

/// The samples must span at least this, in milliseconds.
const MIN_SPAN: i64 = 2 * 60 * 1000;
/// A forecast further away than a year says nothing, in milliseconds.
const MAX_AHEAD: f64 = 365.0 * 24.0 * 3_600_000.0;
/// The page size of etcd's database: less growth than this is none.
const PAGE: f64 = 4096.0;

/// The forecast for the member whose quota is reached first. See [`Forecast`] for how it is computed.
///
/// It follows the bytes in use, not the size of the file: a file grows only once its free pages are used up, and
/// its size is never below the bytes in use.
pub(super) fn forecast(samples: &[Sample]) -> Option<Forecast> {
    let newest = samples.last()?;
    let forecasts = newest
        .members
        .iter()
        .filter_map(|member| of_member(samples, member.id, member.db_quota?));
    forecasts.min_by_key(|forecast| forecast.quota_reached_at)
}

fn of_member(samples: &[Sample], id: MemberId, quota: i64) -> Option<Forecast> {
    let sizes = samples.iter().filter_map(|sample| {
        let member = sample.members.iter().find(|member| member.id == id)?;
        Some((sample.at, member.db_size_in_use))
    });
    let sizes: Vec<(i64, i64)> = sizes.collect();
    let (first, last) = (sizes.first()?.0, sizes.last()?.0);
    if last - first < MIN_SPAN {
        return None;
    }
    // Relative to the last sample, so that the squares stay exact enough.
    let points = sizes
        .iter()
        .map(|(at, size)| ((at - last) as f64, *size as f64));
    let line = Line::through(points)?;
    let rise = line.slope * (last - first) as f64;
    if rise <= PAGE || rise <= line.scatter {
        return None;
    }
    // Above the quota already: now.
    let ahead = ((quota as f64 - line.at_zero) / line.slope).max(0.0);
    (ahead <= MAX_AHEAD).then(|| Forecast {
        member: id,
        quota,
        bytes_per_hour: line.slope * 3_600_000.0,
        quota_reached_at: last + ahead as i64,
        based_on_ms: last - first,
    })
}

/// A line by least squares.
struct Line {
    slope: f64,
    at_zero: f64,
    /// The standard deviation of the points from the line.
    scatter: f64,
}

impl Line {
    fn through(points: impl Iterator<Item = (f64, f64)> + Clone) -> Option<Self> {
        let count = points.clone().count() as f64;
        let sum = |of: fn((f64, f64)) -> f64| points.clone().map(of).sum::<f64>();
        let (mean_x, mean_y) = (sum(|(x, _)| x) / count, sum(|(_, y)| y) / count);
        let (mut squares, mut products) = (0.0, 0.0);
        for (x, y) in points.clone() {
            squares += (x - mean_x) * (x - mean_x);
            products += (x - mean_x) * (y - mean_y);
        }
        if squares <= 0.0 {
            return None;
        }
        let slope = products / squares;
        let at_zero = mean_y - slope * mean_x;
        let distances = points.map(|(x, y)| (y - at_zero - slope * x).powi(2));
        let scatter = (distances.sum::<f64>() / count).sqrt();
        Some(Self {
            slope,
            at_zero,
            scatter,
        })
    }
}

#[cfg(test)]
mod tests;
