//! Taking one sample: the status and metrics of every member.

use std::time::Duration;

use futures_util::future::join_all;
use shared::{MemberId, MemberSample, SampledMember, SamplingProblem, SamplingProblemCode};
use tokio::time::timeout;

use super::metrics::{self, MemberMetrics};
use crate::etcd::StatusFact;
use crate::failure::{Failure, Result};
use crate::identity::Caller;
use crate::service::cluster::ClusterService;
use crate::service::cluster::reach::{Found, Reached};
use crate::service::cluster::survey::is_refusal;

/// What was read at one time.
#[derive(Clone, Debug, Default)]
pub(super) struct Taken {
    pub(super) listed: Vec<SampledMember>,
    pub(super) revision: Option<i64>,
    pub(super) keys: Option<u64>,
    pub(super) leases: Option<u64>,
    pub(super) watches: Option<u64>,
    pub(super) leader: Option<MemberId>,
    pub(super) members: Vec<MemberSample>,
}

impl ClusterService {
    /// One sample, or why there is none. It takes less than `limit`.
    pub(super) async fn take_sample(
        &self,
        limit: Duration,
        count_leases: bool,
    ) -> std::result::Result<Taken, SamplingProblem> {
        // A little less, so that an unresponsive cluster does not delay the next sample.
        let limit = limit * 4 / 5;
        let caller = Caller::gateway(limit);
        let reading = timeout(limit, self.read_members(&caller, count_leases)).await;
        let (found, metrics, leases) = match reading {
            Ok(Ok(read)) => read,
            Ok(Err(failure)) => return Err(problem(&failure)),
            Err(_) => return Err(unreachable("no response in time".to_owned())),
        };
        if let Some(first) = found.first()
            && found.iter().all(|found| found.status().is_none())
        {
            let failure = first.require().err();
            return Err(failure
                .as_ref()
                .map_or_else(|| unreachable("no member responds".to_owned()), problem));
        }
        Ok(combine(&found, &metrics, leases))
    }

    async fn read_members(
        &self,
        caller: &Caller,
        count_leases: bool,
    ) -> Result<(Vec<Found>, Vec<MemberMetrics>, Option<u64>)> {
        let found = self.all_members(caller).await?;
        let metrics = join_all(found.iter().map(|found| self.read_metrics(found)));
        let leases = async {
            if !count_leases {
                return None;
            }
            let listed = self.etcd.leases(caller).await.ok()?;
            Some(listed.1.len() as u64)
        };
        let (metrics, leases) = tokio::join!(metrics, leases);
        Ok((found, metrics, leases))
    }

    /// The metrics of a member at the address where it was identified by its status; empty if they cannot be
    /// read, as where etcd serves them at another port.
    async fn read_metrics(&self, found: &Found) -> MemberMetrics {
        let Ok(Reached { url, .. }) = &found.reached else {
            return MemberMetrics::default();
        };
        let Ok(member) = self.connect(url) else {
            return MemberMetrics::default();
        };
        match member.metrics().await {
            Ok(text) => metrics::parse(&text),
            Err(failure) => {
                tracing::debug!(member = %found.fact.id, "{failure}");
                MemberMetrics::default()
            }
        }
    }
}

fn combine(found: &[Found], metrics: &[MemberMetrics], leases: Option<u64>) -> Taken {
    let statuses = || found.iter().filter_map(Found::status);
    let committed = statuses().map(|status| status.raft_index).max();
    let leader = statuses().map(|status| status.leader).find(|id| *id != 0);
    let members = found.iter().zip(metrics).filter_map(|(found, metrics)| {
        let status = found.status()?;
        Some(member(found.fact.id, status, *metrics, committed?))
    });
    let watches = metrics.iter().filter_map(|metrics| metrics.watches);
    Taken {
        listed: found
            .iter()
            .map(|found| SampledMember {
                id: found.fact.id,
                name: found.fact.name.clone(),
                learner: found.fact.learner,
            })
            .collect(),
        revision: statuses().map(|status| status.header.revision).max(),
        // The member with the newest data has the most recent count.
        keys: found
            .iter()
            .zip(metrics)
            .filter_map(|(found, metrics)| Some((found.status()?.raft_applied, metrics.keys?)))
            .max_by_key(|(applied, _)| *applied)
            .map(|(_, keys)| keys),
        leases,
        watches: watches.reduce(u64::saturating_add),
        leader: leader.map(MemberId),
        members: members.collect(),
    }
}

fn member(
    id: MemberId,
    status: &StatusFact,
    metrics: MemberMetrics,
    committed: u64,
) -> MemberSample {
    let in_metrics = || i64::try_from(metrics.quota?).ok();
    let reported = Some(status.db_quota);
    let is_positive = |quota: &i64| *quota > 0;
    MemberSample {
        id,
        db_size: status.db_size,
        db_size_in_use: status.db_size_in_use,
        db_quota: reported
            .filter(is_positive)
            .or_else(|| in_metrics().filter(is_positive)),
        raft_index: status.raft_index,
        raft_lag: committed.saturating_sub(status.raft_applied),
        watches: metrics.watches,
    }
}

fn problem(failure: &Failure) -> SamplingProblem {
    if !is_refusal(failure) {
        return unreachable(failure.detail.clone());
    }
    SamplingProblem {
        code: SamplingProblemCode::NoAccount,
        detail: format!(
            "etcd refuses the gateway's own requests: {}",
            failure.detail
        ),
        fix: Some(
            "start the gateway with --user NAME, an etcd user with the role root, and its password"
                .to_owned(),
        ),
    }
}

fn unreachable(detail: String) -> SamplingProblem {
    SamplingProblem {
        code: SamplingProblemCode::Unreachable,
        detail,
        fix: Some("GET /doctor checks each step of the way to the cluster".to_owned()),
    }
}
