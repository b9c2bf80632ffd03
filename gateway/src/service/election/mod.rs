//! Elections: campaigns, proclamations, resignations, and their leaders.
//!
//! An election is a queue like a lock's, whose keys have values: joining it, waiting in it and leaving it are implemented in
//! [`super::lock`]. [`observe`] follows the leader.

mod observe;
#[cfg(test)]
mod tests;

use shared::{
    CampaignRequest, CandidacyRequest, Code, Election, Leadership, LeaseId, ProclaimRequest,
    ResignRequest, ServerMessage,
};

pub use self::observe::Observer;
use super::lock::hold::hold_entry;
use super::lock::names::lease_in_name;
use super::lock::queue;
use super::lock::queue_entry::{EntryRequest, QueueEntry, claim_unchanged};
use super::lock::recipe::{MAX_WAIT, win};
use super::lock::{ClaimGuard, LockService, QueueHold};
use crate::etcd::{Op, Put, Txn};
use crate::failure::{Failure, Result};
use crate::identity::Caller;

/// Elections of one cluster.
#[derive(Clone, Debug)]
pub struct ElectionService {
    locks: LockService,
}

/// A campaign that was won.
#[derive(Debug)]
pub struct Campaign {
    /// The response.
    pub response: Leadership,
    /// Call [`ClaimGuard::keep`] after the response has reached the caller; dropping the guard withdraws the
    /// candidacy.
    pub claim: ClaimGuard,
}

impl ElectionService {
    /// The service over the queues of a cluster's locks.
    pub fn new(locks: LockService) -> Self {
        Self { locks }
    }

    /// The leader and the other candidates.
    pub async fn get(&self, caller: &Caller, name: &[u8]) -> Result<Election> {
        let inner = self.locks.parts();
        let queue = queue::read(inner, caller, name, None).await?;
        let header = queue.header;
        let (leader, candidates) = queue.candidates(inner, caller).await;
        if leader.is_none() && candidates.is_empty() {
            return Err(election_not_found(name, header.revision));
        }
        Ok(Election {
            header,
            name: name.into(),
            leader,
            candidates,
        })
    }

    /// Waits until the election is won. The candidacy is withdrawn when the future is dropped, and when the
    /// [`ClaimGuard`] of the result is dropped without [`ClaimGuard::keep`].
    pub async fn campaign(
        &self,
        caller: &Caller,
        name: Vec<u8>,
        request: CampaignRequest,
    ) -> Result<Campaign> {
        let entry = EntryRequest {
            name,
            value: request.value.0,
            proclaim: true,
            ttl: request.ttl,
            lease: request.lease,
        };
        let wait = request.wait.unwrap_or(MAX_WAIT);
        let won = win(self.locks.parts(), caller, entry, wait).await?;
        Ok(Campaign {
            response: leadership(&won.entry, won.header),
            claim: won.entry.into_claim(),
        })
    }

    /// Waits until the election is won, then leads, until the returned hold is dropped.
    pub async fn hold(
        &self,
        caller: &Caller,
        name: Vec<u8>,
        request: CandidacyRequest,
    ) -> Result<QueueHold> {
        let candidacy = EntryRequest {
            name,
            value: request.value.0,
            proclaim: false,
            ttl: request.ttl,
            lease: None,
        };
        hold_entry(self.locks.parts(), caller, candidacy, |entry, header| {
            ServerMessage::Elected(leadership(entry, header))
        })
        .await
    }

    /// Changes the value of a candidate's key. Requires only its key and revision.
    pub async fn proclaim(
        &self,
        caller: &Caller,
        name: Vec<u8>,
        request: ProclaimRequest,
    ) -> Result<Leadership> {
        let put = Op::Put(Put {
            key: request.key.0.clone(),
            value: request.value.0,
            ignore_lease: true,
            ..Put::default()
        });
        self.as_candidate(caller, name, request.key.0, request.revision, put)
            .await
    }

    /// Removes a candidate's key. Requires only its key and revision.
    pub async fn resign(
        &self,
        caller: &Caller,
        name: Vec<u8>,
        request: ResignRequest,
    ) -> Result<Leadership> {
        let delete = Op::delete(&request.key.0);
        self.as_candidate(caller, name, request.key.0, request.revision, delete)
            .await
    }

    /// Runs an operation on a candidate's key, if it is still the key of this election, created at that
    /// revision, attached to the lease in its name.
    async fn as_candidate(
        &self,
        caller: &Caller,
        name: Vec<u8>,
        key: Vec<u8>,
        revision: i64,
        op: Op,
    ) -> Result<Leadership> {
        if revision < 1 {
            return Err(Failure::bad_request(
                "`revision` must be a create revision, 1 or more",
            ));
        }
        let Some(lease) = lease_in_name(&name, &key) else {
            return Err(not_leader(&name, &key, revision)
                .hint("a candidate's key consists of the election's name, a slash and its lease"));
        };
        let txn = Txn {
            compare: claim_unchanged(&key, revision, lease.0),
            then: vec![op],
            or_else: Vec::new(),
        };
        let response = self.locks.parts().etcd.txn(caller, txn).await?;
        if !response.succeeded {
            let now = response.header.revision;
            return Err(not_leader(&name, &key, revision)
                .hint("campaign again: the candidacy has ended")
                .with(|facts| facts.store_revision = Some(now)));
        }
        Ok(Leadership {
            header: response.header,
            name: name.into(),
            key: key.into(),
            revision,
            lease,
        })
    }

    /// Observes every value of every leader, until the caller may no longer read them.
    pub async fn observe(&self, caller: &Caller, name: Vec<u8>) -> Result<Observer> {
        Observer::open(self.locks.parts().etcd.clone(), caller, name).await
    }
}

fn leadership(entry: &QueueEntry, header: shared::Header) -> Leadership {
    Leadership {
        header,
        name: entry.name.clone().into(),
        key: entry.key.clone().into(),
        revision: entry.created,
        lease: LeaseId(entry.lease),
    }
}

fn not_leader(name: &[u8], key: &[u8], revision: i64) -> Failure {
    let text = String::from_utf8_lossy;
    let detail = format!(
        "`{}`, created at revision {revision}, is not a candidate of the election `{}`",
        text(key),
        text(name)
    );
    Failure::new(Code::NotLeader, detail)
}

fn election_not_found(name: &[u8], revision: i64) -> Failure {
    let detail = format!(
        "no such election `{}`: it has no candidates",
        String::from_utf8_lossy(name)
    );
    Failure::new(Code::ElectionNotFound, detail)
        .hint("a name is never trimmed: `a` and `a/` are two elections")
        .with(|facts| facts.store_revision = Some(revision))
}
