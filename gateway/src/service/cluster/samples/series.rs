//! The samples that are kept, and what is computed from several of them.

use std::collections::VecDeque;

use shared::{Sample, SampledMember, SamplesResponse, SamplingProblem};

use super::INTERVAL;
use super::forecast::forecast;
use super::take::Taken;

/// How long samples are kept, in milliseconds.
const WINDOW: i64 = 3_600_000;
/// The time from one sample to the next, in milliseconds.
const STEP: i64 = INTERVAL.as_millis() as i64;
/// How many samples are kept at most: those of the window, whatever the clock does.
const MAX_SAMPLES: usize = (WINDOW / STEP) as usize + 1;
/// From so many leases on, they are counted only in every [`SELDOM`]th sample: etcd lists them one by one.
const MANY_LEASES: u64 = 50_000;
const SELDOM: u32 = 6;

/// The samples of the last hour, the oldest first.
#[derive(Debug, Default)]
pub(super) struct Series {
    samples: VecDeque<Sample>,
    members: Vec<SampledMember>,
    problem: Option<SamplingProblem>,
    many_leases: bool,
    /// Attempts since leases were counted.
    since_leases: u32,
}

impl Series {
    /// Whether the next sample counts the leases.
    pub(super) fn wants_leases(&mut self) -> bool {
        let due = !self.many_leases || self.since_leases + 1 >= SELDOM;
        self.since_leases = if due { 0 } else { self.since_leases + 1 };
        due
    }

    /// Adds what was read at a time, or why nothing could be read.
    pub(super) fn add(&mut self, at: i64, taken: Result<Taken, SamplingProblem>) {
        let taken = match taken {
            Ok(taken) => taken,
            Err(problem) => {
                self.problem = Some(problem);
                return;
            }
        };
        self.problem = None;
        // After the clock was set back, later samples would be in the wrong order.
        while self.samples.back().is_some_and(|last| last.at >= at) {
            self.samples.pop_back();
        }
        self.forget(at);
        if let Some(leases) = taken.leases {
            self.many_leases = leases > MANY_LEASES;
        }
        let speed = self.speed(at, taken.revision);
        self.members = taken.listed;
        self.samples.push_back(Sample {
            at,
            revision: taken.revision,
            revisions_per_second: speed,
            keys: taken.keys,
            leases: taken.leases,
            watches: taken.watches,
            leader: taken.leader,
            members: taken.members,
        });
    }

    fn speed(&self, at: i64, revision: Option<i64>) -> Option<f64> {
        let last = self.samples.back()?;
        let written = revision?.checked_sub(last.revision?)?;
        let passed = at - last.at;
        (written >= 0 && passed <= 3 * STEP).then(|| written as f64 * 1_000.0 / passed as f64)
    }

    fn forget(&mut self, now: i64) {
        while self.samples.len() >= MAX_SAMPLES
            || self
                .samples
                .front()
                .is_some_and(|first| first.at < now - WINDOW)
        {
            self.samples.pop_front();
        }
    }

    /// The response at a time, with the samples after `since`.
    pub(super) fn response(
        &mut self,
        cluster: &str,
        now: i64,
        since: Option<i64>,
    ) -> SamplesResponse {
        self.forget(now);
        let later = |sample: &&Sample| since.is_none_or(|since| sample.at > since);
        SamplesResponse {
            cluster: cluster.to_owned(),
            now,
            interval_ms: STEP,
            window_ms: WINDOW,
            members: self.members.clone(),
            forecast: forecast(self.samples.make_contiguous()),
            samples: self.samples.iter().filter(later).cloned().collect(),
            problem: self.problem.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use shared::SamplingProblemCode;

    use super::*;

    const START: i64 = 1_764_000_000_000;

    fn at_revision(revision: i64) -> Result<Taken, SamplingProblem> {
        Ok(Taken {
            revision: Some(revision),
            ..Taken::default()
        })
    }

    fn speeds(series: &mut Series, now: i64) -> Vec<Option<f64>> {
        let response = series.response("c", now, None);
        let speeds = response.samples.iter();
        speeds.map(|sample| sample.revisions_per_second).collect()
    }

    #[test]
    fn the_speed_is_that_since_the_sample_before() {
        let mut series = Series::default();
        for (at, revision) in [
            (0, 100),
            (10_000, 150),
            (20_000, 150),
            (30_000, 1),
            (40_000, 2),
        ] {
            series.add(START + at, at_revision(revision));
        }
        // After a gap the number of revisions is known, but not when they were made.
        series.add(START + 80_000, at_revision(50));
        let expected = [None, Some(5.0), Some(0.0), None, Some(0.1), None];
        assert_eq!(speeds(&mut series, START + 80_000), expected);
    }

    #[test]
    fn an_hour_of_samples_is_kept() {
        let mut series = Series::default();
        for n in 0..1_000 {
            series.add(START + n * STEP, at_revision(n));
        }
        let now = START + 999 * STEP;
        let all = series.response("c", now, None);
        assert_eq!(all.samples.len(), MAX_SAMPLES);
        assert_eq!(
            all.samples.first().map(|first| first.at),
            Some(now - WINDOW)
        );
        let since = series.response("c", now, Some(now - 2 * STEP));
        let revisions: Vec<_> = since.samples.iter().map(|one| one.revision).collect();
        assert_eq!(revisions, [Some(998), Some(999)]);
        // Nothing is left an hour later, and a clock set back leaves no sample of the future.
        assert!(
            series
                .response("c", now + WINDOW + 1, None)
                .samples
                .is_empty()
        );
        series.add(START, at_revision(1));
        series.add(START - 500, at_revision(2));
        let kept = series.response("c", START, None).samples;
        assert_eq!((kept.len(), kept[0].at), (1, START - 500));
    }

    #[test]
    fn a_problem_is_shown_until_a_sample_is_taken() {
        let mut series = Series::default();
        series.add(START, at_revision(1));
        let problem = SamplingProblem {
            code: SamplingProblemCode::Unreachable,
            detail: "gone".to_owned(),
            fix: None,
        };
        series.add(START + STEP, Err(problem.clone()));
        let response = series.response("c", START + STEP, None);
        assert_eq!(
            (response.samples.len(), response.problem),
            (1, Some(problem))
        );
        series.add(START + 2 * STEP, at_revision(1));
        assert_eq!(series.response("c", START + 2 * STEP, None).problem, None);
    }

    #[test]
    fn many_leases_are_counted_once_a_minute() {
        let mut series = Series::default();
        assert!(series.wants_leases() && series.wants_leases());
        let many = Taken {
            leases: Some(MANY_LEASES + 1),
            ..Taken::default()
        };
        series.add(START, Ok(many));
        let wanted: Vec<bool> = (0..7).map(|_| series.wants_leases()).collect();
        assert_eq!(wanted, [false, false, false, false, false, true, false]);
    }
}
