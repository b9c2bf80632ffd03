//! The numbers of a cluster over the last hour: one sampler per cluster, for every viewer.
//!
//! The sampler starts with the first viewer and stops an hour after the last. It reads with the
//! gateway's own account: each member's status, its metrics at the address where that status was read,
//! and the list of leases.

mod forecast;
mod metrics;
mod series;
mod take;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use shared::SamplesResponse;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval};

use self::series::Series;
use super::ClusterService;
use crate::failure::Result;
use crate::identity::{Caller, Identity};

/// Time from one sample to the next.
const INTERVAL: Duration = Duration::from_secs(10);
/// How long the sampler continues without a viewer.
const UNWATCHED: Duration = Duration::from_hours(1);
/// How long the first viewer waits for the first sample.
const FIRST: Duration = Duration::from_secs(5);

/// The samples of one cluster.
#[derive(Debug, Clone)]
pub(super) struct Sampler(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    state: Mutex<State>,
    /// How many attempts were made.
    attempts: watch::Sender<u64>,
}

#[derive(Debug)]
struct State {
    series: Series,
    viewed: Instant,
    running: bool,
}

impl Default for Sampler {
    fn default() -> Self {
        Self(Arc::new(Inner {
            state: Mutex::new(State {
                series: Series::default(),
                viewed: Instant::now(),
                running: false,
            }),
            attempts: watch::Sender::new(0),
        }))
    }
}

impl Sampler {
    fn state(&self) -> MutexGuard<'_, State> {
        let state = self.0.state.lock();
        state.unwrap_or_else(PoisonError::into_inner)
    }

    /// Notes a viewer; whether the sampler must be started.
    fn view(&self) -> bool {
        let mut state = self.state();
        state.viewed = Instant::now();
        !std::mem::replace(&mut state.running, true)
    }

    /// Whether the sampler goes on; from a `false` on the next viewer starts it again.
    fn continues(&self) -> bool {
        let mut state = self.state();
        state.running = state.viewed.elapsed() < UNWATCHED;
        state.running
    }
}

impl ClusterService {
    /// The samples of the last hour, or those after `since`. The first viewer starts the sampler and waits for
    /// its first sample.
    ///
    /// # Errors
    /// For callers who may not see the members' status.
    pub async fn samples(&self, caller: &Caller, since: Option<i64>) -> Result<SamplesResponse> {
        if caller.identity != Identity::Gateway {
            // The samples are read with the gateway's account: others must be allowed to see the same.
            self.etcd.status(caller).await?;
        }
        let sampler = &self.sampler;
        let mut attempts = sampler.0.attempts.subscribe();
        if sampler.view() {
            self.tasks.spawn(self.clone().sample_until_unwatched());
        }
        let first = attempts.wait_for(|attempts| *attempts > 0);
        let _ = tokio::time::timeout(FIRST, first).await;
        let mut state = sampler.state();
        Ok(state.series.response(&self.name, now(), since))
    }

    async fn sample_until_unwatched(self) {
        let stop = self.tasks.stop().clone();
        let mut ticks = interval(INTERVAL);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let tick = stop.run_until_cancelled(ticks.tick()).await;
            if tick.is_none() || !self.sampler.continues() {
                return;
            }
            let count_leases = self.sampler.state().series.wants_leases();
            let taking = self.take_sample(INTERVAL, count_leases);
            let Some(taken) = stop.run_until_cancelled(taking).await else {
                return;
            };
            self.sampler.state().series.add(now(), taken);
            self.sampler
                .0
                .attempts
                .send_modify(|attempts| *attempts += 1);
        }
    }
}

/// Milliseconds since 1970.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH);
    since.map_or(0, |since| since.as_millis() as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_sampler_runs_until_nobody_has_looked_for_an_hour() {
        let sampler = Sampler::default();
        assert!(sampler.view(), "the first viewer starts it");
        assert!(!sampler.view() && sampler.continues());
        let Some(long_ago) = Instant::now().checked_sub(UNWATCHED) else {
            return;
        };
        sampler.state().viewed = long_ago;
        assert!(!sampler.continues(), "an hour without a viewer");
        assert!(sampler.view(), "the next viewer starts it again");
    }
}
