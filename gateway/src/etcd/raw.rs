//! etcd's RPCs as bytes: a path, with requests and responses that the caller encodes and decodes.
//!
//! For `/v3`, which converts between JSON and any message. Only the report of a lost connection is
//! decided here.

use std::sync::Arc;

use bytes::{Buf as _, BufMut as _, Bytes};
use futures_util::Stream;
use http::HeaderMap;
use http::uri::PathAndQuery;
use tonic::client::Grpc;
use tonic::codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder};
use tonic::metadata::MetadataMap;
use tonic::{Code, Request, Status, Streaming};

use super::Caller;
use super::account::{Account, Pass};
use super::channel::MAX_RESPONSE;
use super::{Etcd, Transport, Use, error};

/// An RPC of etcd.
#[derive(Clone, Debug)]
pub(crate) struct RawCall<'a> {
    /// Such as `/etcdserverpb.KV/Range`.
    pub(crate) path: &'static str,
    /// Whose permissions apply; `None` leaves the credentials to the metadata, if it has any.
    pub(crate) caller: Option<&'a Caller>,
    /// The request metadata.
    pub(crate) metadata: HeaderMap,
}

/// A failed call: etcd's error, or the connection's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    /// gRPC's code, as etcd gave it.
    pub(crate) code: i32,
    /// etcd's message.
    pub(crate) message: String,
    /// The error is not etcd's: the connection failed, or could not be made.
    pub(crate) lost: bool,
}

impl Refusal {
    fn of(status: &Status) -> Self {
        let lost = |message: &str| Self {
            code: Code::Unavailable as i32,
            message: message.to_owned(),
            lost: true,
        };
        if error::never_sent(status) {
            return lost("etcd cannot be reached");
        }
        if error::connection_lost(status) {
            return lost("the connection to etcd was lost: a change may have taken effect");
        }
        let code = match status.code() {
            // Our own limit on decoding, not an error of the requested range.
            Code::OutOfRange if status.message().contains(error::RESPONSE_TOO_LARGE) => {
                Code::ResourceExhausted
            }
            code => code,
        };
        Self {
            code: code as i32,
            message: status.message().to_owned(),
            lost: false,
        }
    }
}

/// The token of a caller's calls, to be replaced if etcd refuses it in a stream's response. A token
/// refused before the response is replaced automatically.
#[derive(Clone, Debug)]
pub(crate) struct Signature {
    account: Arc<Account>,
    pass: Option<Pass>,
}

impl Signature {
    /// Takes over the token that opening a call obtained, if there was none before.
    pub(crate) fn settle(&mut self) {
        if self.pass.is_none() {
            self.pass = self.account.current_pass();
        }
    }

    /// Gets a new token for later calls, unless it was replaced concurrently; an error if there is
    /// none.
    pub(crate) async fn renew(&self) -> Result<(), Refusal> {
        let renewed = self.account.renew(self.pass.as_ref()).await;
        renewed.map(drop).map_err(|status| Refusal::of(&status))
    }
}

/// The responses of an open call. Dropping it ends the call.
#[derive(Debug)]
pub(crate) struct RawResponses(Streaming<Bytes>);

impl RawResponses {
    /// The next response; `None` at the end of the call. Cancel safe.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Refusal> {
        let response = self.0.message().await;
        response.map_err(|status| Refusal::of(&status))
    }
}

impl Etcd {
    /// A unary call.
    pub(crate) async fn raw_unary(
        &self,
        call: RawCall<'_>,
        message: Bytes,
    ) -> Result<Bytes, Refusal> {
        let mut grpc = self.raw_grpc(&call, Use::RawCalls);
        let request = request(&call, message);
        let path = PathAndQuery::from_static(call.path);
        let response = grpc.unary(request, path, AsIs).await;
        response
            .map(tonic::Response::into_inner)
            .map_err(|status| Refusal::of(&status))
    }

    /// A streaming call. It returns once the response has started, or with the reason why there is
    /// none.
    pub(crate) async fn raw_stream(
        &self,
        call: RawCall<'_>,
        messages: impl Stream<Item = Bytes> + Send + 'static,
    ) -> Result<RawResponses, Refusal> {
        let mut grpc = self.raw_grpc(&call, Use::RawStreams);
        let request = request(&call, messages);
        let path = PathAndQuery::from_static(call.path);
        match grpc.streaming(request, path, AsIs).await {
            Ok(responses) => Ok(RawResponses(responses.into_inner())),
            Err(status) => Err(Refusal::of(&status)),
        }
    }

    /// The current signature of `caller`'s calls; `None` if they are not signed.
    pub(crate) fn signature(&self, caller: &Caller) -> Option<Signature> {
        let transport = self.transport(caller, Use::RawStreams);
        let account = Arc::clone(transport.account()?);
        let pass = account.current_pass();
        Some(Signature { account, pass })
    }

    fn raw_grpc(&self, call: &RawCall<'_>, usage: Use) -> Grpc<Transport> {
        let transport = match call.caller {
            Some(caller) => self.transport(caller, usage),
            None => self.unsigned(usage),
        };
        Grpc::new(transport).max_decoding_message_size(MAX_RESPONSE)
    }
}

fn request<T>(call: &RawCall<'_>, message: T) -> Request<T> {
    let mut request = Request::new(message);
    *request.metadata_mut() = MetadataMap::from_headers(call.metadata.clone());
    request
}

/// Messages that are passed through undecoded.
#[derive(Clone, Copy, Debug)]
struct AsIs;

impl Codec for AsIs {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for AsIs {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, item: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(item);
        Ok(())
    }
}

impl Decoder for AsIs {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        // Zero-copy: a slice of the received buffer.
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}
