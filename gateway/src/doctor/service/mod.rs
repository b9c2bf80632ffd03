//! The doctor of a running gateway: one run per cluster at a time, shared for a while, and who sees what.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use shared::{Code, DoctorResponse, Finding, Outcome};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use tokio::time::{Instant, timeout};

use super::examine;
use super::report::{Collected, Report};
use crate::config::ClusterConfig;
use crate::etcd::Etcd;
use crate::failure::{Failure, Result};
use crate::identity::{Caller, Identity};
use crate::tasks::Tasks;

/// How long a run's findings are served.
const SHARED_FOR: Duration = Duration::from_secs(15);
/// How long a run may take. An endpoint that drops packets takes the dial timeout.
const TIME_LIMIT: Duration = Duration::from_secs(20);
/// How long etcd may take to say whether a caller is root.
const ROLE_CHECK: Duration = Duration::from_secs(5);
/// The steps in the order of the way to a cluster.
const STEPS: [&str; 10] = [
    "url",
    "dns",
    "tcp",
    "tls",
    "http2",
    "client",
    "auth",
    "permission",
    "version",
    "advertised",
];
/// The last step of an endpoint's checks: the server speaks etcd's protocol.
const RESPONDS: &str = "http2";

/// The caller, as far as it is known: a cluster that cannot be reached checks no password.
#[derive(Clone, Debug)]
pub enum Viewer {
    /// Identified.
    Known(Caller),
    /// Without credentials, or with credentials that cannot be checked now.
    Unknown,
}

impl Viewer {
    /// A caller that could not be identified: it may still see whether the cluster is reachable if it has
    /// no credentials, or if the cluster does not respond.
    ///
    /// # Errors
    /// The failure itself, for refused credentials and malformed requests.
    pub fn unidentified(failure: Failure, has_credentials: bool) -> Result<Self> {
        match failure.code {
            Code::Unauthenticated if !has_credentials => Ok(Self::Unknown),
            Code::Unavailable | Code::Timeout | Code::NoLeader => Ok(Self::Unknown),
            _ => Err(failure),
        }
    }
}

/// The findings of a run.
#[derive(Debug)]
struct Examination {
    findings: Vec<Finding>,
    finished: Instant,
    finished_at: SystemTime,
}

type Run = Shared<BoxFuture<'static, Arc<Examination>>>;

#[derive(Debug, Default)]
struct State {
    latest: Option<Arc<Examination>>,
    /// The present run; every caller that arrives meanwhile waits for it.
    running: Option<Run>,
}

/// The doctor of one cluster. It dials what the configuration names and the addresses that the cluster's
/// members advertise, never what a request names.
#[derive(Debug)]
pub struct DoctorService {
    config: ClusterConfig,
    etcd: Etcd,
    tasks: Tasks,
    state: Arc<Mutex<State>>,
}

impl DoctorService {
    /// For one cluster; a run is one of `tasks`. `etcd` serves to find out who a caller is.
    pub fn new(config: ClusterConfig, etcd: Etcd, tasks: Tasks) -> Self {
        Self {
            config,
            etcd,
            tasks,
            state: Arc::default(),
        }
    }

    /// The findings of a run that ended at most 15 s ago, or of a new run, at most 20 s later. Callers
    /// without the rights of the gateway's account or of root see whether the cluster is reachable, and
    /// the step that failed.
    pub async fn examine(&self, viewer: &Viewer) -> DoctorResponse {
        let examination = self.examination().await;
        let all = self.may_see_all(viewer).await;
        respond(&self.config.name, &examination, all)
    }

    async fn examination(&self) -> Arc<Examination> {
        let run = {
            let mut state = lock(&self.state);
            if let Some(latest) = &state.latest
                && latest.finished.elapsed() < SHARED_FOR
            {
                return Arc::clone(latest);
            }
            if let Some(run) = &state.running {
                run.clone()
            } else {
                let run = self.start();
                state.running = Some(run.clone());
                run
            }
        };
        run.await
    }

    /// Starts a run as a task: it ends even if every caller has gone, so that no second one overlaps it.
    fn start(&self) -> Run {
        let (config, state) = (self.config.clone(), Arc::clone(&self.state));
        let stop = self.tasks.stop().clone();
        let run = self.tasks.spawn(async move {
            let examination = stop.run_until_cancelled(Box::pin(run(&config))).await;
            let examination = Arc::new(examination.unwrap_or_else(Examination::stopped));
            let mut state = lock(&state);
            state.latest = Some(Arc::clone(&examination));
            state.running = None;
            examination
        });
        let state = Arc::clone(&self.state);
        let ended = async move {
            run.await.unwrap_or_else(|_| {
                lock(&state).running = None;
                Arc::new(Examination::stopped())
            })
        };
        ended.boxed().shared()
    }

    async fn may_see_all(&self, viewer: &Viewer) -> bool {
        let Viewer::Known(caller) = viewer else {
            return false;
        };
        match &caller.identity {
            Identity::Gateway => true,
            Identity::User(_) if self.acts_as_gateway(caller) => true,
            // While auth is on, which it is for a user with a checked password, etcd keeps the role root
            // for the user root.
            Identity::User(account) if account.name() == Some("root") => true,
            // etcd lists the users to root only. The time limit does not include the run.
            _ => {
                let caller = caller.with_timeout(ROLE_CHECK);
                self.etcd.users(&caller).await.is_ok()
            }
        }
    }

    /// Whether the caller is signed in as the gateway's own user.
    fn acts_as_gateway(&self, caller: &Caller) -> bool {
        let own = self.config.settings.account.as_ref();
        own.is_some_and(|own| self.etcd.user_name(caller).as_ref() == Some(&own.name))
    }
}

fn lock(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn run(config: &ClusterConfig) -> Examination {
    let collected = Collected::default();
    let mut sink = collected.clone();
    let mut report = Report::new(&mut sink);
    let ended = timeout(TIME_LIMIT, examine(&mut report, config)).await;
    let mut findings = collected.take();
    if ended.is_err() {
        findings.push(out_of_time());
    }
    Examination::of(findings)
}

fn out_of_time() -> Finding {
    Finding {
        endpoint: None,
        step: "time".to_owned(),
        outcome: Outcome::Warning,
        detail: format!(
            "the checks did not end within {} s; those that follow were not made",
            TIME_LIMIT.as_secs()
        ),
        fix: Some("`watchgate doctor` has no time limit".to_owned()),
    }
}

impl Examination {
    fn of(findings: Vec<Finding>) -> Self {
        Self {
            findings,
            finished: Instant::now(),
            finished_at: SystemTime::now(),
        }
    }

    /// The gateway is shutting down.
    fn stopped() -> Self {
        Self::of(Vec::new())
    }
}

fn respond(cluster: &str, examination: &Examination, all: bool) -> DoctorResponse {
    let findings = &examination.findings;
    let failed = findings
        .iter()
        .filter(|finding| finding.outcome == Outcome::Failed);
    let position = |step: &str| STEPS.iter().position(|known| *known == step);
    let furthest = failed.max_by_key(|finding| position(&finding.step));
    DoctorResponse {
        cluster: cluster.to_owned(),
        finished_at: OffsetDateTime::from(examination.finished_at)
            .format(&Rfc3339)
            .unwrap_or_default(),
        reachable: findings
            .iter()
            .any(|finding| finding.step == RESPONDS && finding.outcome == Outcome::Ok),
        failed_step: furthest.map(|finding| finding.step.clone()),
        findings: all.then(|| findings.clone()),
    }
}

#[cfg(test)]
mod tests;
