//! A lease that lasts as long as a client's connection: a session.

use std::time::Duration;

use shared::{Code, Header, HoldRequest, LeaseId, OnClose, ServerMessage};
use tokio::time::Instant;

use super::keeper::{Beat, Keepers, Kept};
use super::{check_ttl, no_lease, unknown};
use crate::failure::{Failure, Result};
use crate::identity::{Caller, Identity};
use crate::service::clean_up::{ATTEMPT_TIMEOUT, retry_clean_up};

/// TTL in seconds of a lease that the gateway grants for a session.
pub(in crate::service) const DEFAULT_TTL: i64 = 60;

/// A lease that is kept alive; dropping it revokes the lease or leaves it, as chosen.
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
    /// The lease's TTL: how long it lasts without a renewal.
    pub fn ttl(&self) -> Duration {
        Duration::from_secs(self.ttl.max(1) as u64)
    }

    /// The next message: `granted`, then `renewed` for each renewal, then `lost`, then `None`.
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

/// Revokes a lease when dropped, if so chosen.
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
        revoke(&self.keepers, &self.identity, self.lease);
    }
}

/// Revokes a lease in its own task, with retries while etcd is unavailable.
fn revoke(keepers: &Keepers, identity: &Identity, lease: i64) {
    let (tasks, etcd, identity) = (
        keepers.tasks().clone(),
        keepers.etcd().clone(),
        identity.clone(),
    );
    keepers.tasks().spawn(async move {
        let revoked = retry_clean_up(&tasks, || async {
            let caller = Caller::new(identity.clone(), Some(ATTEMPT_TIMEOUT));
            match etcd.lease_revoke(&caller, lease).await {
                Err(failure) if failure.code != Code::LeaseNotFound => Err(failure),
                _ => Ok(()),
            }
        });
        if let Err(failure) = revoked.await {
            let (lease, cause) = (LeaseId(lease).to_string(), failure.chain());
            tracing::warn!(
                lease,
                cause,
                "a lease could not be revoked and stays until it expires"
            );
        }
    });
}

impl Keepers {
    /// Grants a lease with an id of the gateway's choice; returns the header, the id and the TTL in
    /// seconds. If the response is lost, the lease is revoked.
    pub(in crate::service) async fn grant(
        &self,
        caller: &Caller,
        ttl: i64,
    ) -> Result<(Header, i64, i64)> {
        // The gateway chooses the id, so that the lease can be revoked even without a response.
        let lease = fresh_id();
        let granted = self.etcd().lease_grant(caller, ttl, lease).await;
        let unknown = |failure: &Failure| failure.code == Code::OutcomeUnknown;
        if granted.as_ref().is_err_and(unknown) {
            revoke(self, &caller.identity, lease);
        }
        granted
    }
}

/// A random id, positive like etcd's own.
fn fresh_id() -> i64 {
    let mut bytes = [0; 8];
    rustls::crypto::aws_lc_rs::default_provider()
        .secure_random
        .fill(&mut bytes)
        .expect("the system provides random numbers");
    (i64::from_be_bytes(bytes) & i64::MAX).max(1)
}

/// Grants a lease, or adopts an existing one, and keeps it alive.
///
/// The calls run in a task: if the caller disconnects in between, the lease is cleaned up.
pub(super) async fn hold(keepers: &Keepers, caller: &Caller, request: HoldRequest) -> Result<Hold> {
    if request.ttl.is_some() && request.lease.is_some() {
        return Err(
            Failure::bad_request("`ttl` and `lease` are mutually exclusive")
                .hint("an existing lease has its TTL; omit `lease` to have one granted"),
        );
    }
    if request.lease == Some(LeaseId(0)) {
        return Err(no_lease());
    }
    request.ttl.map_or(Ok(()), check_ttl)?;
    let task = begin(keepers.clone(), caller.clone(), request);
    let begun = keepers.tasks().spawn(task).await;
    begun.unwrap_or_else(|error| {
        Err(Failure::new(Code::Internal, "the lease could not be kept alive").source(error))
    })
}

async fn begin(keepers: Keepers, caller: Caller, request: HoldRequest) -> Result<Hold> {
    let etcd = keepers.etcd();
    let since = Instant::now();
    let (lease, ttl) = if let Some(lease) = request.lease {
        // This renewal shows that the lease exists, and its TTL.
        let ttl = etcd.lease_keep_alive(&caller, lease.0).await?;
        if ttl <= 0 {
            return Err(unknown(lease));
        }
        (lease, ttl)
    } else {
        let ttl = request.ttl.unwrap_or(DEFAULT_TTL);
        let (_, lease, ttl) = keepers.grant(&caller, ttl).await?;
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
