//! Streams over a WebSocket: one task and one `select!` per socket.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::ws::{self, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use shared::{Code, ServerMessage};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::stream::{IDLE_INTERVAL, Liveness, Message};
use crate::identity::session::SessionEnd;
use crate::web::websocket::{MAX_CONSECUTIVE_READS, SocketEnd, close};

/// Largest operation, bytes; a larger one is refused with `error`.
const MAX_OPERATION: usize = 64 << 10;
/// Largest message that is read at all, bytes; a larger one closes the socket.
const MAX_MESSAGE: usize = 1 << 20;
/// Between pings.
pub(super) const PING_INTERVAL: Duration = Duration::from_secs(10);
/// A client that sends nothing for so long, pongs included, while nothing waits to be written, is lost.
pub(super) const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take to reply to a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// How long a slow reader may take to reply to a close frame: it has to read the buffered data before the close frame.
const SLOW_READER_CLOSE_TIMEOUT: Duration = Duration::from_secs(30);
/// Read buffer of a socket, bytes: operations are small, and there may be thousands of sockets.
const READ_BUFFER: usize = 4 << 10;

/// Accepts the upgrade and passes the socket to `start`.
pub(super) fn upgrade<S>(upgrade: WebSocketUpgrade, start: S) -> Response
where
    S: FnOnce(WebSocket) + Send + 'static,
{
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(MAX_MESSAGE)
        .max_frame_size(MAX_MESSAGE)
        .on_failed_upgrade(|error| tracing::debug!(%error, "a WebSocket upgrade failed"))
        .on_upgrade(move |socket| {
            start(socket);
            std::future::ready(())
        })
}

/// The close code of a socket whose session has ended, from the range for private use.
const CLOSE_UNAUTHENTICATED: u16 = 4401;

/// What ends a socket from outside.
#[derive(Debug)]
pub(super) struct Ends {
    /// The gateway stops.
    pub(super) stop: CancellationToken,
    /// The session that opened the socket ends.
    pub(super) session_end: Option<SessionEnd>,
}

impl Ends {
    /// Waits for the first of them.
    async fn wait(&self) -> SocketEnd {
        tokio::select! {
            biased;
            () = self.stop.cancelled() => {
                SocketEnd::Close(close_code::AWAY, "the gateway is shutting down")
            }
            reason = SessionEnd::wait_for(self.session_end.as_ref()) => {
                SocketEnd::Close(CLOSE_UNAUTHENTICATED, reason.detail())
            }
        }
    }
}

/// Runs a socket: writes the producer's messages and passes it the client's operations.
pub(super) async fn run<F>(
    mut socket: WebSocket,
    mut producer: Pin<Box<F>>,
    mut outbound: mpsc::Receiver<Message>,
    ops: mpsc::Sender<String>,
    liveness: Liveness,
    ends: Ends,
) where
    F: Future<Output = ()> + Send,
{
    let mut ended = std::pin::pin!(ends.wait());
    let mut pings = interval(liveness.ping_interval);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    let mut last_received = Instant::now();
    let mut last_sent = Instant::now();
    let mut producing = true;
    // A slot for an operation is reserved before one is read: back-pressure for a client that sends faster
    // than the producer works.
    let mut slot = None;
    let mut reads = 0_u32;
    let end = loop {
        // Reads come before writes, so that close frames and pings get their reply between two messages
        // however many are queued.
        let message = tokio::select! {
            biased;
            end = &mut ended => break end,
            permit = ops.reserve(), if slot.is_none() && !ops.is_closed() => {
                slot = permit.ok();
                continue;
            }
            frame = socket.recv(), if (slot.is_some() || ops.is_closed())
                && (reads < MAX_CONSECUTIVE_READS || outbound.is_empty()) => {
                last_received = Instant::now();
                reads = reads.saturating_add(1);
                match inbound(frame) {
                    Inbound::Text(text) => match slot.take() {
                        Some(permit) if !ops.is_closed() => {
                            permit.send(text);
                            continue;
                        }
                        _ => refusal(Code::Unsupported, "this stream accepts no operations"),
                    },
                    Inbound::Refused(error) => error,
                    Inbound::Nothing => continue,
                    Inbound::Ended(end) => break end,
                }
            }
            _ = pings.tick() => {
                if last_received.elapsed() >= liveness.silence_timeout {
                    break SocketEnd::Lost;
                }
                ws::Message::Ping(bytes::Bytes::new())
            }
            () = sleep_until(last_received + liveness.silence_timeout), if liveness.strict => {
                break SocketEnd::Lost;
            }
            message = outbound.recv() => match message {
                Some(message) => text(message),
                None => break SocketEnd::Close(close_code::NORMAL, "the stream has ended"),
            },
            () = &mut producer, if producing => {
                producing = false;
                continue;
            }
            () = sleep_until(last_sent + IDLE_INTERVAL) => text(Message::of(&ServerMessage::Idle)),
        };
        let ping = matches!(message, ws::Message::Ping(_));
        let began = Instant::now();
        let written = tokio::select! {
            biased;
            end = &mut ended => break end,
            written = timeout(liveness.write_timeout, socket.send(message)) => written,
        };
        match written {
            Ok(Ok(())) => {}
            Ok(Err(_)) => break SocketEnd::Lost,
            Err(_) => break SocketEnd::Close(close_code::AGAIN, "the client reads too slowly"),
        }
        reads = 0;
        let now = Instant::now();
        if !ping {
            last_sent = now;
        }
        if now - began > CLOSE_TIMEOUT && !liveness.strict {
            // A slow reader kept us from reading: its silence meanwhile does not count.
            last_received = now;
        }
    };
    // The producer ends now, and not only after the closing handshake: it may hold a lock.
    drop(producer);
    let close_timeout = match end {
        SocketEnd::Close(close_code::AGAIN, _) => SLOW_READER_CLOSE_TIMEOUT,
        _ => CLOSE_TIMEOUT,
    };
    close(socket, end, close_timeout).await;
}

fn text(message: Message) -> ws::Message {
    let mut json = Vec::with_capacity(message.head.len() + message.tail.len());
    json.extend_from_slice(&message.head);
    json.extend_from_slice(&message.tail);
    // The message has been copied, so its share of the memory is free again.
    drop(message.share);
    ws::Message::Text(Utf8Bytes::try_from(json).expect("JSON is UTF-8"))
}

/// A message read from a socket.
enum Inbound {
    Text(String),
    /// Not an operation; the reply.
    Refused(ws::Message),
    /// A ping or pong.
    Nothing,
    /// Nothing more can be read.
    Ended(SocketEnd),
}

fn refusal(code: Code, detail: &str) -> ws::Message {
    text(Message::of(&ServerMessage::Error {
        id: None,
        code,
        detail: detail.to_owned(),
    }))
}

fn inbound(frame: Option<Result<ws::Message, axum::Error>>) -> Inbound {
    match frame {
        Some(Ok(ws::Message::Text(text))) if text.len() > MAX_OPERATION => Inbound::Refused(
            refusal(Code::TooLarge, "operation too large; the limit is 64 KiB"),
        ),
        Some(Ok(ws::Message::Text(text))) => Inbound::Text(text.to_string()),
        Some(Ok(ws::Message::Binary(_))) => Inbound::Refused(refusal(
            Code::BadRequest,
            "an operation must be a text message with one JSON object",
        )),
        Some(Ok(ws::Message::Ping(_) | ws::Message::Pong(_))) => Inbound::Nothing,
        Some(Err(error)) => Inbound::Ended(SocketEnd::of_error(&error)),
        Some(Ok(ws::Message::Close(_))) => Inbound::Ended(SocketEnd::Closed),
        None => Inbound::Ended(SocketEnd::Lost),
    }
}
