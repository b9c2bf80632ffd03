//! The samples of the last hour, as far as they have been received.

use shared::{
    Forecast, MemberId, MemberSample, Sample, SampledMember, SamplesResponse, SamplingProblem,
};

use crate::model::chart::Point;

/// Shorter times to show than the whole window, while there are few samples.
const SHOWN_MINUTES: [i64; 3] = [5, 15, 30];

/// The samples, the oldest first.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct History {
    samples: Vec<Sample>,
    members: Vec<SampledMember>,
    forecast: Option<Forecast>,
    problem: Option<SamplingProblem>,
    /// The gateway's time at the last response, in milliseconds since 1970.
    now: i64,
    interval_ms: i64,
    window_ms: i64,
}

impl History {
    /// Adds a response. Samples that are known already, and those older than the window, are dropped.
    pub(crate) fn apply(&mut self, response: SamplesResponse) {
        let known = self.last();
        let later = |sample: &Sample| known.is_none_or(|known| sample.at > known);
        self.samples
            .extend(response.samples.into_iter().filter(later));
        let oldest = response.now - response.window_ms;
        self.samples.retain(|sample| sample.at >= oldest);
        if !response.members.is_empty() {
            self.members = response.members;
        }
        self.forecast = response.forecast;
        self.problem = response.problem;
        self.now = response.now;
        self.interval_ms = response.interval_ms;
        self.window_ms = response.window_ms;
    }

    /// The time of the last sample: the `since` of the next request.
    pub(crate) fn last(&self) -> Option<i64> {
        self.samples.last().map(|sample| sample.at)
    }

    /// Why there are no new samples.
    pub(crate) fn problem(&self) -> Option<&SamplingProblem> {
        self.problem.as_ref()
    }

    /// When the quota is reached.
    pub(crate) fn forecast(&self) -> Option<&Forecast> {
        self.forecast.as_ref()
    }

    /// The members, by id.
    pub(crate) fn members(&self) -> &[SampledMember] {
        &self.members
    }

    /// Whether there is no sample.
    pub(crate) fn is_empty(&self) -> bool {
        self.samples.is_empty()
    }

    /// The gateway's time at the last response.
    pub(crate) fn now(&self) -> f64 {
        self.now as f64
    }

    /// Milliseconds from one sample to the next; 10 s before the first response.
    pub(crate) fn interval(&self) -> f64 {
        if self.interval_ms > 0 {
            self.interval_ms as f64
        } else {
            10_000.0
        }
    }

    /// Start and end of the time to show, in milliseconds since 1970: the shortest of a few that has every sample.
    pub(crate) fn shown(&self) -> (f64, f64) {
        let oldest = self.samples.first().map_or(self.now, |sample| sample.at);
        let widths = SHOWN_MINUTES.map(|minutes| minutes * 60_000);
        let width = widths.into_iter().find(|width| self.now - oldest <= *width);
        let width = width.unwrap_or(self.window_ms).min(self.window_ms);
        ((self.now - width) as f64, self.now as f64)
    }

    /// A number of the cluster over time.
    pub(crate) fn line(&self, value: impl Fn(&Sample) -> Option<f64>) -> Vec<Point> {
        let point = |sample: &Sample| (sample.at as f64, value(sample));
        self.samples.iter().map(point).collect()
    }

    /// A number of one member over time.
    pub(crate) fn member_line(
        &self,
        id: MemberId,
        value: impl Fn(&MemberSample) -> Option<f64>,
    ) -> Vec<Point> {
        self.line(|sample| {
            let member = sample.members.iter().find(|member| member.id == id)?;
            value(member)
        })
    }

    /// The smallest quota that a member reports.
    pub(crate) fn quota(&self) -> Option<i64> {
        let quotas = self.samples.last()?.members.iter();
        quotas
            .filter_map(|member| member.db_quota)
            .filter(|quota| *quota > 0)
            .min()
    }
}
