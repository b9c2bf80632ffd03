//! One question, one answer.

use axum::body::Body;
use axum::response::Response;
use bytes::{Bytes, BytesMut};
use futures_util::stream;
use http::{HeaderValue, header};
use http_body_util::BodyExt as _;
use shared::Code;

use super::asker::AUTHENTICATE;
use super::errors::Refused;
use super::schema::MessageId;
use super::transcode::Encoder;
use super::{Ask, read_only, unlock};
use crate::content::unreadable;
use crate::etcd::Credentials;
use crate::failure::Failure;

/// Bytes of JSON made at a time: an answer that has more is sent while it is made.
const CHUNK: usize = 64 << 10;

/// Answers a request.
pub(super) async fn respond(ask: &Ask, body: Body) -> Result<Response, Refused> {
    let text = collect(body, ask.most).await?;
    let question = ask.question(&text)?;
    drop(text);
    json(ask.method.output, call(ask, question).await?)
}

/// Makes the call.
pub(super) async fn call(ask: &Ask, question: Bytes) -> Result<Bytes, Refused> {
    if ask.method.path == unlock::UNLOCK {
        return ask.asker.within(unlock::call(ask, &question)).await;
    }
    if ask.method.path == AUTHENTICATE {
        return ask.asker.within(authenticate(ask, question)).await;
    }
    let asking = async {
        let once = |question| {
            ask.etcd
                .raw_unary(ask.asker.call(&ask.method.path), question)
        };
        match once(question.clone()).await {
            // The connection that failed is not the one that is taken next.
            Err(refusal) if refusal.lost && read_only::is_read(ask.method) => once(question).await,
            answer => answer,
        }
    };
    let asking = async { asking.await.map_err(Refused::from) };
    ask.asker.within(asking).await
}

/// A password is checked as REST's are: a few at a time, and within the same limits of failures.
async fn authenticate(ask: &Ask, question: Bytes) -> Result<Bytes, Refused> {
    let credentials = Credentials::from_wire(&question);
    let credentials =
        credentials.ok_or_else(|| Refused::invalid("the name or password is not UTF-8"))?;
    let mut refused = None;
    let checking = async {
        let call = ask.asker.call(&ask.method.path);
        let answer = ask.etcd.raw_unary(call, question).await;
        answer.map_err(|refusal| {
            let code = if refusal.message.contains("authentication failed") {
                Code::Unauthenticated
            } else {
                Code::Unprocessable
            };
            let failure = Failure::new(code, refusal.message.clone());
            refused = Some(Refused::from(refusal));
            failure
        })
    };
    let sign_in = &ask.cluster.sign_in;
    let checked = sign_in
        .check_password(ask.from, &credentials, checking)
        .await;
    // etcd's own words where it said something.
    checked.map_err(|failure| refused.unwrap_or_else(|| failure.into()))
}

/// The whole body, if it is not too large.
async fn collect(mut body: Body, most: usize) -> Result<Bytes, Refused> {
    let mut text = BytesMut::new();
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| unreadable(error.into(), most))?;
        let Ok(data) = frame.into_data() else {
            continue;
        };
        if text.len() + data.len() > most {
            return Err(Refused::too_large(most));
        }
        text.extend_from_slice(&data);
    }
    Ok(text.freeze())
}

/// A message as an answer. What is larger than a chunk is made as it is sent.
fn json(message: MessageId, bytes: Bytes) -> Result<Response, Refused> {
    let mut encoder = Encoder::new(message, bytes).map_err(|_| Refused::unreadable())?;
    let mut first = Vec::new();
    let ended = encoder.write(&mut first, CHUNK);
    let body = if ended.map_err(|_| Refused::unreadable())? {
        Body::from(first)
    } else {
        Body::from_stream(chunks(first, encoder))
    };
    let mut response = Response::new(body);
    let kind = HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// What has been made and what is still to be made. A message that cannot be read breaks the answer
/// off: its end then shows that it is none.
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
            Err(unreadable) => Some((Err(std::io::Error::other(unreadable)), (None, None))),
        }
    })
}
