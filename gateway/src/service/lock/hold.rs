//! A lock or a candidacy that lasts as long as a client's connection.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use shared::{LockHoldRequest, ServerMessage};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::queue_entry::{EntryRequest, QueueEntry, enter_queue};
use super::recipe::holder_value;
use super::wait::WaitOutcome;
use crate::failure::{Failure, Result};
use crate::identity::Caller;
use crate::service::lease::Beat;
use shared::Code;

/// Timeout of one etcd call.
const CALL_TIMEOUT: Duration = Duration::from_secs(10);
/// Longer than any client waits, without overflowing the clock.
const UNLIMITED: Duration = Duration::from_hours(24 * 365 * 10);

/// An entry in a queue. Dropping it removes the key and revokes the lease.
pub struct QueueHold {
    inner: Arc<Inner>,
    caller: Caller,
    entry: QueueEntry,
    /// The message that reports the acquisition.
    acquired: fn(&QueueEntry, shared::Header) -> ServerMessage,
    stage: Stage,
}

enum Stage {
    Waiting,
    /// Resolves when the key is deleted, or may no longer be read.
    Held(BoxFuture<'static, Result<()>>),
    Ended,
}

impl std::fmt::Debug for QueueHold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("QueueHold")
            .field("entry", &self.entry)
            .finish_non_exhaustive()
    }
}

impl QueueHold {
    /// The TTL of the lease.
    pub fn ttl(&self) -> Duration {
        Duration::from_secs(self.entry.ttl.unwrap_or(1).max(1) as u64)
    }

    /// The next message: the acquisition, then `renewed` after each renewal, then `lost`, then none.
    pub async fn next(&mut self) -> Option<ServerMessage> {
        match &mut self.stage {
            Stage::Waiting => Some(self.wait().await),
            Stage::Held(removed) => {
                let kept = self.entry.kept.as_mut()?;
                let lost = tokio::select! {
                    removed = removed => match removed {
                        Ok(()) => {
                            "the key was deleted: it was released, or its lease ended".to_owned()
                        }
                        Err(failure) => failure.detail,
                    },
                    beat = kept.next() => match beat {
                        Beat::Renewed(ttl) => return Some(ServerMessage::Renewed { ttl }),
                        Beat::Lost(reason) => reason,
                    },
                };
                self.stage = Stage::Ended;
                Some(ServerMessage::Lost { reason: lost })
            }
            Stage::Ended => None,
        }
    }

    async fn wait(&mut self) -> ServerMessage {
        let until = Instant::now() + UNLIMITED;
        // Never cancelled: this future is dropped when the client disconnects.
        let cancelled = CancellationToken::new();
        let outcome = self
            .entry
            .wait_until_first(&self.inner, &self.caller, until, &cancelled);
        let reason = match Box::pin(outcome).await {
            Ok(WaitOutcome::First(header)) => {
                let removed =
                    self.entry
                        .until_removed(&self.inner, &self.caller, header.revision + 1);
                self.stage = Stage::Held(Box::pin(removed));
                return (self.acquired)(&self.entry, header);
            }
            Ok(WaitOutcome::Expired | WaitOutcome::TimedOut | WaitOutcome::Cancelled) => {
                "the claim is no longer in the queue: its lease ended, or its key was removed"
                    .to_owned()
            }
            Err(failure) => failure.detail,
        };
        self.stage = Stage::Ended;
        ServerMessage::Lost { reason }
    }
}

/// Enters the queue of a lock and stays in it until the returned hold is dropped.
pub(super) async fn hold(
    inner: &Arc<Inner>,
    caller: &Caller,
    name: Vec<u8>,
    request: LockHoldRequest,
) -> Result<QueueHold> {
    let value = holder_value(request.holder.as_deref())?;
    let request = EntryRequest {
        name,
        value,
        proclaim: false,
        ttl: request.ttl,
        lease: None,
    };
    hold_entry(inner, caller, request, |entry, header| {
        ServerMessage::Acquired(entry.acquired(header))
    })
    .await
}

/// Enters a queue and stays in it until the returned hold is dropped. The queue is entered in a task: a
/// client that disconnects meanwhile leaves no key behind.
pub(in crate::service) async fn hold_entry(
    inner: &Arc<Inner>,
    caller: &Caller,
    request: EntryRequest,
    acquired: fn(&QueueEntry, shared::Header) -> ServerMessage,
) -> Result<QueueHold> {
    request.check()?;
    let caller = Caller::new(caller.identity.clone(), Some(CALL_TIMEOUT));
    let (entering, of_task) = (Arc::clone(inner), caller.clone());
    let entered = inner
        .tasks
        .spawn(async move { enter_queue(&entering, &of_task, request).await });
    let entry = entered.await.unwrap_or_else(|error| {
        Err(Failure::new(Code::Internal, "the queue could not be entered").source(error))
    })?;
    Ok(QueueHold {
        inner: Arc::clone(inner),
        caller,
        entry,
        acquired,
        stage: Stage::Waiting,
    })
}
