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
        self.forget(at);
    }

    fn speed(&self, at: i64, revision: Option<i64>) -> Option<f64> {
        let last = self.samples.back()?;
        let written = revision?.checked_sub(last.revision?)?;
        let passed = at - last.at;
        (written >= 0 && passed <= 3 * STEP).then(|| written as f64 * 1_000.0 / passed as f64)
    }

    fn forget(&mut self, now: i64) {
        while self.samples.len() > MAX_SAMPLES
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
mod tests;
