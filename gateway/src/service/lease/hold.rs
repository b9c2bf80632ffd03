//! A lease that lives as long as somebody's connection: a session.

use std::time::Duration;

use shared::{Code, HoldRequest, LeaseId, OnClose, ServerMessage};
use tokio::time::Instant;

use super::keeper::{Beat, Keepers, Kept};
use super::{no_lease, unknown};
use crate::caller::{Caller, Identity};
use crate::failure::{Failure, Result};
use crate::service::insist::{ATTEMPT, insist};

/// Seconds of a lease that the gateway grants for a session.
pub(in crate::service) const DEFAULT_TTL: i64 = 60;

/// A lease that is kept alive, and revoked or left alone when this is dropped.
#[derive(Debug)]
pub struct Hold {
    kept: Kept,
    lease: LeaseId,
    /// Seconds granted.
    ttl: i64,
    stage: Stage,
    _end: End,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    New,
    Held,
    Lost,
}

impl Hold {
    /// How long the lease lives without a renewal.
    pub fn ttl(&self) -> Duration {
        Duration::from_secs(self.ttl.max(1) as u64)
    }

    /// `granted`, then `renewed` each time, then `lost`, then nothing.
    pub async fn next(&mut self) -> Option<ServerMessage> {
        match self.stage {
            Stage::New => {
                self.stage = Stage::Held;
                Some(ServerMessage::Granted {
                    lease: self.lease,
                    ttl: self.ttl,
                })
            }
            Stage::Held => Some(match self.kept.next().await {
                Beat::Renewed(ttl) => ServerMessage::Renewed { ttl },
                Beat::Lost(reason) => {
                    self.stage = Stage::Lost;
                    ServerMessage::Lost { reason }
                }
            }),
            Stage::Lost => None,
        }
    }
}

/// Revokes a lease when dropped, if that is wanted.
#[derive(Debug)]
struct End {
    keepers: Keepers,
    identity: Identity,
    lease: i64,
    on_close: OnClose,
}

impl Drop for End {
    fn drop(&mut self) {
        if self.on_close == OnClose::Orphan {
            return;
        }
        let (keepers, identity, lease) = (self.keepers.clone(), self.identity.clone(), self.lease);
        self.keepers.tasks().spawn(async move {
            let revoked = insist(keepers.tasks(), || async {
                let caller = Caller::new(identity.clone(), Some(ATTEMPT));
                match keepers.etcd().lease_revoke(&caller, lease).await {
                    Err(failure) if failure.code != Code::LeaseNotFound => Err(failure),
                    _ => Ok(()),
                }
            });
            if let Err(failure) = revoked.await {
                let (lease, cause) = (LeaseId(lease).to_string(), failure.chain());
                tracing::warn!(lease, cause, "a lease was left behind until it runs out");
            }
        });
    }
}

/// Grants a lease, or takes one up, and keeps it alive.
///
/// The calls run in a task: where the caller goes in the middle of them, the lease goes too.
pub(super) async fn hold(keepers: &Keepers, caller: &Caller, request: HoldRequest) -> Result<Hold> {
    if request.ttl.is_some() && request.lease.is_some() {
        return Err(Failure::bad_request("`ttl` and `lease` exclude each other")
            .hint("a lease has its TTL already; without `lease` the gateway grants one"));
    }
    if request.lease == Some(LeaseId(0)) {
        return Err(no_lease());
    }
    let task = begin(keepers.clone(), caller.clone(), request);
    let begun = keepers.tasks().spawn(task).await;
    begun.unwrap_or_else(|error| {
        Err(Failure::new(Code::Internal, "the lease could not be held").source(error))
    })
}

async fn begin(keepers: Keepers, caller: Caller, request: HoldRequest) -> Result<Hold> {
    let etcd = keepers.etcd();
    let since = Instant::now();
    let (lease, ttl) = if let Some(lease) = request.lease {
        // The one renewal says that it is there, and how long it lives.
        let ttl = etcd.lease_keep_alive(&caller, lease.0).await?;
        if ttl <= 0 {
            return Err(unknown(lease));
        }
        (lease, ttl)
    } else {
        let ttl = request.ttl.unwrap_or(DEFAULT_TTL);
        let (_, lease, ttl) = etcd.lease_grant(&caller, ttl, 0).await?;
        (LeaseId(lease), ttl)
    };
    Ok(Hold {
        kept: keepers.keep(&caller.identity, lease.0, ttl, since),
        lease,
        ttl,
        stage: Stage::New,
        _end: End {
            identity: caller.identity.clone(),
            lease: lease.0,
            on_close: request.on_close.unwrap_or(OnClose::Revoke),
            keepers,
        },
    })
}
