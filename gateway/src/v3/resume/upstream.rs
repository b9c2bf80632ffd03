//! One stream to etcd, and what its calls are signed with.

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http::HeaderValue;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use crate::etcd::{RawResponses, Refusal, Signature};
use crate::v3::Ask;
use crate::v3::errors::code;

/// Questions on their way to etcd.
const QUEUE: usize = 16;

pub(super) struct Upstream {
    pub(super) questions: mpsc::Sender<Bytes>,
    /// It takes no questions any more; its answers say why.
    pub(super) deaf: bool,
    /// Absent where nobody of ours asks.
    pub(super) signature: Option<Signature>,
    answers: Answers,
}

enum Answers {
    /// The first one is not on its way: etcd may want to hear more before it says anything.
    Opening(BoxFuture<'static, Result<RawResponses, Refusal>>),
    Open(Box<RawResponses>),
}

impl Upstream {
    /// Opens a stream with these questions.
    pub(super) fn open(ask: Ask, first: Vec<Bytes>) -> Self {
        let (questions, outgoing) = mpsc::channel(QUEUE.max(first.len()));
        for question in first {
            let sent = questions.try_send(question);
            sent.expect("there is room for all");
        }
        let signature = ask.asker.call(&ask.method.path).caller;
        let signature = signature.and_then(|caller| ask.etcd.signature(caller));
        let opening = async move {
            let mut call = ask.asker.call(&ask.method.path);
            // A member without a leader would be silent; so it refuses, and another one is asked.
            call.metadata
                .insert("hasleader", HeaderValue::from_static("true"));
            ask.etcd
                .raw_stream(call, ReceiverStream::new(outgoing))
                .await
        };
        Self {
            questions,
            deaf: false,
            signature,
            answers: Answers::Opening(Box::pin(opening)),
        }
    }

    /// What etcd says next. Loses nothing when dropped in between.
    pub(super) async fn next(&mut self) -> Result<Bytes, Refusal> {
        if let Answers::Opening(opening) = &mut self.answers {
            self.answers = Answers::Open(Box::new(opening.await?));
            if let Some(signature) = &mut self.signature {
                signature.settle();
            }
        }
        let Answers::Open(answers) = &mut self.answers else {
            unreachable!("it has just been opened");
        };
        // A watch has no end of its own.
        answers.next().await?.ok_or_else(|| Refusal {
            code: code::UNAVAILABLE,
            message: "etcd ended the stream".to_owned(),
            lost: true,
        })
    }
}
