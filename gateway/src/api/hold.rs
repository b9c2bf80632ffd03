//! The stream of every hold: a lease, a lock or a candidacy is held for its client while the stream is open.

use std::time::Duration;

use axum::response::Response;
use shared::{Code, ServerMessage};
use tokio::time::timeout;

use super::call::Call;
use crate::failure::{Failure, Result};
use crate::live::stream::{self, Liveness, Transport};
use crate::service::lease::Hold;
use crate::service::lock::QueueHold;

/// A lease, a lock or a candidacy that is held until it is dropped.
pub(super) trait HeldResource: Send + 'static {
    /// TTL of its lease: how long it lasts without a renewal.
    fn ttl(&self) -> Duration;
    /// The next message about the resource; `None` after it was lost.
    fn next(&mut self) -> impl Future<Output = Option<ServerMessage>> + Send;
}

impl HeldResource for Hold {
    fn ttl(&self) -> Duration {
        self.ttl()
    }

    async fn next(&mut self) -> Option<ServerMessage> {
        self.next().await
    }
}

impl HeldResource for QueueHold {
    fn ttl(&self) -> Duration {
        self.ttl()
    }

    async fn next(&mut self) -> Option<ServerMessage> {
        self.next().await
    }
}

/// Refuses a GET that is not a WebSocket upgrade: a client that merely fetches the URL, such as a crawler, must not hold
/// anything.
pub(super) fn require_websocket(transport: &Transport) -> Result<()> {
    if transport.is_socket() {
        return Ok(());
    }
    Err(Failure::new(
        Code::MethodNotAllowed,
        "GET requires a WebSocket upgrade here; use POST for a stream",
    )
    .hint("`curl -N -X POST` holds for as long as curl runs"))
}

/// Streams the messages about `held` while the client is connected; when it disconnects, `held` is released.
pub(super) fn respond(call: &Call, transport: Transport, mut held: impl HeldResource) -> Response {
    let ttl = held.ttl();
    // If the network loses the client, the connection ends when the lease would.
    let ack_timeout = call.ack_timeouts.set(ttl);
    stream::respond_with_liveness(
        &call.app.tasks,
        transport,
        Liveness::for_lease(ttl),
        move |out, ops| {
            // This stream takes no operations.
            drop(ops);
            async move {
                let _ack_timeout = ack_timeout;
                while let Some(message) = held.next().await {
                    // A client that has read nothing for the TTL counts as disconnected.
                    let sent = timeout(ttl, out.send(&message)).await;
                    if !matches!(sent, Ok(Ok(()))) {
                        return;
                    }
                }
            }
        },
    )
}
