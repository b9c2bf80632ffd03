//! Any call over a WebSocket, as etcd's gateway has it: what the client says is a stream of JSON
//! however it is cut into messages, and each answer is one text message. One call a socket; when the
//! call ends, so does the socket.
//!
//! What etcd's has not: pings, a size of messages, a close code, and an error for a malformed question.

use std::time::Duration;

use axum::extract::ws::{Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt as _;
use http::HeaderMap;
use tokio::sync::mpsc;
use tokio::time::{Instant, MissedTickBehavior, interval, timeout};
use tokio_util::sync::CancellationToken;

use super::errors::Refused;
use super::stream::{Call, Input, Unopened, questions, result, stopping};
use super::transcode::encode;
use super::{Ask, asker, unary};
use crate::web::websocket::{MAX_CONSECUTIVE_READS, SocketEnd, WRITE_TIMEOUT, close};

/// Between pings.
const PING: Duration = Duration::from_secs(10);
/// A client that is silent for so long, pongs included, with nothing waiting to be written, is gone.
const SILENT: Duration = Duration::from_secs(30);
/// How long a client may take to answer a close.
const CLOSING: Duration = Duration::from_secs(1);
/// Read buffer of a socket, bytes.
const READ_BUFFER: usize = 4 << 10;
/// Messages of the client's that wait for the call.
const QUEUE: usize = 4;

/// Accepts the upgrade.
pub(super) fn respond(ask: Ask, upgrade: WebSocketUpgrade, headers: &HeaderMap) -> Response {
    let upgrade = upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(0)
        .max_message_size(ask.most)
        .max_frame_size(ask.most)
        .on_failed_upgrade(|error| tracing::debug!(%error, "the upgrade failed"));
    // Browsers want one of what they offered; the token beside it is not repeated.
    let upgrade = if asker::offers_bearer(headers) {
        upgrade.protocols(["Bearer"])
    } else {
        upgrade
    };
    upgrade.on_upgrade(move |socket| {
        let tasks = ask.tasks.clone();
        let stop = tasks.stop().child_token();
        tasks.spawn(run(socket, ask, stop));
        std::future::ready(())
    })
}

async fn run(mut socket: WebSocket, ask: Ask, stop: CancellationToken) {
    let (to_call, input) = mpsc::channel::<Bytes>(QUEUE);
    let (to_client, mut outbound) = mpsc::channel(1);
    let streams = ask.method.answers_many;
    let mut call = Box::pin(async move {
        if let Err(refused) = make(ask, input, &to_client).await {
            let told = if streams {
                refused.in_stream()
            } else {
                refused.whole()
            };
            let _ = to_client.send(told.to_string().into_bytes()).await;
        }
    });
    let mut calling = true;
    let mut pings = interval(PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    pings.reset();
    let mut heard = Instant::now();
    // Room for what the client says is there before it is read: who says more than the call takes is
    // not read from.
    let mut room = None;
    let mut reads = 0_u32;
    let end = loop {
        // Reading comes before writing, so that close frames and pings are answered between two messages
        // however many are queued.
        let message = tokio::select! {
            biased;
            () = stop.cancelled() => {
                if streams {
                    let told = stopping().in_stream().to_string();
                    let _ = timeout(CLOSING, socket.send(Message::Text(told.into()))).await;
                }
                break SocketEnd::Close(close_code::AWAY, "the gateway stops");
            }
            permit = to_call.reserve(), if room.is_none() && !to_call.is_closed() => {
                room = permit.ok();
                continue;
            }
            frame = socket.recv(), if (room.is_some() || to_call.is_closed())
                && (reads < MAX_CONSECUTIVE_READS || outbound.is_empty()) => {
                heard = Instant::now();
                reads = reads.saturating_add(1);
                let said = match frame {
                    // A number ends with its message.
                    Some(Ok(Message::Text(text))) => [text.as_bytes(), b"\n"].concat(),
                    Some(Ok(Message::Binary(bytes))) => [&bytes[..], b"\n"].concat(),
                    Some(Ok(Message::Ping(_) | Message::Pong(_))) => continue,
                    Some(Err(error)) => break SocketEnd::of_error(&error),
                    Some(Ok(Message::Close(_))) => break SocketEnd::Closed,
                    None => break SocketEnd::Lost,
                };
                if let Some(room) = room.take() {
                    room.send(said.into());
                }
                continue;
            }
            _ = pings.tick() => {
                if heard.elapsed() >= SILENT {
                    break SocketEnd::Lost;
                }
                Message::Ping(Bytes::new())
            }
            answer = outbound.recv() => match answer {
                Some(answer) => text(answer),
                None => break SocketEnd::Close(close_code::NORMAL, "the call has ended"),
            },
            () = &mut call, if calling => {
                calling = false;
                continue;
            }
        };
        let began = Instant::now();
        let written = tokio::select! {
            biased;
            () = stop.cancelled() => break SocketEnd::Close(close_code::AWAY, "the gateway stops"),
            written = timeout(WRITE_TIMEOUT, socket.send(message)) => written,
        };
        match written {
            Ok(Ok(())) => {}
            Ok(Err(_)) => break SocketEnd::Lost,
            Err(_) => break SocketEnd::Close(close_code::AGAIN, "data was left unread"),
        }
        reads = 0;
        if began.elapsed() > CLOSING {
            // It was the client's turn to read, and nobody listened to it meanwhile.
            heard = Instant::now();
        }
    };
    // What the call holds in etcd ends here, however long the goodbye takes.
    drop(call);
    close(socket, end, CLOSING).await;
}

/// Makes the call and hands its answers on.
async fn make(
    ask: Ask,
    input: mpsc::Receiver<Bytes>,
    to_client: &mpsc::Sender<Vec<u8>>,
) -> Result<(), Refused> {
    let input = Input::of_socket(input);
    if ask.method.answers_many {
        let mut call = Call::open(ask, input).await.map_err(Unopened::refused)?;
        while let Some(answer) = call.next().await? {
            let answer = result(call.output(), answer)?;
            if to_client.send(answer).await.is_err() {
                break;
            }
        }
        return Ok(());
    }
    let (questions, mut failed) = questions(ask.clone(), input);
    let question = std::pin::pin!(questions).next().await;
    let Some(question) = question else {
        return failed.known().map_or(Ok(()), Err);
    };
    let answer = unary::call(&ask, question).await?;
    let mut text = Vec::new();
    encode(ask.method.output, answer, &mut text).map_err(|_| Refused::unreadable())?;
    let _ = to_client.send(text).await;
    Ok(())
}

fn text(answer: Vec<u8>) -> Message {
    Message::Text(Utf8Bytes::try_from(answer).expect("JSON is UTF-8"))
}
