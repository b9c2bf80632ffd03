//! Responses that are streams of messages, over any transport: WebSocket, SSE or NDJSON.
//!
//! A *producer* is a future that gets a [`Sender`] for its messages and an [`Ops`] for the client's
//! operations. It knows nothing of the transport:
//!
//! ```text
//! // A handler takes `transport: Transport` as an extractor.
//! stream::respond(&call.app.tasks, transport, move |client, _ops| async move {
//!     while let Some(lock) = locks.next().await {
//!         if client.send(&ServerMessage::Lock(lock)).await.is_err() {
//!             return;
//!         }
//!     }
//! })
//! ```
//!
//! Every producer gets from here:
//! - a task of the tracker, in which it is **dropped** (at any await) as soon as the client disconnects
//!   or the gateway stops: clean up in `Drop`, or in a task of your own;
//! - an orderly end of the stream when it returns (WebSocket: close 1000);
//! - back-pressure: [`Sender::send`] waits for a slow reader, at most [`WRITE_TIMEOUT`];
//! - a message at least every [`IDLE_INTERVAL`]: `idle` is sent when the producer has sent nothing;
//! - an end when the session that opened it ends: a final `closed` with the code `unauthenticated`, on a socket
//!   the close code 4401;
//! - pings, the timeout of silent clients, close codes and size limits of sockets;
//! - a stream without operations, if it drops its [`Ops`]: the client gets an `error` for each.

use std::future::Future;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use shared::ServerMessage;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::message::WatchMessage;
use super::{body, ws};
use crate::failure::{Failure, Result};
use crate::identity::session::{EndsWithSession, SessionEnd, end_of};
use crate::tasks::Tasks;
use crate::web::accept;
use crate::web::websocket::{WRITE_TIMEOUT, is_upgrade};

/// Longest silence on a stream; browsers show scripts neither pings nor SSE comments, and clients
/// reconnect after 30 s without a message.
pub const IDLE_INTERVAL: Duration = Duration::from_secs(9);
/// Messages buffered between the producer and the writer.
const MESSAGE_BUFFER: usize = 8;
/// Operations buffered for the producer.
const OP_BUFFER: usize = 16;

/// The transport that a request selects, and the end of the session that it acts as.
#[derive(Debug)]
pub struct Transport {
    kind: Kind,
    session_end: Option<SessionEnd>,
}

/// The kinds of transports.
#[derive(Debug)]
enum Kind {
    /// A WebSocket.
    Socket(Box<WebSocketUpgrade>),
    /// Server-sent events, for `Accept: text/event-stream`.
    Sse,
    /// One JSON object per line.
    Ndjson,
}

impl<S: Sync> FromRequestParts<S> for Transport {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::of(parts).await
    }
}

impl Transport {
    /// Whether it is a WebSocket.
    pub fn is_socket(&self) -> bool {
        matches!(self.kind, Kind::Socket(_))
    }

    /// Whether it is server-sent events.
    pub fn is_sse(&self) -> bool {
        matches!(self.kind, Kind::Sse)
    }

    /// Reads it from the request: an upgrade is a socket, `Accept: text/event-stream` is SSE, anything
    /// else is NDJSON.
    pub async fn of(parts: &mut Parts) -> Result<Self> {
        let kind = if is_upgrade(parts) {
            match WebSocketUpgrade::from_request_parts(parts, &()).await {
                Ok(upgrade) => Kind::Socket(Box::new(upgrade)),
                Err(rejection) => return Err(Failure::bad_request(rejection.body_text())),
            }
        } else if accept::names(&parts.headers, "text/event-stream") {
            Kind::Sse
        } else {
            Kind::Ndjson
        };
        Ok(Self {
            kind,
            session_end: end_of(parts),
        })
    }
}

/// When a client counts as lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// Between pings of a socket.
    pub(super) ping_interval: Duration,
    /// A socket without any message from the client, pongs included, is lost after this.
    pub(super) silence_timeout: Duration,
    /// How long one write may wait for a slow reader.
    pub(super) write_timeout: Duration,
    /// Whether time in which a slow reader kept us from reading counts as the client's silence too.
    pub(super) strict: bool,
}

impl Default for Liveness {
    fn default() -> Self {
        Self {
            ping_interval: ws::PING_INTERVAL,
            silence_timeout: ws::SILENCE_TIMEOUT,
            write_timeout: WRITE_TIMEOUT,
            strict: false,
        }
    }
}

impl Liveness {
    /// For a client whose connection keeps a lease alive: pings are as frequent as the lease's renewals,
    /// and the client is lost when the lease could have expired.
    pub fn for_lease(ttl: Duration) -> Self {
        let default = Self::default();
        Self {
            ping_interval: (ttl / 3).min(default.ping_interval),
            silence_timeout: ttl,
            write_timeout: ttl.min(default.write_timeout),
            strict: true,
        }
    }
}

/// A message to the client, encoded.
#[derive(Debug)]
pub struct Message {
    /// The SSE id, if the client can resume after this message.
    pub(super) id: Option<String>,
    pub(super) head: Bytes,
    pub(super) tail: Bytes,
    pub(super) share: Option<OwnedSemaphorePermit>,
}

impl Message {
    /// A message that belongs to no watch.
    pub fn of(message: &ServerMessage) -> Self {
        let json = serde_json::to_vec(message).expect("a message of plain members serialises");
        Self {
            id: None,
            head: Bytes::new(),
            tail: json.into(),
            share: None,
        }
    }

    /// A watch's message with its head; `head_id` is the watch's id as JSON.
    pub fn of_watch(message: WatchMessage, head_id: &str) -> Self {
        Self {
            id: message.bookmark.map(|bookmark| bookmark.to_string()),
            head: message.head(head_id).into(),
            tail: message.tail,
            share: message.share,
        }
    }

    /// Adds an SSE id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }
}

/// The client has disconnected, or does not read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Disconnected;

/// A producer's sending end.
#[derive(Clone, Debug)]
pub struct Sender {
    messages: mpsc::Sender<Message>,
}

impl Sender {
    /// Sends a message once there is room.
    pub async fn send(&self, message: &ServerMessage) -> std::result::Result<(), Disconnected> {
        self.forward(Message::of(message)).await
    }

    /// Sends a message that is already encoded, once there is room.
    pub async fn forward(&self, message: Message) -> std::result::Result<(), Disconnected> {
        self.messages.send(message).await.map_err(|_| Disconnected)
    }

    /// Resolves when the client has disconnected.
    pub async fn disconnected(&self) {
        self.messages.closed().await;
    }
}

/// The client's operations: texts of at most 64 KiB. Ends at once where the transport cannot carry
/// any.
#[derive(Debug)]
pub struct Ops {
    texts: mpsc::Receiver<String>,
}

impl Ops {
    /// The next operation; `None` when the client can send no more.
    pub async fn next(&mut self) -> Option<String> {
        self.texts.recv().await
    }
}

/// A producer's ends of a stream without a client and without operations, and the messages it sends.
#[cfg(test)]
pub(super) fn unconnected() -> (Sender, mpsc::Receiver<Message>, Ops) {
    let (messages, sent) = mpsc::channel(MESSAGE_BUFFER);
    let (_, texts) = mpsc::channel(OP_BUFFER);
    (Sender { messages }, sent, Ops { texts })
}

/// Responds with the messages of `producer`.
pub fn respond<P, F>(tasks: &Tasks, transport: Transport, producer: P) -> Response
where
    P: FnOnce(Sender, Ops) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    respond_with_liveness(tasks, transport, Liveness::default(), producer)
}

/// As [`respond`], with other timeouts for the client.
pub fn respond_with_liveness<P, F>(
    tasks: &Tasks,
    transport: Transport,
    liveness: Liveness,
    producer: P,
) -> Response
where
    P: FnOnce(Sender, Ops) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (messages, outbound) = mpsc::channel(MESSAGE_BUFFER);
    let (texts, inbound) = mpsc::channel(OP_BUFFER);
    let client = Sender { messages };
    let ops = Ops { texts: inbound };
    let Transport { kind, session_end } = transport;
    match kind {
        Kind::Socket(upgrade) => {
            let stop = tasks.stop().child_token();
            let tracked = tasks.clone();
            ws::upgrade(*upgrade, move |socket| {
                let producer = Box::pin(producer(client, ops));
                let ends = ws::Ends { stop, session_end };
                let run = ws::run(socket, producer, outbound, texts, liveness, ends);
                tracked.spawn(run);
            })
        }
        Kind::Sse | Kind::Ndjson => {
            let format = match kind {
                Kind::Sse => body::Format::Sse,
                _ => body::Format::Ndjson,
            };
            let limits = body::Limits {
                write_timeout: liveness.write_timeout,
                session_end,
            };
            let producer = producer(client, ops);
            let mut response = body::respond(tasks, format, limits, producer, outbound);
            response.extensions_mut().insert(EndsWithSession);
            response
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn a_client_that_keeps_a_lease_is_pinged_as_often_as_the_lease_is_renewed() {
        let of = |ttl| Liveness::for_lease(Duration::from_secs(ttl));
        let (short, long) = (of(6), of(600));
        assert_eq!(
            (short.ping_interval, short.silence_timeout),
            (Duration::from_secs(2), Duration::from_secs(6))
        );
        assert_eq!(short.write_timeout, Duration::from_secs(6));
        assert_eq!(long.ping_interval, Duration::from_secs(10));
        assert_eq!(
            (long.silence_timeout, long.write_timeout),
            (Duration::from_mins(10), WRITE_TIMEOUT)
        );
    }

    async fn check(headers: &[(&'static str, &'static str)], expected: &str) {
        let mut request = Request::builder().uri("/watch");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (mut parts, ()) = request.body(()).expect("a request").into_parts();
        let transport = match Transport::of(&mut parts).await {
            Ok(transport) if transport.is_socket() => "socket",
            Ok(transport) if transport.is_sse() => "sse",
            Ok(_) => "ndjson",
            Err(_) => "refused",
        };
        assert_eq!(transport, expected, "{headers:?}");
    }

    #[tokio::test]
    async fn the_request_selects_the_transport() {
        check(&[], "ndjson").await;
        check(&[("accept", "*/*")], "ndjson").await;
        check(&[("accept", "application/x-ndjson")], "ndjson").await;
        check(&[("accept", "text/event-stream")], "sse").await;
        check(&[("accept", "text/html, Text/Event-Stream;q=0.9")], "sse").await;
        // An incomplete upgrade: no key, no version.
        check(
            &[
                ("connection", "keep-alive, Upgrade"),
                ("upgrade", "websocket"),
            ],
            "refused",
        )
        .await;
        check(&[("connection", "upgrade"), ("upgrade", "h2c")], "ndjson").await;
    }
}
