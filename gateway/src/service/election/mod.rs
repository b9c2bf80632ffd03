//! Elections: campaigns, proclamations, resignations, who leads.
//!
//! An election is a queue as a lock is, whose keys carry values: entering, waiting and leaving are
//! the parts of [`super::lock`]. [`observe`] follows who leads.

mod observe;
#[cfg(test)]
mod tests;

use shared::{
    CampaignRequest, CandidacyRequest, Code, Election, Leadership, LeaseId, ProclaimRequest,
    ResignRequest, ServerMessage,
};

pub use self::observe::Observer;
use super::lock::hold::stand_held;
use super::lock::names::lease_named;
use super::lock::place::{Place, Stand, still_ours};
use super::lock::queue;
use super::lock::recipe::{MAX_WAIT, win};
use super::lock::{LockService, PlaceHold, Standing};
use crate::caller::Caller;
use crate::etcd::{Op, Put, Txn};
use crate::failure::{Failure, Result};

/// Elections of one cluster.
#[derive(Clone, Debug)]
pub struct ElectionService {
    locks: LockService,
}

/// A campaign that was won.
#[derive(Debug)]
pub struct Campaign {
    /// The answer.
    pub answer: Leadership,
    /// To be kept once the answer has reached the caller.
    pub standing: Standing,
}

impl ElectionService {
    /// Over the queues of a cluster's locks.
    pub fn new(locks: LockService) -> Self {
        Self { locks }
    }

    /// Who leads, and who stands behind.
    pub async fn one(&self, caller: &Caller, name: &[u8]) -> Result<Election> {
        let inner = self.locks.parts();
        let queue = queue::read(inner, caller, name, None).await?;
        let header = queue.header;
        let (leader, candidates) = queue.candidates(inner, caller).await;
        if leader.is_none() && candidates.is_empty() {
            return Err(nobody(name, header.revision));
        }
        Ok(Election {
            header,
            name: name.into(),
            leader,
            candidates,
        })
    }

    /// Stands in the election until it is won. The candidacy is given up when the future is dropped,
    /// and when the [`Standing`] of the answer is dropped without having been kept.
    pub async fn campaign(
        &self,
        caller: &Caller,
        name: Vec<u8>,
        request: CampaignRequest,
    ) -> Result<Campaign> {
        let want = Stand {
            name,
            value: request.value.0,
            proclaim: true,
            ttl: request.ttl,
            lease: request.lease,
        };
        let wait = request.wait.unwrap_or(MAX_WAIT);
        let won = win(self.locks.parts(), caller, want, wait).await?;
        Ok(Campaign {
            answer: leadership(&won.place, won.header),
            standing: won.place.into_standing(),
        })
    }

    /// Stands in the election, and leads once it is won, until what this returns is dropped.
    pub async fn hold(
        &self,
        caller: &Caller,
        name: Vec<u8>,
        request: CandidacyRequest,
    ) -> Result<PlaceHold> {
        let want = Stand {
            name,
            value: request.value.0,
            proclaim: false,
            ttl: request.ttl,
            lease: None,
        };
        stand_held(self.locks.parts(), caller, want, |place, header| {
            ServerMessage::Elected(leadership(place, header))
        })
        .await
    }

    /// Gives a candidate's key another value. Needs its key and revision alone.
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

    /// Removes a candidate's key. Needs its key and revision alone.
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

    /// Does something to a key as long as it is the candidate's that it names: of this election, as
    /// created at that revision, on the lease in its name.
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
                "`revision` is a create revision, from 1",
            ));
        }
        let Some(lease) = lease_named(&name, &key) else {
            return Err(not_leader(&name, &key, revision)
                .hint("a candidate's key is the election's name, a slash and its lease"));
        };
        let txn = Txn {
            compare: still_ours(&key, revision, lease.0),
            then: vec![op],
            or_else: Vec::new(),
        };
        let answer = self.locks.parts().etcd.txn(caller, txn).await?;
        if !answer.succeeded {
            let now = answer.header.revision;
            return Err(not_leader(&name, &key, revision)
                .hint("campaign again: the candidacy has ended")
                .with(|facts| facts.store_revision = Some(now)));
        }
        Ok(Leadership {
            header: answer.header,
            name: name.into(),
            key: key.into(),
            revision,
            lease,
        })
    }

    /// Every leader's values as they come, for as long as the caller may read them.
    pub async fn observe(&self, caller: &Caller, name: Vec<u8>) -> Result<Observer> {
        Observer::open(self.locks.parts().etcd.clone(), caller, name).await
    }
}

fn leadership(place: &Place, header: shared::Header) -> Leadership {
    Leadership {
        header,
        name: place.name.clone().into(),
        key: place.key.clone().into(),
        revision: place.created,
        lease: LeaseId(place.lease),
    }
}

fn not_leader(name: &[u8], key: &[u8], revision: i64) -> Failure {
    let text = String::from_utf8_lossy;
    let detail = format!(
        "`{}`, created at {revision}, does not stand in the election `{}`",
        text(key),
        text(name)
    );
    Failure::new(Code::NotLeader, detail)
}

fn nobody(name: &[u8], revision: i64) -> Failure {
    let detail = format!("nobody stands in `{}`", String::from_utf8_lossy(name));
    Failure::new(Code::ElectionNotFound, detail)
        .hint("a name is never trimmed: `a` and `a/` are two elections")
        .with(|facts| facts.store_revision = Some(revision))
}
