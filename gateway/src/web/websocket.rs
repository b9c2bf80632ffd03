//! WebSockets, shared by the live layer and `/v3`: how one is requested, and how one is closed.

use std::time::Duration;

use axum::extract::ws::{self, CloseFrame, WebSocket, close_code};
use http::header::{CONNECTION, UPGRADE};
use http::request::Parts;
use tokio::time::timeout;

/// How long one write may wait for a slow reader, on every stream.
pub const WRITE_TIMEOUT: Duration = Duration::from_mins(1);
/// Frames read in a row while messages wait to be written, so that a client that keeps sending cannot hold
/// them back.
pub(crate) const MAX_CONSECUTIVE_READS: u32 = 16;

/// Whether the request is an upgrade to a WebSocket.
pub(crate) fn is_upgrade(parts: &Parts) -> bool {
    let has = |name, wanted: &str| {
        parts.headers.get_all(name).iter().any(|value| {
            value.to_str().is_ok_and(|list| {
                list.split(',')
                    .any(|item| item.trim().eq_ignore_ascii_case(wanted))
            })
        })
    };
    let http1 = has(CONNECTION, "upgrade") && has(UPGRADE, "websocket");
    // HTTP/2 upgrades by CONNECT with a `:protocol`, which axum reads itself.
    http1 || parts.method == http::Method::CONNECT
}

/// How a socket ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum SocketEnd {
    /// The connection is lost, or the client does not respond to pings.
    Lost,
    /// The client sent a close frame.
    Closed,
    /// We send a close frame with this code and reason.
    Close(u16, &'static str),
}

impl SocketEnd {
    /// After a read error.
    pub(crate) fn of_error(error: &axum::Error) -> Self {
        match close_code_of(error) {
            Some((code, reason)) => Self::Close(code, reason),
            None => Self::Lost,
        }
    }
}

/// Completes the closing handshake (RFC 6455, 7.1.2): sends our close frame or the reply to the client's,
/// then waits for the client to finish, at most for `grace`.
pub(crate) async fn close(mut socket: WebSocket, end: SocketEnd, grace: Duration) {
    let handshake = async {
        match end {
            SocketEnd::Lost => return,
            SocketEnd::Closed => {}
            SocketEnd::Close(code, reason) => {
                let frame = CloseFrame {
                    code,
                    reason: reason.into(),
                };
                if socket.send(ws::Message::Close(Some(frame))).await.is_err() {
                    return;
                }
            }
        }
        // tungstenite writes the reply to the client's close frame on the next read.
        while let Some(Ok(_)) = socket.recv().await {}
    };
    // A client that does not respond in time gets no further reply.
    let _ = timeout(grace, handshake).await;
}

/// The close code for a message that cannot be read; `None` where the connection is lost.
fn close_code_of(error: &axum::Error) -> Option<(u16, &'static str)> {
    // axum's error keeps what happened in its cause.
    let cause = std::error::Error::source(error).map(ToString::to_string);
    let says = |part: &str| cause.as_ref().is_some_and(|cause| cause.contains(part));
    if says("too long") {
        Some((close_code::SIZE, "the message is too large"))
    } else if says("UTF-8") {
        Some((close_code::INVALID, "a text message must be UTF-8"))
    } else {
        None
    }
}
