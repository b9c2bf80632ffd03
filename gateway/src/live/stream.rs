//! One way to answer with a stream of messages, whatever carries it: WebSocket, SSE or NDJSON.
//!
//! A *producer* is a future that gets an [`Out`] to say things on and an [`Ops`] to hear what the
//! client says. It knows nothing of the transport:
//!
//! ```text
//! // A handler takes `transport: Transport` as an extractor.
//! stream::respond(&call.app.tasks, transport, move |out, _ops| async move {
//!     while let Some(lock) = locks.next().await {
//!         if out.send(&ServerMessage::Lock(lock)).await.is_err() {
//!             return;
//!         }
//!     }
//! })
//! ```
//!
//! What is kept here for every producer:
//! - the producer runs in a task of the tracker and is **dropped** (at whatever await it stands) as
//!   soon as the client has gone or the gateway stops: clean up in `Drop`, or in a task of your own;
//! - when it returns, the stream ends in order (WebSocket: close 1000);
//! - back-pressure: [`Out::send`] waits while the client does not read, at most [`WRITE_TIMEOUT`];
//! - a message at least every [`IDLE`]: `idle` goes out when the producer has said nothing;
//! - pings, the dead-peer timeout, close codes and size limits of sockets;
//! - a producer that drops its [`Ops`] takes no operations: the client gets an `error`.

use std::future::Future;
use std::time::Duration;

use axum::extract::FromRequestParts;
use axum::extract::ws::WebSocketUpgrade;
use axum::response::Response;
use bytes::Bytes;
use http::request::Parts;
use shared::ServerMessage;
use tokio::sync::{OwnedSemaphorePermit, mpsc};

use super::{Frame, body, ws};
use crate::failure::{Failure, Result};
use crate::tasks::Tasks;
use crate::web::accept;
use crate::web::websocket::{WRITE_TIMEOUT, is_upgrade};

/// Longest silence on a stream; browsers show scripts neither pings nor SSE comments, and clients
/// take 30 s without a message as the end.
pub const IDLE: Duration = Duration::from_secs(9);
/// Messages between the producer and the writer.
const QUEUE: usize = 8;
/// Operations that wait for the producer.
const OPS: usize = 16;

/// How a request wants its stream.
#[derive(Debug)]
pub enum Transport {
    /// A WebSocket.
    Socket(Box<WebSocketUpgrade>),
    /// Server-sent events, for `Accept: text/event-stream`.
    Sse,
    /// A JSON object a line.
    Ndjson,
}

impl<S: Sync> FromRequestParts<S> for Transport {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Self::of(parts).await
    }
}

impl Transport {
    /// Reads it from the request: an upgrade is a socket, `Accept: text/event-stream` is SSE, all
    /// else is NDJSON.
    pub async fn of(parts: &mut Parts) -> Result<Self> {
        if !is_upgrade(parts) {
            return Ok(if accept::names(&parts.headers, "text/event-stream") {
                Self::Sse
            } else {
                Self::Ndjson
            });
        }
        match WebSocketUpgrade::from_request_parts(parts, &()).await {
            Ok(upgrade) => Ok(Self::Socket(Box::new(upgrade))),
            Err(rejection) => Err(Failure::bad_request(rejection.body_text())),
        }
    }
}

/// How a client proves that it is still there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Liveness {
    /// Between pings of a socket.
    pub(super) ping: Duration,
    /// A socket that is silent for so long, pongs included, is gone.
    pub(super) silent: Duration,
    /// How long a client may leave data unread.
    pub(super) unread: Duration,
    /// Time in which nobody listened to the client because it did not read counts as silence too.
    pub(super) strict: bool,
}

impl Default for Liveness {
    fn default() -> Self {
        Self {
            ping: ws::PING,
            silent: ws::SILENT,
            unread: WRITE_TIMEOUT,
            strict: false,
        }
    }
}

impl Liveness {
    /// Of a client that keeps a lease by being there: it is asked as often as the lease is renewed, and
    /// is gone when the lease could be.
    pub fn of_lease(ttl: Duration) -> Self {
        let usual = Self::default();
        Self {
            ping: (ttl / 3).min(usual.ping),
            silent: ttl,
            unread: ttl.min(usual.unread),
            strict: true,
        }
    }
}

/// A message on its way out.
#[derive(Debug)]
pub struct Message {
    /// The SSE id, where it is a place to go on from.
    pub(super) id: Option<String>,
    pub(super) head: Bytes,
    pub(super) tail: Bytes,
    pub(super) share: Option<OwnedSemaphorePermit>,
}

impl Message {
    /// A message of its own.
    pub fn of(message: &ServerMessage) -> Self {
        let json = serde_json::to_vec(message).expect("a message of plain members serialises");
        Self {
            id: None,
            head: Bytes::new(),
            tail: json.into(),
            share: None,
        }
    }

    /// A watch's frame behind the head of one socket; `head_id` is the watch's id as JSON.
    pub fn framed(frame: Frame, head_id: &str) -> Self {
        Self {
            id: frame.bookmark.map(|bookmark| bookmark.to_string()),
            head: frame.head(head_id).into(),
            tail: frame.tail,
            share: frame.share,
        }
    }

    /// Adds an SSE id.
    #[must_use]
    pub fn with_id(mut self, id: impl Into<String>) -> Self {
        self.id = Some(id.into());
        self
    }
}

/// The client has gone, or reads nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gone;

/// Where a producer says things.
#[derive(Clone, Debug)]
pub struct Out {
    messages: mpsc::Sender<Message>,
}

impl Out {
    /// Says it, once there is room.
    pub async fn send(&self, message: &ServerMessage) -> std::result::Result<(), Gone> {
        self.forward(Message::of(message)).await
    }

    /// Says what is already encoded.
    pub async fn forward(&self, message: Message) -> std::result::Result<(), Gone> {
        self.messages.send(message).await.map_err(|_| Gone)
    }

    /// Resolves when the client has gone.
    pub async fn gone(&self) {
        self.messages.closed().await;
    }
}

/// What the client says: texts of at most 64 KiB. Ends at once where a transport has no such
/// direction.
#[derive(Debug)]
pub struct Ops {
    texts: mpsc::Receiver<String>,
}

impl Ops {
    /// What the client says next; `None` when it cannot say anything any more.
    pub async fn next(&mut self) -> Option<String> {
        self.texts.recv().await
    }
}

/// A producer's ends of a stream without a client or operations, and the messages it sends.
#[cfg(test)]
pub(super) fn unconnected() -> (Out, mpsc::Receiver<Message>, Ops) {
    let (messages, sent) = mpsc::channel(QUEUE);
    let (_, texts) = mpsc::channel(OPS);
    (Out { messages }, sent, Ops { texts })
}

/// Answers a request with what `producer` says.
pub fn respond<P, F>(tasks: &Tasks, transport: Transport, producer: P) -> Response
where
    P: FnOnce(Out, Ops) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    respond_alive(tasks, transport, Liveness::default(), producer)
}

/// As [`respond`], with a client that has to prove more or less often that it is there.
pub fn respond_alive<P, F>(
    tasks: &Tasks,
    transport: Transport,
    liveness: Liveness,
    producer: P,
) -> Response
where
    P: FnOnce(Out, Ops) -> F + Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (messages, outbound) = mpsc::channel(QUEUE);
    let (texts, inbound) = mpsc::channel(OPS);
    let out = Out { messages };
    let ops = Ops { texts: inbound };
    match transport {
        Transport::Socket(upgrade) => {
            let stop = tasks.stop().child_token();
            let tracked = tasks.clone();
            ws::upgrade(*upgrade, move |socket| {
                let producer = Box::pin(producer(out, ops));
                let run = ws::run(socket, producer, outbound, texts, liveness, stop);
                tracked.spawn(run);
            })
        }
        Transport::Sse | Transport::Ndjson => {
            let format = match transport {
                Transport::Sse => body::Format::Sse,
                _ => body::Format::Ndjson,
            };
            let unread = liveness.unread;
            body::respond(tasks, format, unread, producer(out, ops), outbound)
        }
    }
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    #[test]
    fn who_keeps_a_lease_is_asked_as_often_as_it_is_renewed() {
        let of = |ttl| Liveness::of_lease(Duration::from_secs(ttl));
        let (short, long) = (of(6), of(600));
        assert_eq!(
            (short.ping, short.silent),
            (Duration::from_secs(2), Duration::from_secs(6))
        );
        assert_eq!(short.unread, Duration::from_secs(6));
        assert_eq!(long.ping, Duration::from_secs(10));
        assert_eq!(
            (long.silent, long.unread),
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
            Ok(Transport::Socket(_)) => "socket",
            Ok(Transport::Sse) => "sse",
            Ok(Transport::Ndjson) => "ndjson",
            Err(_) => "refused",
        };
        assert_eq!(transport, expected, "{headers:?}");
    }

    #[tokio::test]
    async fn the_request_says_how_it_wants_its_stream() {
        check(&[], "ndjson").await;
        check(&[("accept", "*/*")], "ndjson").await;
        check(&[("accept", "application/x-ndjson")], "ndjson").await;
        check(&[("accept", "text/event-stream")], "sse").await;
        check(&[("accept", "text/html, Text/Event-Stream;q=0.9")], "sse").await;
        // An upgrade that is none: no key, no version.
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
