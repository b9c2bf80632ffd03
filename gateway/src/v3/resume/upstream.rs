//! One watch stream to etcd, and the token it was opened with.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::HeaderValue;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::etcd::{RawResponses, Refusal, Signature};
use crate::v3::Call;
use crate::v3::errors::code;

/// Requests buffered on their way to etcd.
const QUEUE: usize = 16;

pub(super) struct Upstream {
    pub(super) requests: mpsc::Sender<Bytes>,
    /// The stream accepts no more requests; its responses tell why.
    pub(super) closed: bool,
    /// Absent if the call is not signed with an account of the gateway.
    pub(super) signature: Option<Signature>,
    responses: Responses,
}

enum Responses {
    /// The response has not started: etcd may wait for further requests before it sends anything.
    Opening(BoxFuture<'static, Result<RawResponses, Refusal>>),
    Open(Box<RawResponses>),
}

impl Upstream {
    /// Opens a stream with these requests.
    pub(super) fn open(call: Call, first: Vec<Bytes>) -> Self {
        let (requests, outgoing) = mpsc::channel(QUEUE.max(first.len()));
        for request in first {
            let sent = requests.try_send(request);
            sent.expect("the channel has room for all of them");
        }
        let signature = call.context.raw_call(&call.method.path).caller;
        let signature = signature.and_then(|caller| call.etcd.signature(caller));
        let opening = async move {
            let mut raw = call.context.raw_call(&call.method.path);
            // A member without a leader would send nothing; with this it refuses, and another member is tried.
            raw.metadata
                .insert("hasleader", HeaderValue::from_static("true"));
            call.etcd
                .raw_stream(raw, ReceiverStream::new(outgoing))
                .await
        };
        Self {
            requests,
            closed: false,
            signature,
            responses: Responses::Opening(Box::pin(opening)),
        }
    }

    /// etcd's next response. Cancel safe.
    pub(super) async fn next(&mut self) -> Result<Bytes, Refusal> {
        if let Responses::Opening(opening) = &mut self.responses {
            self.responses = Responses::Open(Box::new(opening.await?));
            if let Some(signature) = &mut self.signature {
                signature.settle();
            }
        }
        let Responses::Open(responses) = &mut self.responses else {
            unreachable!("it has just been opened");
        };
        // A watch has no regular end.
        responses.next().await?.ok_or_else(|| Refusal {
            code: code::UNAVAILABLE,
            message: "etcd ended the stream".to_owned(),
            lost: true,
        })
    }
}
