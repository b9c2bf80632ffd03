//! Alarms, compaction, defragmentation, the leader's move, hashes compared.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use shared::{
    AlarmKind, AlarmRequest, AlarmsAnswer, Code, CompactAnswer, CompactRequest, DefragmentAnswer,
    Defragmented, DisarmAnswer, DowngradeAction, DowngradeAnswer, DowngradeRequest, HashAnswer,
    HashVerdict, MemberHash, MemberId, MoveLeaderAnswer, Warning,
};

use super::reach::{Found, Reached};
use super::{ClusterService, alarm};
use crate::caller::Caller;
use crate::etcd::{AlarmFact, HashFact, StatusFact};
use crate::failure::{Failure, Result};

/// How often a leader that has just changed is looked for anew.
const LEADER_ROUNDS: usize = 3;

impl ClusterService {
    /// The alarms raised.
    pub async fn alarms(&self, caller: &Caller) -> Result<AlarmsAnswer> {
        let (header, alarms) = self.etcd.alarms(caller).await?;
        let alarms = alarms.into_iter().map(alarm).collect();
        Ok(AlarmsAnswer { header, alarms })
    }

    /// Raises an alarm by hand, as etcd itself does when a quota is exceeded.
    pub async fn raise_alarm(
        &self,
        caller: &Caller,
        request: AlarmRequest,
    ) -> Result<AlarmsAnswer> {
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

    /// Ends the alarms of one member or of all, of one kind or of both.
    pub async fn disarm(
        &self,
        caller: &Caller,
        member: Option<MemberId>,
        kind: Option<AlarmKind>,
    ) -> Result<DisarmAnswer> {
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
        Ok(DisarmAnswer { header, disarmed })
    }

    /// Forgets history before a revision.
    pub async fn compact(&self, caller: &Caller, request: CompactRequest) -> Result<CompactAnswer> {
        let CompactRequest { revision, physical } = request;
        if revision < 1 {
            return Err(Failure::bad_request(format!(
                "`revision` is {revision} and must be at least 1"
            )));
        }
        let header = self.etcd.compact(caller, revision, physical).await?;
        Ok(CompactAnswer {
            header,
            compacted_revision: revision,
        })
    }

    /// Defragments one member after the other, the leader last, and stops at the first failure. A
    /// member stands still meanwhile, so that another one away could cost the majority: without a
    /// list of members each must be reachable.
    pub async fn defragment(
        &self,
        caller: &Caller,
        only: Option<Vec<MemberId>>,
    ) -> Result<DefragmentAnswer> {
        let mut found = self.everyone(caller).await?;
        if let Some(only) = &only {
            let known = |id: &&MemberId| found.iter().any(|found| found.fact.id == **id);
            if let Some(unknown) = only.iter().find(|id| !known(id)) {
                return Err(no_member(*unknown));
            }
            found.retain(|found| only.contains(&found.fact.id));
        }
        for one in &found {
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
        let leads = |found: &Found| {
            let status = found.status();
            status.is_some_and(|status| status.leader == found.fact.id.0)
        };
        found.sort_by_key(|found| (leads(found), found.fact.id));
        let mut members: Vec<Defragmented> = Vec::new();
        let mut header = None;
        for one in &found {
            let failed = members.iter().find(|done| done.error.is_some());
            if let Some(failed) = failed {
                let error = format!("not begun, since member {} failed", failed.id);
                members.push(defragmented(one, Err(error)));
                continue;
            }
            match self.defragment_one(caller, one.require()?).await {
                Ok(after) => {
                    header = Some(after.header);
                    members.push(defragmented(one, Ok(after)));
                }
                // Nothing has happened yet: this failure is the whole answer.
                Err(failure) if members.is_empty() => return Err(failure),
                Err(failure) => members.push(defragmented(one, Err(failure.detail))),
            }
        }
        let header = header.ok_or_else(|| Failure::bad_request("`members` is empty"))?;
        Ok(DefragmentAnswer {
            header,
            complete: members.iter().all(|member| member.error.is_none()),
            members,
        })
    }

    /// Defragments a member, and sees it do its work again before the next one's turn.
    async fn defragment_one(&self, caller: &Caller, reached: &Reached) -> Result<StatusFact> {
        let member = self.connect(&reached.url).await?;
        member.defragment(caller).await?;
        let after = member.status(caller).await?;
        if after.leader == 0 {
            let detail = "the member knows no leader after its defragmentation";
            return Err(Failure::new(Code::NoLeader, detail));
        }
        Ok(after)
    }

    /// Hands the leadership to a member; asked of the leader itself, wherever it is.
    pub async fn move_leader(&self, caller: &Caller, to: MemberId) -> Result<MoveLeaderAnswer> {
        let mut rounds = 0;
        loop {
            rounds += 1;
            let found = self.everyone(caller).await?;
            if !found.iter().any(|found| found.fact.id == to) {
                return Err(no_member(to));
            }
            let leader = leader(&found)?;
            let etcd = self.connect(&leader.url).await?;
            match etcd.move_leader(caller, to).await {
                Ok(()) => {
                    let header = self.dated(caller, leader.status.header).await;
                    return Ok(MoveLeaderAnswer { header, leader: to });
                }
                Err(failure) if not_leader(&failure) && rounds < LEADER_ROUNDS => {}
                Err(failure) => return Err(failure),
            }
        }
    }

    /// Asks about a downgrade, begins or ends it.
    pub async fn downgrade(
        &self,
        caller: &Caller,
        request: DowngradeRequest,
    ) -> Result<DowngradeAnswer> {
        let DowngradeRequest { action, version } = request;
        let wants = action != DowngradeAction::Cancel;
        if version.is_some() != wants {
            let detail = if wants {
                "`version` is missing"
            } else {
                "`version` has no meaning with `cancel`"
            };
            return Err(Failure::bad_request(detail));
        }
        let version = version.unwrap_or_default();
        let (header, version) = self.etcd.downgrade(caller, action, version).await?;
        Ok(DowngradeAnswer { header, version })
    }

    /// The hash of every member's keys and history up to one revision, and what they say together.
    pub async fn hash(&self, caller: &Caller, revision: Option<i64>) -> Result<HashAnswer> {
        let found = self.everyone(caller).await?;
        let statuses: Vec<_> = found.iter().filter_map(Found::status).collect();
        // The oldest of the members' revisions, which everyone has.
        let oldest = statuses.iter().min_by_key(|it| it.header.revision);
        let Some(oldest) = oldest else {
            let first = found.first().map(Found::require);
            return Err(first.and_then(Result::err).unwrap_or_else(|| {
                Failure::new(Code::Unavailable, "the cluster lists no member")
            }));
        };
        let header = oldest.header;
        let revision = revision.unwrap_or(header.revision);
        let asked = join_all(found.iter().map(|one| async move {
            let reached = one.require()?;
            let member = self.connect(&reached.url).await?;
            member.hash_kv(caller, revision).await
        }));
        let hashes = asked.await;
        if hashes.iter().all(Result::is_err) {
            // One reason for all says more than a list of it.
            let first = hashes.into_iter().find_map(Result::err);
            return Err(first.expect("there is a member, and it failed"));
        }
        let (verdict, differ) = compare(&found, &hashes);
        let silent = found.iter().zip(&hashes).filter(|(_, hash)| {
            let hash = hash.as_ref();
            hash.is_ok_and(|hash| hash.hash_revision == 0)
        });
        let warnings = silent.map(|(found, _)| Warning {
            code: "hash_revision_unknown".to_owned(),
            detail: format!(
                "member {} does not say which revision it hashed up to: etcd does from 3.6 on",
                found.name()
            ),
        });
        let warnings = warnings.collect();
        let members = found.into_iter().zip(hashes).map(member_hash).collect();
        Ok(HashAnswer {
            header,
            revision,
            verdict,
            differ,
            members,
            warnings,
        })
    }
}

fn no_member(id: MemberId) -> Failure {
    Failure::new(Code::Unprocessable, format!("there is no member {id}"))
        .hint("GET /cluster/members lists them")
}

/// etcd's answer where another member leads by now.
fn not_leader(failure: &Failure) -> bool {
    failure.code == Code::Conflict && failure.detail == "not leader"
}

fn leader(found: &[Found]) -> Result<&Reached> {
    let statuses = found.iter().filter_map(Found::status);
    let id = statuses.map(|status| status.leader).find(|id| *id != 0);
    let Some(id) = id else {
        // Nobody answered, or nobody knows one: the reason of any of them tells.
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

fn member_hash((found, hash): (Found, Result<HashFact>)) -> MemberHash {
    let (hash, error) = match hash {
        Ok(hash) => (Some(hash), None),
        Err(failure) => (None, Some(failure.detail)),
    };
    MemberHash {
        id: found.fact.id,
        name: found.fact.name,
        reached_by: found.reached.ok().map(|reached| reached.url),
        hash: hash.map(|it| it.hash),
        compact_revision: hash.map(|it| it.compact_revision),
        hash_revision: hash.map(|it| it.hash_revision).filter(|it| *it > 0),
        error,
    }
}

/// Compares hashes of the same history: with another compaction behind it a member's hash says
/// nothing. Learners hold the same data as voters.
fn compare(found: &[Found], hashes: &[Result<HashFact>]) -> (HashVerdict, Vec<MemberId>) {
    let mut histories: BTreeMap<i64, BTreeMap<u32, Vec<MemberId>>> = BTreeMap::new();
    for (found, hash) in found.iter().zip(hashes) {
        if let Ok(hash) = hash {
            let history = histories.entry(hash.compact_revision).or_default();
            history.entry(hash.hash).or_default().push(found.fact.id);
        }
    }
    let mut differ = Vec::new();
    for hashes in histories.values().filter(|hashes| hashes.len() > 1) {
        let all = hashes.values().map(Vec::len).sum::<usize>();
        let sound = hashes.values().find(|members| members.len() * 2 > all);
        let odd = hashes.values().filter(|members| Some(*members) != sound);
        differ.extend(odd.flatten().copied());
    }
    differ.sort_unstable();
    let complete = hashes.iter().all(Result::is_ok) && histories.len() == 1;
    let verdict = match (differ.is_empty(), complete) {
        (false, _) => HashVerdict::Different,
        (true, true) => HashVerdict::Same,
        (true, false) => HashVerdict::Incomplete,
    };
    (verdict, differ)
}

#[cfg(test)]
mod tests {
    use super::super::reach::Unreached;
    use super::*;
    use crate::etcd::MemberFact;

    fn listed(id: u64) -> Found {
        Found {
            fact: MemberFact {
                id: MemberId(id),
                name: String::new(),
                learner: false,
                client_urls: Vec::new(),
                peer_urls: Vec::new(),
            },
            reached: Err(Unreached::Silent),
            misadvertised: Vec::new(),
        }
    }

    /// Hashes with what was compacted before them; none where the member is away.
    fn check(hashes: &[Option<(u32, i64)>], verdict: HashVerdict, differ: &[u64]) {
        let found: Vec<_> = (1..=hashes.len() as u64).map(listed).collect();
        let answers = hashes.iter().map(|hash| match hash {
            Some((hash, compact_revision)) => Ok(HashFact {
                hash: *hash,
                compact_revision: *compact_revision,
                hash_revision: 9,
            }),
            None => Err(Failure::new(Code::Unavailable, "away")),
        });
        let answers: Vec<_> = answers.collect();
        let differ: Vec<_> = differ.iter().map(|id| MemberId(*id)).collect();
        assert_eq!(compare(&found, &answers), (verdict, differ), "{hashes:?}");
    }

    #[test]
    fn hashes_are_compared_where_they_can_be() {
        check(&[Some((1, -1))], HashVerdict::Same, &[]);
        check(&[Some((1, 5)); 3], HashVerdict::Same, &[]);
        check(
            &[Some((1, 5)), Some((2, 5)), Some((1, 5))],
            HashVerdict::Different,
            &[2],
        );
        check(
            &[Some((1, 5)), Some((2, 5))],
            HashVerdict::Different,
            &[1, 2],
        );
        check(
            &[Some((1, 5)), Some((2, 6)), Some((1, 5))],
            HashVerdict::Incomplete,
            &[],
        );
        check(&[Some((1, 5)), None], HashVerdict::Incomplete, &[]);
        check(
            &[Some((1, 5)), Some((2, 5)), None, Some((1, 5))],
            HashVerdict::Different,
            &[2],
        );
    }
}
