//! The watch call on the wire: it frames requests and parses responses while they arrive.
//!
//! A revision that deletes 100,000 keys is one response of tens of MiB. etcd can split it (`fragment`),
//! but recomputes the size of the growing fragment for every event it adds: half a minute of its
//! processor for 20,000 small events (measured on 3.7.3). So responses are requested whole and parsed
//! field by field, and at most [`CHUNK`] plus one event of a response is ever held.

use std::collections::VecDeque;
use std::pin::Pin;

use bytes::{Buf as _, Bytes, BytesMut};
use etcd_client::proto::{PbEvent, PbResponseHeader};
use http::{HeaderMap, HeaderValue, Request};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use prost::Message as _;
use prost::encoding::{WireType, decode_key, decode_varint};
use tokio::sync::mpsc;
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::Service as _;

use super::account::Transport;
use super::channel::MAX_RESPONSE;

const PATH: &str = "/etcdserverpb.Watch/Watch";
/// Events are delivered in chunks of this many bytes, before their response is complete.
const CHUNK: usize = 512 << 10;
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
    pub(super) events: Vec<PbEvent>,
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
    /// Opens a stream that requires a leader, and sends the create request.
    pub(super) async fn open(
        mut channel: Transport,
        create: WatchCreateRequest,
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
            parser: Parser::default(),
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

/// Parses responses. Holds the bytes of one unfinished field and the events of one chunk.
#[derive(Debug, Default)]
struct Parser {
    buffer: BytesMut,
    /// Unread bytes of the current message, once its prefix has been read.
    left: Option<usize>,
    response: Response,
    /// Bytes of the events in `response`.
    size: usize,
}

impl Parser {
    fn push(&mut self, data: &[u8], ready: &mut VecDeque<Response>) -> Result<(), Status> {
        self.buffer.extend_from_slice(data);
        loop {
            let Some(left) = self.left else {
                if self.buffer.len() < PREFIX {
                    return Ok(());
                }
                if self.buffer.get_u8() != 0 {
                    return Err(Status::internal(
                        "etcd compressed its response, which the request did not allow",
                    ));
                }
                self.left = Some(self.buffer.get_u32() as usize);
                continue;
            };
            if left == 0 {
                self.left = None;
                self.response.complete = true;
                self.deliver(ready);
                self.response = Response::default();
                continue;
            }
            let Some(read) = self.field(left)? else {
                return Ok(());
            };
            self.left = Some(left - read);
            if self.size >= CHUNK {
                self.deliver(ready);
            }
        }
    }

    fn deliver(&mut self, ready: &mut VecDeque<Response>) {
        self.size = 0;
        let rest = Response {
            header: self.response.header,
            continued: true,
            ..Response::default()
        };
        ready.push_back(std::mem::replace(&mut self.response, rest));
    }

    /// Reads one field of the message, of which `left` bytes remain; returns its size in bytes, or
    /// `None` while it has not arrived.
    fn field(&mut self, left: usize) -> Result<Option<usize>, Status> {
        let available = self.buffer.len().min(left);
        let mut at = &self.buffer[..available];
        // A tag and a length or number need at most 20 bytes.
        let enough = available == left || available >= 20;
        let broken =
            |error| Status::internal(format!("etcd's response cannot be decoded: {error}"));
        if !enough {
            // The tag and the number may have arrived; if not, wait for more bytes.
            let mut probe = at;
            if decode_key(&mut probe).is_err() || decode_varint(&mut probe).is_err() {
                return Ok(None);
            }
        }
        let (tag, wire) = decode_key(&mut at).map_err(broken)?;
        let number = decode_varint(&mut at).map_err(broken)?;
        let prefix = available - at.len();
        let response = &mut self.response;
        match wire {
            WireType::Varint => {
                match tag {
                    3 => response.created = number != 0,
                    4 => response.canceled = number != 0,
                    5 => response.compact_revision = number as i64,
                    7 => response.fragment = number != 0,
                    _ => {}
                }
                self.buffer.advance(prefix);
                Ok(Some(prefix))
            }
            WireType::LengthDelimited => {
                let length = usize::try_from(number)
                    .ok()
                    .filter(|length| *length <= left - prefix && *length <= MAX_RESPONSE)
                    .ok_or_else(|| {
                        Status::internal(
                            "a field of etcd's response exceeds its message or the size limit",
                        )
                    })?;
                let Some(field) = at.get(..length) else {
                    return Ok(None);
                };
                match tag {
                    1 => response.header = Some(PbResponseHeader::decode(field).map_err(broken)?),
                    6 => response.cancel_reason = String::from_utf8_lossy(field).into_owned(),
                    11 => {
                        response
                            .events
                            .push(PbEvent::decode(field).map_err(broken)?);
                        self.size += length;
                    }
                    _ => {}
                }
                self.buffer.advance(prefix + length);
                Ok(Some(prefix + length))
            }
            _ => Err(Status::internal(
                "etcd's response has a field of an unknown wire type",
            )),
        }
    }
}

#[cfg(test)]
mod tests;
