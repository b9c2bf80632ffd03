//! Streams over a WebSocket: one task a socket, one `select!`.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use axum::extract::ws::{self, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use shared::{Code, ServerMessage};
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep_until, timeout};
use tokio_util::sync::CancellationToken;

use super::stream::{IDLE, Liveness, Message};
use crate::web::websocket::{READS, SocketEnd, close};

/// Largest message a client may send, bytes; a larger one is answered by `error`.
const LARGEST_TEXT: usize = 64 << 10;
/// Largest message that is read at all, bytes; a larger one closes the socket.
const LARGEST_READ: usize = 1 << 20;
/// Between pings.
pub(super) const PING: Duration = Duration::from_secs(10);
/// A client that is silent for so long, pongs included, with nothing waiting to be written, is gone.
pub(super) const SILENT: Duration = Duration::from_secs(30);
/// How long a client may take to answer a close.
const CLOSING: Duration = Duration::from_secs(1);
/// How long who left data unread may take to read it, and the reason.
const UNREAD_GRACE: Duration = Duration::from_secs(30);
/// Read buffer of a socket, bytes: operations are small, and there may be thousands of sockets.
const READ_BUFFER: usize = 4 << 10;

/// Accepts the upgrade; `start` gets the socket.
pub(super) fn upgrade<S>(upgrade: WebSocketUpgrade, start: S) -> Response
where
    S: FnOnce(WebSocket) + Send + 'static,
{
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(LARGEST_READ)
        .max_frame_size(LARGEST_READ)
        .on_failed_upgrade(|error| tracing::debug!(%error, "the upgrade failed"))
        .on_upgrade(move |socket| {
            start(socket);
            std::future::ready(())
        })
}

/// Runs a socket: writes what the producer says, hands it what the client says.
pub(super) async fn run<F>(
    mut socket: WebSocket,
    mut producer: Pin<Box<F>>,
    mut outbound: mpsc::Receiver<Message>,
    ops: mpsc::Sender<String>,
    liveness: Liveness,
    stop: CancellationToken,
) where
    F: Future<Output = ()> + Send,
{
    let mut pings = interval(liveness.ping);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    let mut heard = Instant::now();
    let mut said = Instant::now();
    let mut producing = true;
    // Room for an operation is taken before one is read: a client that sends faster than the
    // producer works is not read from.
    let mut room = None;
    let mut reads = 0_u32;
    let end = loop {
        // Reading comes before writing, so that close frames and pings are answered between two messages
        // however many are queued.
        let message = tokio::select! {
            biased;
            () = stop.cancelled() => break SocketEnd::Close(close_code::AWAY, "the gateway stops"),
            permit = ops.reserve(), if room.is_none() && !ops.is_closed() => {
                room = permit.ok();
                continue;
            }
            frame = socket.recv(), if (room.is_some() || ops.is_closed())
                && (reads < READS || outbound.is_empty()) => {
                heard = Instant::now();
                reads = reads.saturating_add(1);
                match inbound(frame) {
                    Inbound::Text(text) => match room.take() {
                        Some(permit) if !ops.is_closed() => {
                            permit.send(text);
                            continue;
                        }
                        _ => refusal(Code::Unsupported, "this stream takes no operations"),
                    },
                    Inbound::Refused(answer) => answer,
                    Inbound::Nothing => continue,
                    Inbound::Ended(end) => break end,
                }
            }
            _ = pings.tick() => {
                if heard.elapsed() >= liveness.silent {
                    break SocketEnd::Lost;
                }
                ws::Message::Ping(bytes::Bytes::new())
            }
            () = sleep_until(heard + liveness.silent), if liveness.strict => break SocketEnd::Lost,
            message = outbound.recv() => match message {
                Some(message) => text(message),
                None => break SocketEnd::Close(close_code::NORMAL, "the stream has ended"),
            },
            () = &mut producer, if producing => {
                producing = false;
                continue;
            }
            () = sleep_until(said + IDLE) => text(Message::of(&ServerMessage::Idle)),
        };
        let ping = matches!(message, ws::Message::Ping(_));
        let began = Instant::now();
        let written = tokio::select! {
            biased;
            () = stop.cancelled() => break SocketEnd::Close(close_code::AWAY, "the gateway stops"),
            written = timeout(liveness.unread, socket.send(message)) => written,
        };
        match written {
            Ok(Ok(())) => {}
            Ok(Err(_)) => break SocketEnd::Lost,
            Err(_) => break SocketEnd::Close(close_code::AGAIN, "data was left unread"),
        }
        reads = 0;
        let now = Instant::now();
        if !ping {
            said = now;
        }
        if now - began > CLOSING && !liveness.strict {
            // It was the client's turn to read, and nobody listened to it meanwhile.
            heard = now;
        }
    };
    // What the producer holds ends here, not after the handshake.
    drop(producer);
    let grace = match end {
        SocketEnd::Close(close_code::AGAIN, _) => UNREAD_GRACE,
        _ => CLOSING,
    };
    close(socket, end, grace).await;
}

fn text(message: Message) -> ws::Message {
    let mut json = Vec::with_capacity(message.head.len() + message.tail.len());
    json.extend_from_slice(&message.head);
    json.extend_from_slice(&message.tail);
    // Copied: its room in the queue is free again.
    drop(message.share);
    ws::Message::Text(Utf8Bytes::try_from(json).expect("JSON is UTF-8"))
}

enum Inbound {
    Text(String),
    Refused(ws::Message),
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
        Some(Ok(ws::Message::Text(text))) if text.len() > LARGEST_TEXT => {
            Inbound::Refused(refusal(Code::TooLarge, "an operation may have 64 KiB"))
        }
        Some(Ok(ws::Message::Text(text))) => Inbound::Text(text.to_string()),
        Some(Ok(ws::Message::Binary(_))) => Inbound::Refused(refusal(
            Code::BadRequest,
            "operations are text messages with one JSON object",
        )),
        Some(Ok(ws::Message::Ping(_) | ws::Message::Pong(_))) => Inbound::Nothing,
        Some(Err(error)) => Inbound::Ended(SocketEnd::of_error(&error)),
        Some(Ok(ws::Message::Close(_))) => Inbound::Ended(SocketEnd::Closed),
        None => Inbound::Ended(SocketEnd::Lost),
    }
}
