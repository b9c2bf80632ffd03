//! A lock or a candidacy that lives as long as somebody's connection.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use shared::{LockHoldRequest, ServerMessage};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Inner;
use super::place::{Place, Stand, stand};
use super::recipe::holder_value;
use super::wait::Turn;
use crate::caller::Caller;
use crate::failure::{Failure, Result};
use crate::service::lease::Beat;
use shared::Code;

/// How long etcd may take for one question while the place is held.
const ANSWER: Duration = Duration::from_secs(10);
/// Longer than anybody waits; nearer than any clock's end.
const FOR_EVER: Duration = Duration::from_hours(24 * 365 * 10);

/// A place in a queue that is given up, and its lease revoked, when this is dropped.
pub struct PlaceHold {
    inner: Arc<Inner>,
    caller: Caller,
    place: Place,
    /// What is said once it is one's turn.
    won: fn(&Place, shared::Header) -> ServerMessage,
    stage: Stage,
}

enum Stage {
    Waiting,
    /// Resolves when the key is no more, or may not be looked at any more.
    Held(BoxFuture<'static, Result<()>>),
    Ended,
}

impl std::fmt::Debug for PlaceHold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PlaceHold")
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

impl PlaceHold {
    /// How long the lease lives without a renewal.
    pub fn ttl(&self) -> Duration {
        Duration::from_secs(self.place.ttl.unwrap_or(1).max(1) as u64)
    }

    /// Waits; then says that it is one's turn, then `renewed` each time, then `lost`, then nothing.
    pub async fn next(&mut self) -> Option<ServerMessage> {
        match &mut self.stage {
            Stage::Waiting => Some(self.wait().await),
            Stage::Held(removed) => {
                let kept = self.place.kept.as_mut()?;
                let lost = tokio::select! {
                    removed = removed => match removed {
                        Ok(()) => {
                            "the key is no more: somebody released it, or its lease has ended".to_owned()
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
        let until = Instant::now() + FOR_EVER;
        // Whoever waits here is dropped when its client goes.
        let gone = CancellationToken::new();
        let turn = self.place.turn(&self.inner, &self.caller, until, &gone);
        let reason = match Box::pin(turn).await {
            Ok(Turn::Mine(header)) => {
                let removed = self
                    .place
                    .removed(&self.inner, &self.caller, header.revision + 1);
                self.stage = Stage::Held(Box::pin(removed));
                return (self.won)(&self.place, header);
            }
            Ok(Turn::Expired | Turn::TimedOut | Turn::Gone) => {
                "the place in the queue is no more: its lease ended, or somebody removed the key"
                    .to_owned()
            }
            Err(failure) => failure.detail,
        };
        self.stage = Stage::Ended;
        ServerMessage::Lost { reason }
    }
}

/// Stands in the queue of a lock for as long as the answer lives.
pub(super) async fn hold(
    inner: &Arc<Inner>,
    caller: &Caller,
    name: Vec<u8>,
    request: LockHoldRequest,
) -> Result<PlaceHold> {
    let value = holder_value(request.holder.as_deref())?;
    let want = Stand {
        name,
        value,
        proclaim: false,
        ttl: request.ttl,
        lease: None,
    };
    stand_held(inner, caller, want, |place, header| {
        ServerMessage::Acquired(place.acquired(header))
    })
    .await
}

/// Enters a queue, to wait and stay there for as long as the answer lives. The queue is entered in a
/// task: a client that leaves in the middle of it cannot leave a key behind.
pub(in crate::service) async fn stand_held(
    inner: &Arc<Inner>,
    caller: &Caller,
    want: Stand,
    won: fn(&Place, shared::Header) -> ServerMessage,
) -> Result<PlaceHold> {
    want.check()?;
    let caller = Caller::new(caller.identity.clone(), Some(ANSWER));
    let (entering, of_task) = (Arc::clone(inner), caller.clone());
    let entered = inner
        .tasks
        .spawn(async move { stand(&entering, &of_task, want).await });
    let place = entered.await.unwrap_or_else(|error| {
        Err(Failure::new(Code::Internal, "the queue could not be entered").source(error))
    })?;
    Ok(PlaceHold {
        inner: Arc::clone(inner),
        caller,
        place,
        won,
        stage: Stage::Waiting,
    })
}
