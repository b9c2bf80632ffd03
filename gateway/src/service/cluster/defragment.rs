//! Defragmentation, one member at a time, the leader last.

use shared::{Code, DefragmentLine, DefragmentResponse, Defragmented, MemberId};
use tokio::sync::mpsc;

use super::ClusterService;
use super::maintenance::no_member;
use super::members::listed_member;
use super::reach::{Found, Reached};
use crate::etcd::StatusFact;
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// The lines of a defragmentation with progress.
#[derive(Debug)]
pub struct Progress(mpsc::Receiver<Result<DefragmentLine>>);

impl Progress {
    /// The next line; the last one is an `end`, or the failure if no member was defragmented.
    pub async fn next(&mut self) -> Option<Result<DefragmentLine>> {
        self.0.recv().await
    }
}

/// The members to defragment.
struct Plan {
    /// Voters first.
    waiting: Vec<Found>,
    /// Learners that were not named.
    skipped: Vec<Found>,
}

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
        let plan = self.defragment_plan(caller, only).await?;
        self.execute(caller, plan, None).await
    }

    /// As [`Self::defragment`], with a line for each member that is started or finished. Once
    /// nobody reads them, no further member is started.
    pub async fn defragment_with_progress(
        &self,
        caller: &Caller,
        only: Option<Vec<MemberId>>,
    ) -> Result<Progress> {
        let plan = self.defragment_plan(caller, only).await?;
        // All lines fit, so that a slow reader delays nothing.
        let lines = 2 + 2 * plan.waiting.len();
        let (sender, receiver) = mpsc::channel(lines);
        let leader = plan.leader();
        let mut listed: Vec<_> = plan.waiting.iter().map(|found| &found.fact).collect();
        listed.sort_by_key(|fact| (fact.learner, fact.id.0 == leader));
        let listed = listed.into_iter().cloned().map(listed_member).collect();
        let _ = sender.try_send(Ok(DefragmentLine::Members(listed)));
        let (service, caller) = (self.clone(), caller.clone());
        let stop = self.tasks.stop().clone();
        self.tasks.spawn(async move {
            let executed = Box::pin(service.execute(&caller, plan, Some(&sender)));
            let Some(executed) = stop.run_until_cancelled(executed).await else {
                let detail = "this gateway is shutting down";
                let _ = sender.try_send(Err(Failure::new(Code::Unavailable, detail)));
                return;
            };
            let _ = sender.try_send(executed.map(DefragmentLine::End));
        });
        Ok(Progress(receiver))
    }

    async fn defragment_plan(&self, caller: &Caller, only: Option<Vec<MemberId>>) -> Result<Plan> {
        if only.as_ref().is_some_and(Vec::is_empty) {
            return Err(Failure::bad_request("`members` is empty"));
        }
        let all_members = self.all_members(caller).await?;
        let (waiting, skipped) = select(all_members, only.as_deref())?;
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
        Ok(Plan { waiting, skipped })
    }

    async fn execute(
        &self,
        caller: &Caller,
        plan: Plan,
        progress: Option<&mpsc::Sender<Result<DefragmentLine>>>,
    ) -> Result<DefragmentResponse> {
        let report = |line| {
            if let Some(progress) = progress {
                let _ = progress.try_send(Ok(line));
            }
        };
        let is_unread = || progress.is_some_and(mpsc::Sender::is_closed);
        let Plan {
            mut waiting,
            skipped,
        } = plan;
        let mut members: Vec<Defragmented> = Vec::new();
        let mut header = None;
        let mut failed = None;
        while failed.is_none() && !waiting.is_empty() && !is_unread() {
            let member = waiting.remove(self.next_member(caller, &waiting).await);
            report(DefragmentLine::Started(member.fact.id));
            let done = match self.defragment_one(caller, member.require()?).await {
                Ok(after) => {
                    header = Some(after.header);
                    defragmented(&member, Ok(after))
                }
                Err(failure) => {
                    let done = defragmented(&member, Err(failure.detail.clone()));
                    failed = Some((member.fact.id, failure));
                    done
                }
            };
            report(DefragmentLine::Finished(done.clone()));
            members.push(done);
        }
        let Some(header) = header else {
            // Nothing was changed, so the response is the failure itself.
            let reason = failed.map(|(_, failure)| failure);
            return Err(reason
                .unwrap_or_else(|| Failure::new(Code::Unavailable, "no member was defragmented")));
        };
        let reason = match failed {
            Some((id, _)) => format!("not started, because member {id} failed"),
            None => "not started, because the client disconnected".to_owned(),
        };
        let not_begun = waiting
            .iter()
            .map(|member| defragmented(member, Err(reason.clone())));
        members.extend(not_begun);
        let complete = members.iter().all(|member| member.error.is_none());
        let reason = || Err("skipped: etcd does not defragment learners".to_owned());
        members.extend(skipped.iter().map(|member| defragmented(member, reason())));
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

impl Plan {
    /// The leader's id, as the members reported it.
    fn leader(&self) -> u64 {
        let statuses = self.waiting.iter().filter_map(Found::status);
        statuses
            .map(|status| status.leader)
            .find(|id| *id != 0)
            .unwrap_or(0)
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
