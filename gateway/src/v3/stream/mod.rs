//! Streaming calls: newline-delimited JSON in both directions.
//!
//! The response's head waits for the first message, as at etcd's gateway: a call that fails before it has the
//! status of its error. When the client disconnects, its call ends, whatever it is waiting for; a client that
//! does not read is disconnected after a timeout.
//!
//! Each line is one frame of the body, and so one chunk of HTTP/1.1: etcd's gateway writes each document with
//! one call, and clients such as etcd3gw parse each chunk as a document.

use std::future::ready;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream::{BoxStream, unfold};
use futures_util::{Stream, StreamExt as _};
use http::header::{CONTENT_TYPE, HeaderName};
use http::{HeaderValue, StatusCode};
use serde_json::Value;
use tokio::sync::{mpsc, oneshot};
use tokio::time::{sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use super::Call;
use super::errors::{CallError, EtcdShaped, code};
use super::resume::ResumableWatch;
use super::schema::MessageId;
use super::transcode::{Encoder, Splitter, encode};
use crate::content::{is_undecodable, unreadable};
use crate::etcd::RawResponses;
use crate::server::{BodyTimedOut, BodyTimeout};
use crate::web::websocket::WRITE_TIMEOUT;

/// How long a client may take to read the last chunk at shutdown.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(1);

/// Longest line that is sent as one chunk, bytes; a longer one is sent in several, so that its JSON is
/// never in memory as a whole. The largest values that etcd recommends to allow (10 MiB), written over one
/// another with `prev_kv`, are 28 MiB of JSON.
const LONGEST_CHUNK: usize = 32 << 20;

/// The method that makes no sense without a request; etcd's gateway then never responds.
const WATCH: &str = "/etcdserverpb.Watch/Watch";

/// An open streaming call.
pub(super) struct StreamingCall {
    call: Call,
    responses: Responses,
    request_error: RequestError,
}

/// The source of a call's responses.
enum Responses {
    Plain(Box<RawResponses>),
    Watch(Box<ResumableWatch>),
}

impl Responses {
    async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        match self {
            Self::Plain(responses) => responses.next().await.map_err(CallError::from),
            Self::Watch(watch) => watch.next().await,
        }
    }
}

/// The error of a request message that could not be read, if there is one.
pub(super) struct RequestError(Option<oneshot::Receiver<CallError>>);

impl RequestError {
    /// Resolves to the error; pending forever without one.
    pub(super) async fn wait(&mut self) -> CallError {
        if let Some(receiver) = &mut self.0 {
            let error = receiver.await;
            self.0 = None;
            if let Ok(error) = error {
                return error;
            }
        }
        std::future::pending().await
    }

    /// The error, if one has occurred.
    pub(super) fn take(&mut self) -> Option<CallError> {
        self.0
            .as_mut()
            .and_then(|receiver| receiver.try_recv().ok())
    }
}

/// The client's input, in pieces of any size.
pub(super) struct Input {
    pieces: BoxStream<'static, Result<Bytes, CallError>>,
    body_timeout: Option<BodyTimeout>,
}

impl Input {
    /// A request's body of up to `limit` bytes. `body_timeout` can disable its timeout.
    fn of_body(body: Body, body_timeout: Option<BodyTimeout>, limit: usize) -> Self {
        let pieces = body.into_data_stream().map(move |piece| match piece {
            Ok(piece) => Some(Ok(piece)),
            Err(error) if BodyTimedOut::caused(&error) || is_undecodable(&error) => {
                Some(Err(unreadable(error.into(), limit).into()))
            }
            // A body that breaks off has ended; if its client has disconnected, so has this call.
            Err(_) => None,
        });
        let pieces = pieces.take_while(|piece| ready(piece.is_some()));
        let pieces = pieces.filter_map(ready).boxed();
        Self {
            pieces,
            body_timeout,
        }
    }

    /// A socket's messages.
    pub(super) fn of_socket(messages: mpsc::Receiver<Bytes>) -> Self {
        Self {
            pieces: ReceiverStream::new(messages).map(Ok).boxed(),
            body_timeout: None,
        }
    }
}

/// Why a call could not be opened.
pub(super) enum OpenError {
    /// The request could not be read.
    Malformed(CallError),
    /// etcd refused the call.
    Refused(CallError),
}

impl OpenError {
    pub(super) fn into_call_error(self) -> CallError {
        match self {
            Self::Malformed(error) | Self::Refused(error) => error,
        }
    }
}

impl StreamingCall {
    /// Opens a call with the requests in `input`. Returns when the response has started.
    pub(super) async fn open(call: Call, input: Input) -> Result<Self, OpenError> {
        let (requests, mut request_error) = requests(call.clone(), input);
        if call.method.path == WATCH {
            let watch = ResumableWatch::new(call.clone(), requests.boxed());
            return Ok(Self {
                call,
                responses: Responses::Watch(Box::new(watch)),
                request_error,
            });
        }
        let opening = async {
            let raw = call.context.raw_call(&call.method.path);
            let responses = call.etcd.raw_stream(raw, requests).await;
            responses
                .map(|responses| Responses::Plain(Box::new(responses)))
                .map_err(CallError::from)
        };
        let responses = tokio::select! {
            biased;
            error = request_error.wait() => Err(OpenError::Malformed(error)),
            responses = call.context.with_deadline(opening) => responses.map_err(OpenError::Refused),
        }?;
        Ok(Self {
            call,
            responses,
            request_error,
        })
    }

    /// The next response; `None` at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
        let Self {
            call,
            responses,
            request_error,
        } = self;
        let response = tokio::select! {
            biased;
            error = request_error.wait() => Err(error),
            response = call.context.with_deadline(responses.next()) => response,
        };
        match response {
            // etcd may have ended the call because the requests ended with an error.
            Ok(None) => request_error.take().map_or(Ok(None), Err),
            response => response,
        }
    }

    pub(super) fn output(&self) -> MessageId {
        self.call.method.output
    }
}

/// The request messages in a stream of bytes, as protobuf. They end at one that cannot be read.
pub(super) fn requests(
    call: Call,
    input: Input,
) -> (impl Stream<Item = Bytes> + Send + 'static, RequestError) {
    struct Requests {
        call: Call,
        input: Input,
        /// Absent after the end of the input.
        splitter: Option<Splitter>,
        /// A request has been returned.
        started: bool,
        error: Option<oneshot::Sender<CallError>>,
    }

    impl Requests {
        async fn next(&mut self) -> Result<Option<Bytes>, CallError> {
            if self.started && !self.call.method.client_streaming {
                return Ok(None);
            }
            let Some(text) = self.text().await? else {
                if !self.started && self.call.method.path == WATCH {
                    return Err(CallError::invalid_argument("a watch request is required"));
                }
                // Without a body, the request of a call that has exactly one is an empty message.
                let empty_request = !self.started && !self.call.method.client_streaming;
                self.started = true;
                return if empty_request {
                    self.call.decode_request(b"").map(Some)
                } else {
                    Ok(None)
                };
            };
            self.started = true;
            if self.call.method.client_streaming
                && let Some(body_timeout) = &self.input.body_timeout
            {
                // The client sends the next request whenever it has one.
                body_timeout.disable();
            }
            self.call.decode_request(&text).map(Some)
        }

        async fn text(&mut self) -> Result<Option<Bytes>, CallError> {
            loop {
                let Some(splitter) = &mut self.splitter else {
                    return Ok(None);
                };
                let value = splitter.next();
                let value = value.map_err(|_| CallError::too_large(self.call.max_request))?;
                if value.is_some() {
                    return Ok(value);
                }
                match self.input.pieces.next().await {
                    Some(piece) => splitter.push(&piece?),
                    None => return Ok(self.splitter.take().and_then(Splitter::rest)),
                }
            }
        }
    }

    let (sender, receiver) = oneshot::channel();
    let state = Requests {
        splitter: Some(Splitter::new(call.max_request)),
        call,
        input,
        started: false,
        error: Some(sender),
    };
    let requests = unfold(state, |mut state| async move {
        match state.next().await {
            Ok(request) => request.map(|request| (request, state)),
            Err(error) => {
                if let Some(sender) = state.error.take() {
                    let _ = sender.send(error);
                }
                None
            }
        }
    });
    (requests, RequestError(Some(receiver)))
}

/// Responds to a request.
pub(super) async fn respond(
    call: Call,
    body: Body,
    body_timeout: Option<BodyTimeout>,
) -> Result<Response, CallError> {
    let input = Input::of_body(body, body_timeout, call.max_request);
    let tasks = call.tasks.clone();
    let client_streaming = call.method.client_streaming;
    let mut call = match StreamingCall::open(call, input).await {
        Ok(call) => call,
        // A single request is read before the stream starts, so its error is a unary one.
        Err(OpenError::Malformed(error)) if !client_streaming => return Err(error),
        Err(error) => {
            let error = error.into_call_error();
            return Ok(error.response(&error.stream_message()));
        }
    };
    let first = match call.next().await {
        Ok(first) => first,
        Err(error) => return Ok(error.response(&error.stream_message())),
    };
    let (to_body, chunks) = mpsc::channel(1);
    if let Some(first) = first {
        let stop = tasks.stop().child_token();
        tasks.spawn(run(call, first, to_body, stop));
    }
    let chunks = ReceiverStream::new(chunks).map(Ok::<Bytes, std::convert::Infallible>);
    let mut response = Response::new(Body::from_stream(chunks));
    *response.status_mut() = StatusCode::OK;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(
        HeaderName::from_static("x-accel-buffering"),
        HeaderValue::from_static("no"),
    );
    response.extensions_mut().insert(EtcdShaped);
    Ok(response)
}

/// Writes responses until the call ends, the client disconnects or does not read, or the gateway shuts down.
async fn run(
    mut call: StreamingCall,
    first: Bytes,
    to_body: mpsc::Sender<Bytes>,
    stop: CancellationToken,
) {
    let mut response = first;
    loop {
        if !write_line(call.output(), response, &to_body, &stop).await {
            return;
        }
        let next = tokio::select! {
            biased;
            () = to_body.closed() => return,
            () = stop.cancelled() => Err(shutting_down()),
            next = call.next() => next,
        };
        match next {
            Ok(Some(next)) => response = next,
            Ok(None) => return,
            Err(error) => {
                send_chunk(&to_body, line(&error.stream_message()), &stop).await;
                return;
            }
        }
    }
}

/// The last message of a stream at shutdown.
pub(super) fn shutting_down() -> CallError {
    CallError::new(code::UNAVAILABLE, "the gateway is shutting down")
}

fn line(value: &Value) -> Bytes {
    let mut line = value.to_string();
    line.push('\n');
    line.into()
}

/// Sends one response as a line, in one chunk up to [`LONGEST_CHUNK`]; returns whether the client got it.
async fn write_line(
    message: MessageId,
    bytes: Bytes,
    to_body: &mpsc::Sender<Bytes>,
    stop: &CancellationToken,
) -> bool {
    let mut line = Line::new(message, bytes, LONGEST_CHUNK);
    while let Some(chunk) = line.next() {
        if !send_chunk(to_body, chunk, stop).await {
            return false;
        }
    }
    !line.broken
}

/// One response's line, in chunks.
struct Line {
    /// Absent once the line has ended.
    encoder: Option<Encoder>,
    longest_chunk: usize,
    next: Vec<u8>,
    /// A chunk was returned.
    started: bool,
    /// The response turned out to be malformed after that.
    broken: bool,
}

impl Line {
    fn new(message: MessageId, bytes: Bytes, longest_chunk: usize) -> Self {
        // An estimate: base64 makes four bytes of three, and names and numbers are added.
        let length = bytes.len() + bytes.len() / 2;
        let encoder = Encoder::new(message, bytes).ok();
        let next = if encoder.is_some() {
            let mut next = Vec::with_capacity(length.min(longest_chunk) + 64);
            next.extend_from_slice(br#"{"result":"#);
            next
        } else {
            line(&CallError::malformed_response().stream_message()).into()
        };
        Self {
            encoder,
            longest_chunk,
            next,
            started: false,
            broken: false,
        }
    }

    fn next(&mut self) -> Option<Bytes> {
        let mut chunk = std::mem::take(&mut self.next);
        if let Some(encoder) = &mut self.encoder {
            match encoder.write(&mut chunk, self.longest_chunk) {
                Ok(true) => {
                    chunk.extend_from_slice(b"}\n");
                    self.encoder = None;
                }
                Ok(false) => {}
                Err(_) if !self.started => {
                    self.encoder = None;
                    return Some(line(&CallError::malformed_response().stream_message()));
                }
                Err(_) => {
                    // Part of the line has been sent: it can only be cut off.
                    self.encoder = None;
                    self.broken = true;
                    return None;
                }
            }
        }
        self.started = true;
        (!chunk.is_empty()).then(|| chunk.into())
    }
}

/// Sends the client a chunk; returns whether there was room for it in time.
async fn send_chunk(to_body: &mpsc::Sender<Bytes>, chunk: Bytes, stop: &CancellationToken) -> bool {
    let stopped = async {
        stop.cancelled().await;
        sleep(SHUTDOWN_GRACE).await;
    };
    tokio::select! {
        biased;
        sent = timeout(WRITE_TIMEOUT, to_body.send(chunk)) => matches!(sent, Ok(Ok(()))),
        () = stopped => false,
    }
}

/// One response of a stream as JSON, without a line break.
pub(super) fn result_json(message: MessageId, bytes: Bytes) -> Result<Vec<u8>, CallError> {
    let mut text = br#"{"result":"#.to_vec();
    encode(message, bytes, &mut text).map_err(|_| CallError::malformed_response())?;
    text.push(b'}');
    Ok(text)
}

#[cfg(test)]
mod tests;
