//! Readers of live streams: NDJSON, server-sent events and WebSockets carry the same objects.
//!
//! Every message is recorded in a [`ledger`], so every test of a stream also checks the guarantees of
//! every stream: no duplicates, revisions in order, no revision interrupted.

mod ledger;
mod lines;

use std::time::Duration;

use futures_util::{SinkExt as _, StreamExt as _};
use http::{HeaderName, HeaderValue};
use serde_json::Value;
use tokio::time::{Instant, timeout};
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::protocol::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::frame::Frame;
use tokio_tungstenite::tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tokio_tungstenite::tungstenite::{Error as SocketError, Message};
use tokio_tungstenite::{WebSocketStream, client_async};

use self::ledger::Ledger;
pub use self::lines::Lines;
use crate::DEADLINE;
use crate::connect::Connection;
use crate::http::{Client, Head, Request};

/// An open stream. Dropping it closes its connection.
#[derive(Debug)]
pub struct Stream {
    transport: Transport,
    ledger: Ledger,
    /// The id of the last server-sent event, which an EventSource sends when it reconnects.
    pub last_event_id: String,
}

#[derive(Debug)]
enum Transport {
    Ndjson(Lines),
    Sse(Lines),
    Socket(Box<WebSocketStream<Connection>>),
}

/// How a stream ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// A complete response, or a closing handshake with this code.
    Orderly(Option<CloseCode>),
    /// The connection broke.
    Broken,
}

impl Stream {
    /// Opens a stream as `curl -N` does.
    pub async fn ndjson(request: Request) -> Self {
        let head = open(request.header("accept", "application/x-ndjson")).await;
        assert_eq!(head.headers["content-type"], "application/x-ndjson");
        Self::over(Transport::Ndjson(Lines::new(head)))
    }

    /// Opens a stream as an EventSource does.
    pub async fn sse(request: Request, last_event_id: &str) -> Self {
        let mut request = request.header("accept", "text/event-stream");
        if !last_event_id.is_empty() {
            request = request.header("last-event-id", last_event_id);
        }
        let head = open(request).await;
        assert_eq!(head.headers["content-type"], "text/event-stream");
        let mut stream = Self::over(Transport::Sse(Lines::new(head)));
        last_event_id.clone_into(&mut stream.last_event_id);
        stream
    }

    /// Opens a stream by each transport: NDJSON, server-sent events and a WebSocket.
    pub async fn by_every_transport(client: &Client, path: &str) -> [Self; 3] {
        [
            Self::ndjson(client.get(path)).await,
            Self::sse(client.get(path), "").await,
            Self::socket(client, path).await,
        ]
    }

    /// Opens a WebSocket.
    pub async fn socket(client: &Client, path: &str) -> Self {
        match Self::try_socket(client, path, &[]).await {
            Ok(stream) => stream,
            Err(error) => panic!("upgrade of {path}: {error}"),
        }
    }

    /// Opens a WebSocket with further headers; an error is the status of the refusal.
    pub async fn try_socket(
        client: &Client,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Self, String> {
        let url = format!("ws://{}{}", client.address(), client.path(path));
        let mut request = url.into_client_request().map_err(|e| e.to_string())?;
        let own = client.headers().iter();
        let own = own.map(|(name, value)| (name.as_str(), value.as_str()));
        for (name, value) in own.chain(headers.iter().copied()) {
            let name =
                HeaderName::from_bytes(name.as_bytes()).expect("tests send valid header names");
            let value = HeaderValue::from_str(value).expect("tests send valid header values");
            request.headers_mut().insert(name, value);
        }
        let stream = client.target().open().await.map_err(|e| e.to_string())?;
        match timeout(DEADLINE, client_async(request, stream)).await {
            Ok(Ok((socket, _))) => Ok(Self::over(Transport::Socket(Box::new(socket)))),
            Ok(Err(SocketError::Http(refused))) => Err(refused.status().as_u16().to_string()),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err("no response to the upgrade".to_owned()),
        }
    }

    fn over(transport: Transport) -> Self {
        Self {
            transport,
            ledger: Ledger::default(),
            last_event_id: String::new(),
        }
    }

    /// Sends a message on a socket.
    pub async fn send(&mut self, message: &Value) {
        self.send_text(&message.to_string()).await;
    }

    /// Sends any text on a socket.
    pub async fn send_text(&mut self, text: &str) {
        let socket = self.as_socket();
        socket
            .send(Message::text(text))
            .await
            .expect("the socket is open");
    }

    /// Sends one text message in these fragments, which need not be UTF-8; `whole`: the last one is
    /// final.
    pub async fn send_pieces(&mut self, pieces: &[&[u8]], whole: bool) {
        let socket = self.as_socket();
        for (at, piece) in pieces.iter().enumerate() {
            let kind = if at == 0 { Data::Text } else { Data::Continue };
            let last = whole && at + 1 == pieces.len();
            let frame = Frame::message(piece.to_vec(), OpCode::Data(kind), last);
            socket
                .send(Message::Frame(frame))
                .await
                .expect("the socket is open");
        }
    }

    /// Closes a socket with this code, or without one, and returns how it ended.
    pub async fn close(&mut self, code: Option<u16>, deadline: Duration) -> Ended {
        let socket = self.as_socket();
        let frame = code.map(|code| CloseFrame {
            code: code.into(),
            reason: "a test closes it".into(),
        });
        socket
            .send(Message::Close(frame))
            .await
            .expect("the socket is open");
        self.wait_for_end(deadline).await
    }

    /// The next message of any type.
    pub async fn next_any(&mut self) -> Value {
        self.next_within(DEADLINE)
            .await
            .unwrap_or_else(|ended| panic!("the stream ended ({ended:?}); {}", self.ledger.tail()))
    }

    /// The next message of any type, or how the stream ended.
    pub async fn next_within(&mut self, deadline: Duration) -> Result<Value, Ended> {
        let Ok(message) = timeout(deadline, self.read()).await else {
            panic!("no message within {deadline:?}; {}", self.ledger.tail());
        };
        if let Ok(message) = &message {
            self.ledger.record(message);
        }
        message
    }

    /// The next line of a stream that is not a watch; the ledger does not check it.
    pub async fn line_within(&mut self, deadline: Duration) -> Result<Value, Ended> {
        timeout(deadline, self.read())
            .await
            .unwrap_or_else(|_| panic!("no line within {deadline:?}"))
    }

    /// The next message except progress and idle messages.
    pub async fn next(&mut self) -> Value {
        loop {
            let message = self.next_any().await;
            let quiet = ["progress", "idle", "locks_progress", "leases_progress"];
            if !quiet.iter().any(|kind| message["type"] == *kind) {
                return message;
            }
        }
    }

    /// The next message except progress and idle messages; it must have this type.
    pub async fn expect_type(&mut self, kind: &str) -> Value {
        let message = self.next().await;
        assert_eq!(message["type"], kind, "{message}; {}", self.ledger.tail());
        message
    }

    /// Events of the only watch, until `revision` is complete.
    pub async fn until(&mut self, revision: i64) -> Vec<Value> {
        let mut all = Vec::new();
        // Progress without events means that the stream has lost something.
        let mut last = Instant::now();
        loop {
            let message = self.next_any().await;
            match message["type"].as_str() {
                Some("events") => {
                    let events = message["events"].as_array().expect("events have events");
                    all.extend(events.iter().cloned());
                    last = Instant::now();
                }
                Some("progress" | "idle" | "lagged") => assert!(
                    last.elapsed() < 2 * DEADLINE,
                    "revision {revision} does not arrive; {}",
                    self.ledger.tail()
                ),
                _ => panic!("{message} among events; {}", self.ledger.tail()),
            }
            let more = message["more"] == true;
            if !more
                && message["revision"]
                    .as_i64()
                    .is_some_and(|seen| seen >= revision)
            {
                return all;
            }
        }
    }

    /// Reads to the end and ignores the messages before it.
    pub async fn wait_for_end(&mut self, deadline: Duration) -> Ended {
        let read = async {
            loop {
                if let Err(ended) = self.read().await {
                    return ended;
                }
            }
        };
        timeout(deadline, read)
            .await
            .unwrap_or_else(|_| panic!("the stream does not end within {deadline:?}"))
    }

    fn as_socket(&mut self) -> &mut WebSocketStream<Connection> {
        match &mut self.transport {
            Transport::Socket(socket) => socket,
            other => panic!("this stream is not a socket: {other:?}"),
        }
    }

    async fn read(&mut self) -> Result<Value, Ended> {
        let text = match &mut self.transport {
            Transport::Ndjson(lines) => lines.line().await?,
            Transport::Sse(lines) => {
                let event = lines.event().await?;
                if let Some(id) = event.id {
                    self.last_event_id = id;
                }
                event.data
            }
            Transport::Socket(socket) => text(socket).await?,
        };
        Ok(serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}")))
    }
}

async fn open(request: Request) -> Head {
    let head = request.open().await.expect("the gateway responds");
    if head.status != 200 {
        let (line, found) = (head.line.clone(), head.status);
        let text = Lines::new(head).rest().await;
        panic!("{line}: {found}: {text}");
    }
    head
}

async fn text(socket: &mut WebSocketStream<Connection>) -> Result<String, Ended> {
    loop {
        match socket.next().await {
            Some(Ok(Message::Text(text))) => return Ok(text.to_string()),
            Some(Ok(Message::Close(frame))) => {
                return Err(Ended::Orderly(frame.map(|frame| frame.code)));
            }
            Some(Ok(Message::Binary(bytes))) => panic!("{} binary bytes", bytes.len()),
            Some(Ok(_)) => {}
            Some(Err(_)) | None => return Err(Ended::Broken),
        }
    }
}

/// The events of these messages, in order.
pub fn events_of(messages: &[Value]) -> Vec<Value> {
    messages
        .iter()
        .filter_map(|message| message["events"].as_array())
        .flatten()
        .cloned()
        .collect()
}

/// The revisions of these events.
pub fn revisions_of(events: &[Value]) -> Vec<i64> {
    events
        .iter()
        .map(|event| {
            event["mod_revision"]
                .as_i64()
                .expect("events have a revision")
        })
        .collect()
}

/// The revisions of the last changes in these closed folders.
fn revisions_of_folders(folders: &[Value]) -> Vec<i64> {
    folders
        .iter()
        .map(|folder| {
            folder["revision"]
                .as_i64()
                .expect("folders have a revision")
        })
        .collect()
}
