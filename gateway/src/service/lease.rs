//! Leases: granted, listed, looked at, renewed once, revoked.

use futures_util::{StreamExt as _, stream};
use serde::{Deserialize, Serialize};
use shared::{Code, GrantRequest, Lease, LeaseAnswer, LeaseId, LeaseList};

use super::cursor;
use crate::caller::Caller;
use crate::etcd::{Etcd, TimeToLive};
use crate::failure::{Failure, Result};

/// Leases of a page asked about at the same time.
const CONCURRENCY: usize = 16;
/// Leases of a page without `limit`.
const PAGE: usize = 100;

/// Where a page of leases begins.
#[derive(Clone, Debug, Default)]
pub struct LeasePage {
    /// Leases at most; 100 without it.
    pub limit: Option<usize>,
    /// The `next` of the page before.
    pub cursor: Option<String>,
}

/// What a cursor carries: the page goes on behind this id.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cursor {
    after: LeaseId,
}

/// Leases of one cluster.
#[derive(Clone, Debug)]
pub struct LeaseService {
    etcd: Etcd,
}

impl LeaseService {
    /// Over a cluster's connections.
    pub fn new(etcd: Etcd) -> Self {
        Self { etcd }
    }

    /// Grants a lease; etcd chooses the id where none is given, and raises a TTL below its minimum.
    pub async fn grant(&self, caller: &Caller, request: GrantRequest) -> Result<LeaseAnswer> {
        let id = match request.id {
            Some(LeaseId(0)) => return Err(no_lease()),
            Some(LeaseId(id)) => id,
            None => 0,
        };
        let (header, id, ttl) = self.etcd.lease_grant(caller, request.ttl, id).await?;
        Ok(LeaseAnswer {
            header,
            lease: Lease {
                id: LeaseId(id),
                ttl,
                granted_ttl: Some(ttl),
                keys: None,
            },
        })
    }

    /// A page of leases by id, without those that ended while it was read.
    pub async fn list(&self, caller: &Caller, page: LeasePage) -> Result<LeaseList> {
        let after = page.cursor.as_deref().map(cursor::decode::<Cursor>);
        let after = after.transpose()?.map(|cursor| cursor.after);
        let limit = page.limit.unwrap_or(PAGE);
        let (header, mut ids) = self.etcd.leases(caller).await?;
        ids.sort_unstable();
        ids.retain(|id| after.is_none_or(|after| *id > after.0));
        let more = ids.len() > limit;
        ids.truncate(limit);
        let next = ids.last().filter(|_| more).map(|id| LeaseId(*id));
        let next = next.map(|after| cursor::encode(&Cursor { after }));
        let answers: Vec<_> = stream::iter(ids)
            .map(|id| self.etcd.lease_time_to_live(caller, id, false))
            .buffered(CONCURRENCY)
            .collect()
            .await;
        let partial = answers.iter().any(Result::is_err);
        if partial && answers.iter().all(Result::is_err) {
            // Nothing could be read: the reason says more than an empty page.
            return Err(answers
                .into_iter()
                .find_map(Result::err)
                .expect("all of them failed"));
        }
        let leases = answers
            .into_iter()
            .flatten()
            .filter(|answer| answer.ttl >= 0);
        Ok(LeaseList {
            header,
            leases: leases.map(|answer| lease(answer, false)).collect(),
            partial,
            next,
        })
    }

    /// A lease with its keys.
    pub async fn one(&self, caller: &Caller, id: LeaseId) -> Result<LeaseAnswer> {
        let answer = self.time_to_live(caller, id).await?;
        Ok(LeaseAnswer {
            header: answer.header,
            lease: lease(answer, true),
        })
    }

    /// Renews a lease once.
    pub async fn keep_alive(&self, caller: &Caller, id: LeaseId) -> Result<LeaseAnswer> {
        // etcd answers for an unknown lease as for a living one, with no seconds left.
        if id.0 == 0 || self.etcd.lease_keep_alive(caller, id.0).await? <= 0 {
            return Err(unknown(id));
        }
        // The answer of a renewal stream says the seconds alone.
        let answer = self.etcd.lease_time_to_live(caller, id.0, false).await?;
        if answer.ttl < 0 {
            return Err(unknown(id));
        }
        Ok(LeaseAnswer {
            header: answer.header,
            lease: lease(answer, false),
        })
    }

    /// Revokes a lease: its keys go with it, and are named in the answer as they were just before.
    /// A dry run only names them.
    pub async fn revoke(&self, caller: &Caller, id: LeaseId, dry_run: bool) -> Result<LeaseAnswer> {
        let before = self.time_to_live(caller, id).await?;
        let header = if dry_run {
            before.header
        } else {
            self.etcd.lease_revoke(caller, id.0).await?
        };
        let mut lease = lease(before, true);
        if !dry_run {
            lease.ttl = 0;
        }
        Ok(LeaseAnswer { header, lease })
    }

    async fn time_to_live(&self, caller: &Caller, id: LeaseId) -> Result<TimeToLive> {
        let answer = self.etcd.lease_time_to_live(caller, id.0, true).await?;
        if answer.ttl < 0 {
            let revision = answer.header.revision;
            return Err(unknown(id).with(|facts| facts.store_revision = Some(revision)));
        }
        Ok(answer)
    }
}

fn lease(answer: TimeToLive, keys: bool) -> Lease {
    Lease {
        id: LeaseId(answer.id),
        ttl: answer.ttl,
        granted_ttl: Some(answer.granted_ttl),
        keys: keys.then(|| answer.keys.into_iter().map(Into::into).collect()),
    }
}

fn unknown(id: LeaseId) -> Failure {
    Failure::new(Code::LeaseNotFound, format!("there is no lease {id}"))
        .hint("it was never granted, was revoked, or has run out")
}

fn no_lease() -> Failure {
    Failure::bad_request("the lease id 0 means no lease")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cursor_carries_any_id() {
        for id in [1, -9, i64::MAX, i64::MIN] {
            let after = LeaseId(id);
            let read: Cursor = cursor::decode(&cursor::encode(&Cursor { after })).expect("reads");
            assert_eq!(read.after, after);
        }
    }
}
