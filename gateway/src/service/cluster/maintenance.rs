//! Alarms, compaction, leadership transfer, downgrades.

use shared::{
    AlarmKind, AlarmRequest, AlarmsResponse, Code, CompactPreview, CompactRequest, CompactResponse,
    DisarmResponse, DowngradeAction, DowngradeRequest, DowngradeResponse, MemberId,
    MoveLeaderResponse,
};

use super::reach::{Found, Reached};
use super::{ClusterService, alarm};
use crate::etcd::{AlarmFact, Get, Range};
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// A key that is read to learn about revisions; it need not exist. Root, who alone may compact, may read it.
const ANY_KEY: [u8; 1] = [0];
/// Attempts to find the leader when the leadership moves in between.
const LEADER_ROUNDS: usize = 3;

impl ClusterService {
    /// The alarms raised.
    pub async fn alarms(&self, caller: &Caller) -> Result<AlarmsResponse> {
        let (header, alarms) = self.etcd.alarms(caller).await?;
        let alarms = alarms.into_iter().map(alarm).collect();
        Ok(AlarmsResponse { header, alarms })
    }

    /// Raises an alarm manually, as etcd itself does when a quota is exceeded.
    pub async fn raise_alarm(
        &self,
        caller: &Caller,
        request: AlarmRequest,
    ) -> Result<AlarmsResponse> {
        let (_, members) = self.etcd.members(caller).await?;
        if !members.iter().any(|member| member.id == request.member_id) {
            return Err(no_member(request.member_id));
        }
        let fact = AlarmFact {
            member_id: request.member_id,
            alarm: AlarmFact::number(request.alarm),
        };
        self.etcd.set_alarm(caller, fact, true).await?;
        self.alarms(caller).await
    }

    /// Disarms the alarms of one member or of all, of one kind or of all kinds.
    pub async fn disarm(
        &self,
        caller: &Caller,
        member: Option<MemberId>,
        kind: Option<AlarmKind>,
    ) -> Result<DisarmResponse> {
        let kind = kind.map(AlarmFact::number);
        let (mut header, raised) = self.etcd.alarms(caller).await?;
        let wanted = raised.into_iter().filter(|raised| {
            member.is_none_or(|id| raised.member_id == id)
                && kind.is_none_or(|kind| raised.alarm == kind)
        });
        let mut disarmed = Vec::new();
        for fact in wanted {
            if let Some(here) = self.etcd.set_alarm(caller, fact, false).await? {
                header = here;
                disarmed.push(alarm(fact));
            }
        }
        Ok(DisarmResponse { header, disarmed })
    }

    /// Discards the history before a revision.
    pub async fn compact(
        &self,
        caller: &Caller,
        request: CompactRequest,
    ) -> Result<CompactResponse> {
        let CompactRequest { revision, physical } = request;
        require_revision(revision)?;
        let header = self.etcd.compact(caller, revision, physical).await?;
        Ok(CompactResponse {
            header,
            compacted_revision: revision,
        })
    }

    /// What [`Self::compact`] would remove; fails as it would.
    pub async fn compact_preview(
        &self,
        caller: &Caller,
        request: CompactRequest,
    ) -> Result<CompactPreview> {
        let revision = request.revision;
        require_revision(revision)?;
        let read = Get::count_only().at(revision);
        let header = match self
            .etcd
            .range(caller, &Range::single(ANY_KEY), &read)
            .await
        {
            Ok(response) => response.header,
            Err(failure) => return Err(failure),
        };
        let compacted = self.etcd.compacted_revision(caller, &ANY_KEY).await?;
        if compacted.is_some_and(|compacted| revision <= compacted) {
            let detail = format!("revision {revision} was compacted already");
            return Err(Failure::new(Code::Compacted, detail));
        }
        let oldest_revision = compacted.unwrap_or(1);
        Ok(CompactPreview {
            header,
            oldest_revision,
            oldest_kept: revision,
            removed: revision - oldest_revision,
        })
    }

    /// Transfers the leadership to a member. The request is sent to the leader itself.
    pub async fn move_leader(&self, caller: &Caller, to: MemberId) -> Result<MoveLeaderResponse> {
        let mut rounds = 0;
        loop {
            rounds += 1;
            let found = self.all_members(caller).await?;
            if !found.iter().any(|found| found.fact.id == to) {
                return Err(no_member(to));
            }
            let leader = leader(&found)?;
            let etcd = self.connect(&leader.url)?;
            match etcd.move_leader(caller, to).await {
                Ok(()) => {
                    let header = self.dated(caller, leader.status.header).await;
                    return Ok(MoveLeaderResponse { header, leader: to });
                }
                Err(failure) if not_leader(&failure) && rounds < LEADER_ROUNDS => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Validates, starts or cancels a downgrade.
    pub async fn downgrade(
        &self,
        caller: &Caller,
        request: DowngradeRequest,
    ) -> Result<DowngradeResponse> {
        let DowngradeRequest { action, version } = request;
        let wants = action != DowngradeAction::Cancel;
        if version.is_some() != wants {
            let detail = if wants {
                "`version` is required"
            } else {
                "`version` is not allowed with `cancel`"
            };
            return Err(Failure::bad_request(detail));
        }
        let version = version.unwrap_or_default();
        let (header, version) = self.etcd.downgrade(caller, action, version).await?;
        Ok(DowngradeResponse { header, version })
    }
}

fn require_revision(revision: i64) -> Result<()> {
    if revision < 1 {
        return Err(Failure::bad_request(format!(
            "`revision` must be at least 1; it is {revision}"
        )));
    }
    Ok(())
}

pub(super) fn no_member(id: MemberId) -> Failure {
    Failure::new(Code::Unprocessable, format!("no such member: {id}"))
        .hint("GET /cluster/members lists them")
}

/// etcd's error when another member has become the leader.
fn not_leader(failure: &Failure) -> bool {
    failure.code == Code::Conflict && failure.detail == "not leader"
}

fn leader(found: &[Found]) -> Result<&Reached> {
    let statuses = found.iter().filter_map(Found::status);
    let id = statuses.map(|status| status.leader).find(|id| *id != 0);
    let Some(id) = id else {
        // None responded, or none knows a leader: any of their reasons explains it.
        for one in found {
            one.require()?;
        }
        return Err(Failure::new(Code::NoLeader, "the cluster has no leader"));
    };
    let leader = found.iter().find(|found| found.fact.id.0 == id);
    let leader = leader.ok_or_else(|| {
        Failure::new(Code::NoLeader, "the leader is not among the members listed")
    })?;
    leader.require()
}
