//! Unary calls: one request, one response.

use axum::body::Body;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderValue, header};
use http_body_util::BodyExt as _;
use shared::Code;

use super::context::AUTHENTICATE;
use super::errors::CallError;
use super::schema::MessageId;
use super::transcode::Encoder;
use super::{Call, read_only, unlock};
use crate::content::unreadable;
use crate::etcd::Credentials;
use crate::failure::Failure;

/// Bytes of JSON encoded at a time: a longer response is sent while it is encoded.
const CHUNK: usize = 64 << 10;

/// Responds to a request.
pub(super) async fn respond(call: &Call, body: Body) -> Result<Response, CallError> {
    let text = collect(body, call.max_request).await?;
    let request = call.decode_request(&text)?;
    drop(text);
    json(call.method.output, invoke(call, request).await?)
}

/// Makes the call.
pub(super) async fn invoke(call: &Call, request: Bytes) -> Result<Bytes, CallError> {
    let context = &call.context;
    if call.method.path == unlock::UNLOCK {
        return context.with_deadline(unlock::unlock(call, &request)).await;
    }
    if call.method.path == AUTHENTICATE {
        return context.with_deadline(authenticate(call, request)).await;
    }
    let invoking = async {
        let once = |request| {
            call.etcd
                .raw_unary(context.raw_call(&call.method.path), request)
        };
        match once(request.clone()).await {
            // A retry takes another connection than the failed one.
            Err(refusal) if refusal.lost && read_only::is_read(call.method) => once(request).await,
            response => response,
        }
    };
    let invoking = async { invoking.await.map_err(CallError::from) };
    context.with_deadline(invoking).await
}

/// Checks a password as REST does: with the same limits of concurrent checks and of failures.
async fn authenticate(call: &Call, request: Bytes) -> Result<Bytes, CallError> {
    let credentials = Credentials::from_wire(&request)
        .ok_or_else(|| CallError::invalid_argument("name and password must be UTF-8"))?;
    let mut etcd_error = None;
    let check = async {
        let raw = call.context.raw_call(&call.method.path);
        let response = call.etcd.raw_unary(raw, request).await;
        response.map_err(|refusal| {
            let code = if refusal.message.contains("authentication failed") {
                Code::Unauthenticated
            } else {
                Code::Unprocessable
            };
            let failure = Failure::new(code, refusal.message.clone());
            etcd_error = Some(CallError::from(refusal));
            failure
        })
    };
    let sign_in = &call.cluster.sign_in;
    let checked = sign_in.check_password(call.peer, &credentials, check).await;
    // etcd's own error, if it returned one.
    checked.map_err(|failure| etcd_error.unwrap_or_else(|| failure.into()))
}

/// The whole body; an error if it exceeds `limit` bytes.
async fn collect(mut body: Body, limit: usize) -> Result<Bytes, CallError> {
    let mut text = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unreadable(error.into(), limit))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if text.len() + data.len() > limit {
            return Err(CallError::too_large(limit));
        }
        text.extend_from_slice(&data);
    }
    Ok(text.freeze())
}

/// A message as a JSON response. One longer than a chunk is encoded while it is sent.
fn json(message: MessageId, bytes: Bytes) -> Result<Response, CallError> {
    let mut encoder = Encoder::new(message, bytes).map_err(|_| CallError::malformed_response())?;
    let mut first = Vec::new();
    let ended = encoder.write(&mut first, CHUNK);
    let body = if ended.map_err(|_| CallError::malformed_response())? {
        Body::from(first)
    } else {
        Body::from_stream(chunks(first, encoder))
    };
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// The first chunk and those still to be encoded. A malformed message aborts the response, so that the client
/// sees that it is incomplete.
fn chunks(
    first: Vec<u8>,
    encoder: Encoder,
) -> impl futures_util::Stream<Item = std::io::Result<Bytes>> {
    let state = (Some(first), Some(encoder));
    stream::unfold(state, |(first, encoder)| async move {
        if let Some(first) = first {
            return Some((Ok(first.into()), (None, encoder)));
        }
        let mut encoder = encoder?;
        let mut chunk = Vec::with_capacity(CHUNK + CHUNK / 8);
        match encoder.write(&mut chunk, CHUNK) {
            Ok(ended) => Some((Ok(chunk.into()), (None, (!ended).then_some(encoder)))),
            Err(error) => Some((Err(std::io::Error::other(error)), (None, None))),
        }
    })
}
