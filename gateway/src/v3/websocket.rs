//! Any call over a WebSocket, as at etcd's gateway: the client's messages are a stream of JSON, however it is
//! cut into messages, and each response is one text message. One socket carries one call and ends with it.
//!
//! Unlike etcd's gateway, it sends pings and close codes, limits the size of messages, and returns an error for
//! a malformed request.

use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::HeaderMap;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::errors::CallError;
use super::stream::{Input, OpenError, StreamingCall, requests, result_json, shutting_down};
use super::transcode::encode;
use super::{Call, context, unary};
use crate::web::websocket::{MAX_CONSECUTIVE_READS, SocketEnd, WRITE_TIMEOUT, close};

/// Between pings.
const PING_INTERVAL: Duration = Duration::from_secs(10);
/// A client that sends nothing for this long, not even pongs, while nothing waits to be written, is lost.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a client may take to respond to a close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);
/// Read buffer of a socket, bytes.
const READ_BUFFER: usize = 4 << 10;
/// The client's messages buffered for the call.
const QUEUE: usize = 4;

/// Accepts the upgrade.
pub(super) fn respond(call: Call, upgrade: WebSocketUpgrade, headers: &HeaderMap) -> Response {
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(call.max_request)
        .max_frame_size(call.max_request)
        .on_failed_upgrade(|error| tracing::debug!(%error, "the upgrade failed"));
    // Browsers require one of the protocols they offered; the token among them is not echoed.
    let upgrade = if context::offers_bearer(headers) {
        upgrade.protocols(["Bearer"])
    } else {
        upgrade
    };
    upgrade.on_upgrade(move |socket| {
        let tasks = call.tasks.clone();
        let stop = tasks.stop().child_token();
        tasks.spawn(run(socket, call, stop));
        std::future::ready(())
    })
}

async fn run(mut socket: WebSocket, call: Call, stop: CancellationToken) {
    let (to_call, input) = mpsc::channel::<Bytes>(QUEUE);
    let (to_client, mut outbound) = mpsc::channel(1);
    let server_streaming = call.method.server_streaming;
    let mut call = Box::pin(async move {
        if let Err(error) = make_call(call, input, &to_client).await {
            let message = if server_streaming {
                error.stream_message()
            } else {
                error.unary_body()
            };
            let _ = to_client.send(message.to_string().into_bytes()).await;
        }
    });
    let mut call_running = true;
    let mut pings = interval(PING_INTERVAL);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    let mut last_received = Instant::now();
    // Back-pressure: a message is read only when the call has room for it.
    let mut room = None;
    let mut reads = 0_u32;
    let end = loop {
        // Reading comes before writing, so that close frames and pings get their reply between two messages,
        // however many are queued.
        let message = tokio::select! {
            biased;
            () = stop.cancelled() => {
                if server_streaming {
                    let error = shutting_down().stream_message().to_string();
                    let _ = timeout(CLOSE_TIMEOUT, socket.send(Message::Text(error.into()))).await;
                }
                break SocketEnd::Close(close_code::AWAY, "the gateway is shutting down");
            }
            permit = to_call.reserve(), if room.is_none() && !to_call.is_closed() => {
                room = permit.ok();
                continue;
            }
            frame = socket.recv(), if (room.is_some() || to_call.is_closed())
                && (reads < MAX_CONSECUTIVE_READS || outbound.is_empty()) => {
                last_received = Instant::now();
                reads = reads.saturating_add(1);
                let json = match frame {
                    // The line break ends a number at the end of a message.
                    Some(Ok(Message::Text(text))) => [text.as_bytes(), b"\n"].concat(),
                    Some(Ok(Message::Binary(bytes))) => [&bytes[..], b"\n"].concat(),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Err(error)) => break SocketEnd::of_error(&error),
                    Some(Ok(Message::Close(_))) => break SocketEnd::Closed,
                    None => break SocketEnd::Lost,
                };
                if let Some(room) = room.take() {
                    room.send(json.into());
                }
                continue;
            }
            _ = pings.tick() => {
                if last_received.elapsed() >= SILENCE_TIMEOUT {
                    break SocketEnd::Lost;
                }
                Message::Ping(Bytes::new())
            }
            response = outbound.recv() => match response {
                Some(response) => text(response),
                None => break SocketEnd::Close(close_code::NORMAL, "the call has ended"),
            },
            () = &mut call, if call_running => {
                call_running = false;
                continue;
            }
        };
        let started = Instant::now();
        let written = tokio::select! {
            biased;
            () = stop.cancelled() => break SocketEnd::Close(close_code::AWAY, "the gateway is shutting down"),
            written = timeout(WRITE_TIMEOUT, socket.send(message)) => written,
        };
        match written {
            Ok(Ok(())) => {}
            Ok(Err(_)) => break SocketEnd::Lost,
            Err(_) => break SocketEnd::Close(close_code::AGAIN, "the client reads too slowly"),
        }
        reads = 0;
        if started.elapsed() > CLOSE_TIMEOUT {
            // Nothing was read from the client while it was slow to read, so its silence does not count.
            last_received = Instant::now();
        }
    };
    // Ends the call in etcd now, since the closing handshake may take long.
    drop(call);
    close(socket, end, CLOSE_TIMEOUT).await;
}

/// Makes the call and forwards its responses.
async fn make_call(
    call: Call,
    input: mpsc::Receiver<Bytes>,
    to_client: &mpsc::Sender<Vec<u8>>,
) -> Result<(), CallError> {
    let input = Input::of_socket(input);
    if call.method.server_streaming {
        let call = StreamingCall::open(call, input).await;
        let mut call = call.map_err(OpenError::into_call_error)?;
        while let Some(response) = call.next().await? {
            let json = result_json(call.output(), response)?;
            if to_client.send(json).await.is_err() {
                break;
            }
        }
        return Ok(());
    }
    let (requests, mut request_error) = requests(call.clone(), input);
    let request = std::pin::pin!(requests).next().await;
    let Some(request) = request else {
        return request_error.take().map_or(Ok(()), Err);
    };
    let response = unary::invoke(&call, request).await?;
    let mut json = Vec::new();
    encode(call.method.output, response, &mut json).map_err(|_| CallError::malformed_response())?;
    let _ = to_client.send(json).await;
    Ok(())
}

fn text(json: Vec<u8>) -> Message {
    Message::Text(Utf8Bytes::try_from(json).expect("JSON is UTF-8"))
}
