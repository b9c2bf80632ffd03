//! Defragmentation, one member at a time, the leader last.

use shared::{Code, DefragmentResponse, Defragmented, MemberId};

use super::ClusterService;
use super::maintenance::no_member;
use super::reach::{Found, Reached};
use crate::etcd::StatusFact;
use crate::failure::{Failure, Result};
use crate::identity::Caller;

impl ClusterService {
    /// Defragments the members one at a time, the leader last, and stops at the first failure. A
    /// member serves nothing meanwhile, so one more unreachable member could cost the majority:
    /// without `only`, every voting member must be reachable. Learners are then skipped and reported
    /// as skipped: etcd does not defragment them, and they do not count for the majority.
    pub async fn defragment(
        &self,
        caller: &Caller,
        only: Option<Vec<MemberId>>,
    ) -> Result<DefragmentResponse> {
        let all_members = self.all_members(caller).await?;
        let (mut waiting, learners) = select(all_members, only.as_deref())?;
        for member in &waiting {
            member.require().map_err(|failure| {
                let hint = "defragmenting the others now could cost the majority; to do it anyway, name \
                            the members: {\"members\":[…]}";
                if only.is_none() && failure.code != Code::Forbidden {
                    failure.hint(hint)
                } else {
                    failure
                }
            })?;
        }
        let mut members: Vec<Defragmented> = Vec::new();
        let mut header = None;
        let mut failed = None;
        while failed.is_none() && !waiting.is_empty() {
            let member = waiting.remove(self.next_member(caller, &waiting).await);
            match self.defragment_one(caller, member.require()?).await {
                Ok(after) => {
                    header = Some(after.header);
                    members.push(defragmented(&member, Ok(after)));
                }
                Err(failure) => {
                    members.push(defragmented(&member, Err(failure.detail.clone())));
                    failed = Some((member.fact.id, failure));
                }
            }
        }
        let Some(header) = header else {
            // Nothing was changed, so the response is the failure itself.
            let reason = failed.map(|(_, failure)| failure);
            return Err(reason.unwrap_or_else(|| Failure::bad_request("`members` is empty")));
        };
        if let Some((id, _)) = failed {
            let not_begun = || Err(format!("not started, because member {id} failed"));
            members.extend(
                waiting
                    .iter()
                    .map(|member| defragmented(member, not_begun())),
            );
        }
        let complete = members.iter().all(|member| member.error.is_none());
        let reason = || Err("skipped: etcd does not defragment learners".to_owned());
        members.extend(learners.iter().map(|member| defragmented(member, reason())));
        Ok(DefragmentResponse {
            header,
            complete,
            members,
        })
    }

    /// The index of the member to take next: the leader only when no other voter is left. Each call
    /// requests the status again, since the leadership can move while a member is being defragmented.
    async fn next_member(&self, caller: &Caller, waiting: &[Found]) -> usize {
        let voters = waiting.iter().take_while(|member| !member.fact.learner);
        if voters.clone().count() > 1 {
            for (at, member) in voters.enumerate() {
                if !self.leads(caller, member).await {
                    return at;
                }
            }
        }
        0
    }

    /// Whether a member reports that it is the leader now. A member that does not respond is taken next,
    /// so that its failure is reported.
    async fn leads(&self, caller: &Caller, member: &Found) -> bool {
        let Ok(reached) = &member.reached else {
            return false;
        };
        let now = self.request_status(caller, &reached.url).await;
        now.is_ok_and(|status| status.leader == member.fact.id.0)
    }

    /// Defragments a member, and checks that it serves again before the next one is taken.
    async fn defragment_one(&self, caller: &Caller, reached: &Reached) -> Result<StatusFact> {
        let member = self.connect(&reached.url)?;
        member.defragment(caller).await?;
        let after = member.status(caller).await?;
        if after.leader == 0 {
            let detail = "the member knows no leader after its defragmentation";
            return Err(Failure::new(Code::NoLeader, detail));
        }
        Ok(after)
    }
}

/// The members to defragment, voters first, and the learners that were not named.
fn select(all_members: Vec<Found>, only: Option<&[MemberId]>) -> Result<(Vec<Found>, Vec<Found>)> {
    let Some(only) = only else {
        return Ok(all_members
            .into_iter()
            .partition(|member| !member.fact.learner));
    };
    let known = |id: &&MemberId| all_members.iter().any(|member| member.fact.id == **id);
    if let Some(unknown) = only.iter().find(|id| !known(id)) {
        return Err(no_member(*unknown));
    }
    let mut named = all_members;
    named.retain(|member| only.contains(&member.fact.id));
    // etcd refuses to defragment a learner; at the end that refusal does not stop a voter.
    named.sort_by_key(|member| member.fact.learner);
    Ok((named, Vec::new()))
}

fn defragmented(found: &Found, after: std::result::Result<StatusFact, String>) -> Defragmented {
    let reached = found.reached.as_ref().ok();
    let (db_size, error) = match after {
        Ok(after) => (Some(after.db_size), None),
        Err(error) => (None, Some(error)),
    };
    Defragmented {
        id: found.fact.id,
        name: found.fact.name.clone(),
        reached_by: reached.map(|reached| reached.url.clone()),
        db_size_before: reached.map(|reached| reached.status.db_size),
        db_size,
        error,
    }
}
