//! Defragmentation: one member after the other, whoever leads last.

use shared::{Code, DefragmentAnswer, Defragmented, MemberId};

use super::ClusterService;
use super::maintenance::no_member;
use super::reach::{Found, Reached};
use crate::caller::Caller;
use crate::etcd::StatusFact;
use crate::failure::{Failure, Result};

impl ClusterService {
    /// Defragments one member after the other, the leader last, and stops at the first failure. A
    /// member stands still meanwhile, so that another one away could cost the majority: without a
    /// list of members each that votes must be reachable. Learners are left out of it then, and said
    /// to be: etcd defragments none, and none costs a majority.
    pub async fn defragment(
        &self,
        caller: &Caller,
        only: Option<Vec<MemberId>>,
    ) -> Result<DefragmentAnswer> {
        let everyone = self.everyone(caller).await?;
        let (mut waiting, left_out) = chosen(everyone, only.as_deref())?;
        for one in &waiting {
            one.require().map_err(|failure| {
                let hint = "defragmenting the others now could cost the majority; name the members \
                            to take all the same: {\"members\":[…]}";
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
            let one = waiting.remove(self.turn(caller, &waiting).await);
            match self.defragment_one(caller, one.require()?).await {
                Ok(after) => {
                    header = Some(after.header);
                    members.push(defragmented(&one, Ok(after)));
                }
                Err(failure) => {
                    members.push(defragmented(&one, Err(failure.detail.clone())));
                    failed = Some((one.fact.id, failure));
                }
            }
        }
        let Some(header) = header else {
            // Nothing has happened: the reason is the whole answer.
            let reason = failed.map(|(_, failure)| failure);
            return Err(reason.unwrap_or_else(|| Failure::bad_request("`members` is empty")));
        };
        if let Some((id, _)) = failed {
            let not_begun = || Err(format!("not begun, since member {id} failed"));
            members.extend(waiting.iter().map(|one| defragmented(one, not_begun())));
        }
        let complete = members.iter().all(|member| member.error.is_none());
        let reason = || Err("a learner, left out: etcd defragments none".to_owned());
        members.extend(left_out.iter().map(|one| defragmented(one, reason())));
        Ok(DefragmentAnswer {
            header,
            complete,
            members,
        })
    }

    /// Whose turn it is: the leader's when no other voter is left. It is asked for anew each time,
    /// since the leadership can move while a member stands still.
    async fn turn(&self, caller: &Caller, waiting: &[Found]) -> usize {
        let voters = waiting.iter().take_while(|one| !one.fact.learner);
        if voters.clone().count() > 1 {
            for (at, one) in voters.enumerate() {
                if !self.leads(caller, one).await {
                    return at;
                }
            }
        }
        0
    }

    /// Whether a member says now that it leads. Who does not answer has its turn, which says why.
    async fn leads(&self, caller: &Caller, one: &Found) -> bool {
        let Ok(reached) = &one.reached else {
            return false;
        };
        let now = self.ask(caller, &reached.url).await;
        now.is_ok_and(|status| status.leader == one.fact.id.0)
    }

    /// Defragments a member, and sees it do its work again before the next one's turn.
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

/// Whom to take, voters first, and the learners that nobody asked for.
fn chosen(everyone: Vec<Found>, only: Option<&[MemberId]>) -> Result<(Vec<Found>, Vec<Found>)> {
    let Some(only) = only else {
        return Ok(everyone.into_iter().partition(|one| !one.fact.learner));
    };
    let known = |id: &&MemberId| everyone.iter().any(|one| one.fact.id == **id);
    if let Some(unknown) = only.iter().find(|id| !known(id)) {
        return Err(no_member(*unknown));
    }
    let mut named = everyone;
    named.retain(|one| only.contains(&one.fact.id));
    // etcd refuses it for a learner, which behind the voters keeps none of them from its turn.
    named.sort_by_key(|one| one.fact.learner);
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
