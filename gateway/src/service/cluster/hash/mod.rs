//! The hashes of the members' data, and their comparison.

use std::collections::BTreeMap;

use futures_util::future::join_all;
use shared::{Code, HashResponse, HashVerdict, MemberHash, MemberId, Warning};

use super::ClusterService;
use super::reach::Found;
use crate::etcd::HashFact;
use crate::failure::{Failure, Result};
use crate::identity::Caller;

impl ClusterService {
    /// The hash of every voting member's keys and history up to one revision, and the verdict on
    /// them. Learners are skipped and reported as skipped: etcd does not hash them.
    pub async fn hash(&self, caller: &Caller, revision: Option<i64>) -> Result<HashResponse> {
        let all_members = self.all_members(caller).await?;
        let (learners, found): (Vec<_>, Vec<_>) = all_members
            .into_iter()
            .partition(|member| member.fact.learner);
        let statuses: Vec<_> = found.iter().filter_map(Found::status).collect();
        // The oldest of the members' revisions, which every member has.
        let oldest = statuses.iter().min_by_key(|it| it.header.revision);
        let Some(oldest) = oldest else {
            let first = found.first().map(Found::require);
            return Err(first.and_then(Result::err).unwrap_or_else(|| {
                Failure::new(Code::Unavailable, "the cluster lists no member")
            }));
        };
        let header = oldest.header;
        let revision = revision.unwrap_or(header.revision);
        let requests = join_all(found.iter().map(|one| async move {
            let reached = one.require()?;
            let member = self.connect(&reached.url)?;
            member.hash_kv(caller, revision).await
        }));
        let hashes = requests.await;
        if hashes.iter().all(Result::is_err) {
            // All failed: one reason is clearer than a list of them.
            let first = hashes.into_iter().find_map(Result::err);
            return Err(first.expect("there is a member, and it failed"));
        }
        let (verdict, differ) = compare(&found, &hashes);
        let silent = found.iter().zip(&hashes).filter(|(_, hash)| {
            let hash = hash.as_ref();
            hash.is_ok_and(|hash| hash.hash_revision == 0)
        });
        let silent = silent.map(|(found, _)| Warning {
            code: "hash_revision_unknown".to_owned(),
            detail: format!(
                "member {} does not report which revision it hashed up to; etcd 3.6 and later do",
                found.name()
            ),
            fixed_in: Vec::new(),
        });
        let left_out = learners.iter().map(|learner| Warning {
            code: "learner_left_out".to_owned(),
            detail: format!(
                "member {} is a learner; etcd hashes the data of voting members only",
                learner.name()
            ),
            fixed_in: Vec::new(),
        });
        let warnings = silent.chain(left_out).collect();
        let hashed = found.into_iter().zip(hashes).map(member_hash);
        let left_out = learners.into_iter().map(|learner| {
            let detail = "skipped: a learner";
            member_hash((learner, Err(Failure::new(Code::Unsupported, detail))))
        });
        let mut members: Vec<_> = hashed.chain(left_out).collect();
        members.sort_by_key(|member| member.id);
        Ok(HashResponse {
            header,
            revision,
            verdict,
            differ,
            members,
            warnings,
        })
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

/// Compares hashes of the same history only: members with different compact revisions have
/// different histories, so that their hashes cannot be compared.
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
mod tests;
