//! What every hold has in common: a stream during which something is held for whoever reads it.

use std::time::Duration;

use axum::response::Response;
use shared::{Code, ServerMessage};
use tokio::time::timeout;

use super::call::Call;
use crate::failure::{Failure, Result};
use crate::live::stream::{self, Liveness, Transport};
use crate::service::lease::Hold;
use crate::service::lock::PlaceHold;

/// Something that is held until it is dropped.
pub(super) trait Held: Send + 'static {
    /// How long the lease under it lives without a renewal.
    fn ttl(&self) -> Duration;
    /// What happens to it next; nothing more once it is lost.
    fn next(&mut self) -> impl Future<Output = Option<ServerMessage>> + Send;
}

impl Held for Hold {
    fn ttl(&self) -> Duration {
        self.ttl()
    }

    async fn next(&mut self) -> Option<ServerMessage> {
        self.next().await
    }
}

impl Held for PlaceHold {
    fn ttl(&self) -> Duration {
        self.ttl()
    }

    async fn next(&mut self) -> Option<ServerMessage> {
        self.next().await
    }
}

/// A GET begins a hold only as a socket: whatever else fetches an address must not hold anything.
pub(super) fn only_socket(transport: &Transport) -> Result<()> {
    if matches!(transport, Transport::Socket(_)) {
        return Ok(());
    }
    Err(Failure::new(
        Code::MethodNotAllowed,
        "a hold is a POST, or a GET that becomes a WebSocket",
    )
    .hint("curl -N -X POST holds for as long as curl runs"))
}

/// Says what happens to `held` for as long as the client is there, and lets go of it then.
pub(super) fn respond(call: &Call, transport: Transport, mut held: impl Held) -> Response {
    let ttl = held.ttl();
    // Where the network takes the client away, the connection ends when the lease would.
    let impatience = call.patience.limit(ttl);
    stream::respond_with_liveness(
        &call.app.tasks,
        transport,
        Liveness::for_lease(ttl),
        move |out, ops| {
            // Nothing can be said on this stream.
            drop(ops);
            async move {
                let _impatience = impatience;
                while let Some(message) = held.next().await {
                    // Who does not read for so long is not there any more.
                    let said = timeout(ttl, out.send(&message)).await;
                    if !matches!(said, Ok(Ok(()))) {
                        return;
                    }
                }
            }
        },
    )
}
