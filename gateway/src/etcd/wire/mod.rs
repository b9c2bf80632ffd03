//! The watch call on the wire: it frames requests and parses responses while they arrive.
//!
//! A revision that deletes 100,000 keys is one response of tens of MiB. etcd can split it (`fragment`),
//! but recomputes the size of the growing fragment for every event it adds: half a minute of its
//! processor for 20,000 small events (measured on 3.7.3). So responses are requested whole and parsed
//! field by field ([`parser`]), and at most a chunk plus one event of a response is ever held.

mod parser;

use std::collections::VecDeque;
use std::pin::Pin;

use bytes::{Bytes, BytesMut};
use etcd_client::proto::{PbEvent, PbResponseHeader};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Service as _;

use self::parser::Parser;
use super::account::Transport;

const PATH: &str = "/etcdserverpb.Watch/Watch";
/// gRPC's message prefix: a flag and the length.
const PREFIX: usize = 5;
/// Maximum requests in flight: one create request and progress requests.
const REQUESTS: usize = 4;

/// etcd's `WatchCreateRequest`, with all of its fields.
#[derive(Clone, PartialEq, prost::Message)]
pub(crate) struct WatchCreateRequest {
    #[prost(bytes = "bytes", tag = "1")]
    pub(crate) key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    pub(crate) range_end: Bytes,
    #[prost(int64, tag = "3")]
    pub(crate) start_revision: i64,
    #[prost(bool, tag = "4")]
    pub(crate) progress_notify: bool,
    /// 0 is "no puts", 1 is "no deletes".
    #[prost(int32, repeated, tag = "5")]
    pub(crate) filters: Vec<i32>,
    #[prost(bool, tag = "6")]
    pub(crate) prev_kv: bool,
    #[prost(int64, tag = "7")]
    pub(crate) watch_id: i64,
    #[prost(bool, tag = "8")]
    pub(crate) fragment: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct WatchProgressRequest {}

/// etcd's `WatchRequest`: one of its oneof members.
#[derive(Clone, PartialEq, prost::Message)]
struct WatchRequest {
    #[prost(message, optional, tag = "1")]
    create: Option<WatchCreateRequest>,
    #[prost(message, optional, tag = "3")]
    progress: Option<WatchProgressRequest>,
}

fn encode_frame(request: &WatchRequest) -> Bytes {
    let length = request.encoded_len();
    let mut message = BytesMut::with_capacity(PREFIX + length);
    message.extend_from_slice(&[0]);
    message.extend_from_slice(
        &u32::try_from(length)
            .expect("requests are small")
            .to_be_bytes(),
    );
    request.encode(&mut message).expect("a buffer grows");
    message.freeze()
}

/// An event.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Received {
    pub(super) event: PbEvent,
    /// The size of the key's new value, if values are skipped.
    pub(super) value_size: Option<usize>,
}

impl Received {
    fn key_size(&self) -> usize {
        self.event.kv.as_ref().map_or(0, |kv| kv.key.len())
    }
}

/// The part of a response that has arrived.
#[derive(Debug, Default)]
pub(super) struct Response {
    pub(super) header: Option<PbResponseHeader>,
    pub(super) created: bool,
    pub(super) canceled: bool,
    pub(super) compact_revision: i64,
    pub(super) cancel_reason: String,
    /// etcd fragmented it: the next response continues it.
    pub(super) fragment: bool,
    /// Events that were not delivered before.
    pub(super) events: Vec<Received>,
    /// Some were delivered before.
    pub(super) continued: bool,
    /// The whole response has arrived.
    pub(super) complete: bool,
}

/// An open watch call. Dropping it ends the call.
#[derive(Debug)]
pub(super) struct WatchCall {
    requests: mpsc::Sender<Bytes>,
    body: Body,
    parser: Parser,
    ready: VecDeque<Response>,
}

impl WatchCall {
    /// Opens a stream that requires a leader, and sends the create request. With `keys_only` the values in
    /// etcd's responses are skipped.
    pub(super) async fn open(
        mut channel: Transport,
        create: WatchCreateRequest,
        keys_only: bool,
    ) -> Result<Self, Status> {
        let (requests, outgoing) = mpsc::channel(REQUESTS);
        let create = encode_frame(&WatchRequest {
            create: Some(create),
            progress: None,
        });
        let _ = requests.try_send(create);
        let outgoing = ReceiverStream::new(outgoing)
            .map(|message| Ok::<_, std::convert::Infallible>(Frame::data(message)));
        let mut request = Request::post(PATH)
            .body(Body::new(StreamBody::new(outgoing)))
            .expect("a constant path is a URI");
        let headers = request.headers_mut();
        headers.insert("content-type", HeaderValue::from_static("application/grpc"));
        headers.insert("te", HeaderValue::from_static("trailers"));
        headers.insert("hasleader", HeaderValue::from_static("true"));
        let response = channel.call(request).await.map_err(Status::from_error)?;
        if let Some(status) = Status::from_header_map(response.headers()) {
            return Err(status);
        }
        if response.status() != http::StatusCode::OK {
            let status = response.status();
            return Err(Status::unavailable(format!("HTTP status {status}")));
        }
        Ok(Self {
            requests,
            body: response.into_body(),
            parser: Parser::new(keys_only),
            ready: VecDeque::new(),
        })
    }

    /// Peeks at the next response.
    pub(super) async fn peek(&mut self) -> Result<Option<&Response>, Status> {
        if self.ready.is_empty()
            && let Some(response) = self.next().await?
        {
            self.ready.push_front(response);
        }
        Ok(self.ready.front())
    }

    /// Sends a progress request.
    pub(super) fn request_progress(&self) {
        let request = encode_frame(&WatchRequest {
            create: None,
            progress: Some(WatchProgressRequest {}),
        });
        // If earlier requests are still queued, one more adds nothing.
        let _ = self.requests.try_send(request);
    }

    /// The next response, or the part that has arrived; `None` at the end of the call. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Option<Response>, Status> {
        loop {
            if let Some(response) = self.ready.pop_front() {
                return Ok(Some(response));
            }
            let Some(frame) = Pin::new(&mut self.body).frame().await else {
                return Ok(None);
            };
            match frame?.into_data() {
                Ok(data) => self.parser.push(&data, &mut self.ready)?,
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_else(|_| HeaderMap::new());
                    return match Status::from_header_map(&trailers) {
                        Some(status) if status.code() != Code::Ok => Err(status),
                        _ => Ok(None),
                    };
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
