//! Streams as the body of an HTTP response: server-sent events and NDJSON.
//!
//! The connection pulls the body, so a slow reader stops the producer. When the connection is lost, the
//! body is dropped, and the producer with it.

use std::convert::Infallible;
use std::future::Future;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, StreamExt as _, stream};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName};
use shared::{Code, ServerMessage};
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::SINGLE_ID;
use super::stream::{IDLE_INTERVAL, Message};
use crate::identity::session::{EndReason, SessionEnd};
use crate::tasks::Tasks;

/// How messages are separated in a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Format {
    Sse,
    Ndjson,
}

impl Format {
    fn content_type(self) -> HeaderValue {
        HeaderValue::from_static(match self {
            Self::Sse => "text/event-stream",
            Self::Ndjson => "application/x-ndjson",
        })
    }

    /// The chunks of one message; the tail is shared, never copied.
    fn chunks(self, message: Message) -> [Bytes; 4] {
        let Message { id, head, tail, .. } = message;
        match self {
            Self::Ndjson => [Bytes::new(), head, tail, Bytes::from_static(b"\n")],
            Self::Sse => {
                let before = match id {
                    Some(id) => Bytes::from(format!("id: {id}\ndata: ")),
                    None => Bytes::from_static(b"data: "),
                };
                // Encoded JSON contains no line breaks, so one `data` line is the whole message.
                [before, head, tail, Bytes::from_static(b"\n\n")]
            }
        }
    }
}

/// What ends a body before its producer does.
#[derive(Debug)]
pub(super) struct Limits {
    /// How long a message may wait for a slow reader.
    pub(super) write_timeout: Duration,
    /// The end of the session that opened the stream.
    pub(super) session_end: Option<SessionEnd>,
}

/// Responds with what `producer` sends to the other end of `outbound`.
pub(super) fn respond<F>(
    tasks: &Tasks,
    format: Format,
    limits: Limits,
    producer: F,
    outbound: mpsc::Receiver<Message>,
) -> Response
where
    F: Future<Output = ()> + Send + 'static,
{
    let stop = tasks.stop().child_token();
    let disconnected = CancellationToken::new();
    // A queue between the producer and the connection: a message that waits in it means a slow reader, and
    // no message means a quiet producer.
    let (to_body, chunks) = mpsc::channel(1);
    tasks.spawn(run(
        Box::pin(producer),
        outbound,
        to_body,
        limits,
        stop,
        disconnected.clone(),
    ));
    let body = Body::from_stream(body(format, chunks, disconnected));
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, format.content_type());
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response
}

/// The body's chunks; dropping it cancels `disconnected`.
fn body(
    format: Format,
    messages: mpsc::Receiver<Message>,
    disconnected: CancellationToken,
) -> impl Stream<Item = Result<Bytes, Infallible>> + Send {
    let state = (messages, disconnected.drop_guard());
    stream::unfold(state, move |(mut messages, guard)| async move {
        let message = messages.recv().await?;
        let chunks = format.chunks(message).into_iter();
        let chunks = chunks.filter(|chunk| !chunk.is_empty()).map(Ok);
        Some((stream::iter(chunks), (messages, guard)))
    })
    .flatten()
}

/// Runs the producer until it ends, the client disconnects or does not read, its session ends, or the gateway
/// stops.
async fn run<F>(
    mut producer: std::pin::Pin<Box<F>>,
    mut outbound: mpsc::Receiver<Message>,
    to_body: mpsc::Sender<Message>,
    limits: Limits,
    stop: CancellationToken,
    disconnected: CancellationToken,
) where
    F: Future<Output = ()> + Send,
{
    let Limits {
        write_timeout,
        session_end,
    } = limits;
    let mut ended = std::pin::pin!(SessionEnd::wait_for(session_end.as_ref()));
    let mut producing = true;
    loop {
        let message = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            () = disconnected.cancelled() => return,
            reason = &mut ended => {
                // The producer ends before its last message is written: it may hold a lock.
                drop(producer);
                let closed = Message::of(&session_closed(reason));
                deliver(closed, &to_body, &stop, write_timeout).await;
                return;
            }
            message = outbound.recv() => match message {
                Some(message) => message,
                None => return,
            },
            () = &mut producer, if producing => {
                producing = false;
                continue;
            }
            () = sleep(IDLE_INTERVAL) => Message::of(&ServerMessage::Idle),
        };
        let delivered = tokio::select! {
            biased;
            delivered = deliver(message, &to_body, &stop, write_timeout) => delivered,
            // A client that does not read gets no last message.
            _ = &mut ended => false,
        };
        if !delivered {
            return;
        }
    }
}

/// The last message of a stream whose session has ended.
fn session_closed(reason: EndReason) -> ServerMessage {
    ServerMessage::Closed {
        id: SINGLE_ID.to_owned(),
        code: Code::Unauthenticated.to_string(),
        detail: reason.detail().to_owned(),
    }
}

/// Passes a message to the connection; `false` ends the stream.
async fn deliver(
    message: Message,
    to_body: &mpsc::Sender<Message>,
    stop: &CancellationToken,
    write_timeout: Duration,
) -> bool {
    tokio::select! {
        () = stop.cancelled() => false,
        sent = timeout(write_timeout, to_body.send(message)) => matches!(sent, Ok(Ok(()))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(format: Format, id: Option<&str>, expected: &str) {
        let message = Message {
            id: id.map(str::to_owned),
            head: Bytes::from_static(br#"{"type":"progress","id":"0","#),
            tail: Bytes::from_static(br#""revision":7}"#),
            share: None,
        };
        assert_eq!(format.chunks(message).concat(), expected.as_bytes());
    }

    #[test]
    fn a_message_is_one_line_or_one_event() {
        let json = r#"{"type":"progress","id":"0","revision":7}"#;
        check(Format::Ndjson, Some("a-7"), &format!("{json}\n"));
        check(Format::Sse, None, &format!("data: {json}\n\n"));
        check(
            Format::Sse,
            Some("a-7"),
            &format!("id: a-7\ndata: {json}\n\n"),
        );
    }
}
