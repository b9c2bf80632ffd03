//! Questions and answers that come one after the other: newline-delimited JSON in both directions.
//!
//! The head of the answer waits for the first message, as etcd's gateway lets it: a call that is
//! refused at once has the status of its refusal. A client that goes takes its call with it, wherever
//! that stands; one that leaves data unread is left after a while.
//!
//! Each line is one frame of the body, and so one chunk of HTTP/1.1: etcd's gateway writes each document
//! with one call, and clients such as etcd3gw parse each chunk as a document.

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

use super::Ask;
use super::errors::{Refused, Shaped, code};
use super::resume::Watching;
use super::schema::MessageId;
use super::transcode::{Encoder, Splitter, encode};
use crate::content::{is_undecodable, unreadable};
use crate::etcd::RawResponses;
use crate::live::stream::UNREAD;
use crate::server::{Paused, Unhurried};

/// How long a client may leave data unread when the gateway stops.
const LAST: Duration = Duration::from_secs(1);

/// Longest line that is sent as one chunk, bytes; a longer one is sent in several, so that its JSON is
/// never in memory as a whole. The largest values that etcd recommends to allow (10 MiB), written over one
/// another with `prev_kv`, are 28 MiB of JSON.
const LONGEST_CHUNK: usize = 32 << 20;

/// The call that makes no sense without a question; etcd's gateway then never answers.
const WATCH: &str = "/etcdserverpb.Watch/Watch";

/// A call under way.
pub(super) struct Call {
    ask: Ask,
    answers: Answers,
    failed: Failed,
}

/// Where answers come from.
enum Answers {
    Plain(Box<RawResponses>),
    Watch(Box<Watching>),
}

impl Answers {
    async fn next(&mut self) -> Result<Option<Bytes>, Refused> {
        match self {
            Self::Plain(answers) => answers.next().await.map_err(Refused::from),
            Self::Watch(watching) => watching.next().await,
        }
    }
}

/// A question that could not be read; waits for one for ever where there is none.
pub(super) struct Failed(Option<oneshot::Receiver<Refused>>);

impl Failed {
    pub(super) async fn wait(&mut self) -> Refused {
        if let Some(failed) = &mut self.0 {
            let failed = failed.await;
            self.0 = None;
            if let Ok(refused) = failed {
                return refused;
            }
        }
        std::future::pending().await
    }

    /// What is known by now.
    pub(super) fn known(&mut self) -> Option<Refused> {
        self.0.as_mut().and_then(|failed| failed.try_recv().ok())
    }
}

/// What the client says, piece by piece.
pub(super) struct Input {
    pieces: BoxStream<'static, Result<Bytes, Refused>>,
    unhurried: Option<Unhurried>,
}

impl Input {
    /// A request's body. `unhurried` lifts the limit of its pauses.
    fn of_body(body: Body, unhurried: Option<Unhurried>, most: usize) -> Self {
        let pieces = body.into_data_stream().map(move |piece| match piece {
            Ok(piece) => Some(Ok(piece)),
            Err(error) if Paused::caused(&error) || is_undecodable(&error) => {
                Some(Err(unreadable(error.into(), most).into()))
            }
            // A body that breaks off has said what it had to say; if its client has gone, so has this
            // call.
            Err(_) => None,
        });
        let pieces = pieces.take_while(|piece| ready(piece.is_some()));
        let pieces = pieces.filter_map(ready).boxed();
        Self { pieces, unhurried }
    }

    /// A socket's messages.
    pub(super) fn of_socket(messages: mpsc::Receiver<Bytes>) -> Self {
        Self {
            pieces: ReceiverStream::new(messages).map(Ok).boxed(),
            unhurried: None,
        }
    }
}

/// Why there is no call.
pub(super) enum Unopened {
    /// The question could not be read.
    Malformed(Refused),
    /// etcd refused it.
    Refused(Refused),
}

impl Unopened {
    pub(super) fn refused(self) -> Refused {
        match self {
            Self::Malformed(refused) | Self::Refused(refused) => refused,
        }
    }
}

impl Call {
    /// Asks what stands in `input`. Returns with the first answer on its way.
    pub(super) async fn open(ask: Ask, input: Input) -> Result<Self, Unopened> {
        let (questions, mut failed) = questions(ask.clone(), input);
        if ask.method.path == WATCH {
            let answers = Answers::Watch(Box::new(Watching::new(ask.clone(), questions.boxed())));
            return Ok(Self {
                ask,
                answers,
                failed,
            });
        }
        let opening = async {
            let call = ask.asker.call(&ask.method.path);
            let answers = ask.etcd.raw_stream(call, questions).await;
            answers
                .map(|answers| Answers::Plain(Box::new(answers)))
                .map_err(Refused::from)
        };
        let answers = tokio::select! {
            biased;
            refused = failed.wait() => Err(Unopened::Malformed(refused)),
            answers = ask.asker.within(opening) => answers.map_err(Unopened::Refused),
        }?;
        Ok(Self {
            ask,
            answers,
            failed,
        })
    }

    /// The next answer; none at the end.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Refused> {
        let Self {
            ask,
            answers,
            failed,
        } = self;
        let answer = tokio::select! {
            biased;
            refused = failed.wait() => Err(refused),
            answer = ask.asker.within(answers.next()) => answer,
        };
        match answer {
            // It may have ended because nothing more was asked.
            Ok(None) => failed.known().map_or(Ok(None), Err),
            answer => answer,
        }
    }

    pub(super) fn output(&self) -> MessageId {
        self.ask.method.output
    }
}

/// The questions in a stream of bytes, as etcd's messages. They end where one cannot be read.
pub(super) fn questions(
    ask: Ask,
    input: Input,
) -> (impl Stream<Item = Bytes> + Send + 'static, Failed) {
    struct Asking {
        ask: Ask,
        input: Input,
        /// Gone at the end of the input.
        splitter: Option<Splitter>,
        asked: bool,
        failed: Option<oneshot::Sender<Refused>>,
    }

    impl Asking {
        async fn next(&mut self) -> Result<Option<Bytes>, Refused> {
            if self.asked && !self.ask.method.asks_many {
                return Ok(None);
            }
            let Some(text) = self.text().await? else {
                if !self.asked && self.ask.method.path == WATCH {
                    return Err(Refused::invalid("a watch needs a request"));
                }
                // What is asked without a word is asked with an empty message.
                let silent = !self.asked && !self.ask.method.asks_many;
                self.asked = true;
                return if silent {
                    self.ask.question(b"").map(Some)
                } else {
                    Ok(None)
                };
            };
            self.asked = true;
            if self.ask.method.asks_many
                && let Some(unhurried) = &self.input.unhurried
            {
                // The next question is asked when there is one.
                unhurried.lift();
            }
            self.ask.question(&text).map(Some)
        }

        async fn text(&mut self) -> Result<Option<Bytes>, Refused> {
            loop {
                let Some(splitter) = &mut self.splitter else {
                    return Ok(None);
                };
                let found = splitter.next();
                let found = found.map_err(|_| Refused::too_large(self.ask.most))?;
                if found.is_some() {
                    return Ok(found);
                }
                match self.input.pieces.next().await {
                    Some(piece) => splitter.push(&piece?),
                    None => return Ok(self.splitter.take().and_then(Splitter::rest)),
                }
            }
        }
    }

    let (sender, failed) = oneshot::channel();
    let asking = Asking {
        splitter: Some(Splitter::new(ask.most)),
        ask,
        input,
        asked: false,
        failed: Some(sender),
    };
    let questions = unfold(asking, |mut asking| async move {
        match asking.next().await {
            Ok(question) => question.map(|question| (question, asking)),
            Err(refused) => {
                if let Some(failed) = asking.failed.take() {
                    let _ = failed.send(refused);
                }
                None
            }
        }
    });
    (questions, Failed(Some(failed)))
}

/// Answers a request.
pub(super) async fn respond(
    ask: Ask,
    body: Body,
    unhurried: Option<Unhurried>,
) -> Result<Response, Refused> {
    let input = Input::of_body(body, unhurried, ask.most);
    let tasks = ask.tasks.clone();
    let asks_many = ask.method.asks_many;
    let mut call = match Call::open(ask, input).await {
        Ok(call) => call,
        // The one question of a call is read before there is any stream.
        Err(Unopened::Malformed(refused)) if !asks_many => return Err(refused),
        Err(unopened) => {
            let refused = unopened.refused();
            return Ok(refused.response(&refused.in_stream()));
        }
    };
    let first = match call.next().await {
        Ok(first) => first,
        Err(refused) => return Ok(refused.response(&refused.in_stream())),
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
    response.extensions_mut().insert(Shaped);
    Ok(response)
}

/// Writes answers until the call ends, the client goes or reads nothing, or the gateway stops.
async fn run(mut call: Call, first: Bytes, to_body: mpsc::Sender<Bytes>, stop: CancellationToken) {
    let mut answer = first;
    loop {
        if !write(call.output(), answer, &to_body, &stop).await {
            return;
        }
        let next = tokio::select! {
            biased;
            () = to_body.closed() => return,
            () = stop.cancelled() => Err(stopping()),
            next = call.next() => next,
        };
        match next {
            Ok(Some(next)) => answer = next,
            Ok(None) => return,
            Err(refused) => {
                hand(&to_body, line(&refused.in_stream()), &stop).await;
                return;
            }
        }
    }
}

/// What a stream says last when the process ends.
pub(super) fn stopping() -> Refused {
    Refused::new(code::UNAVAILABLE, "the gateway stops")
}

fn line(value: &Value) -> Bytes {
    let mut line = value.to_string();
    line.push('\n');
    line.into()
}

/// One answer as a line, in one chunk up to [`LONGEST_CHUNK`]; whether the client took it.
async fn write(
    message: MessageId,
    bytes: Bytes,
    to_body: &mpsc::Sender<Bytes>,
    stop: &CancellationToken,
) -> bool {
    let mut line = Line::new(message, bytes, LONGEST_CHUNK);
    while let Some(chunk) = line.next() {
        if !hand(to_body, chunk, stop).await {
            return false;
        }
    }
    !line.broken
}

/// One answer's line in chunks.
struct Line {
    /// Absent once the line has ended.
    encoder: Option<Encoder>,
    longest_chunk: usize,
    next: Vec<u8>,
    /// A chunk was returned.
    begun: bool,
    /// The answer turned out to be unreadable after that.
    broken: bool,
}

impl Line {
    fn new(message: MessageId, bytes: Bytes, longest_chunk: usize) -> Self {
        // Base64 makes four bytes of three; names and numbers come on top.
        let length = bytes.len() + bytes.len() / 2;
        let encoder = Encoder::new(message, bytes).ok();
        let next = if encoder.is_some() {
            let mut next = Vec::with_capacity(length.min(longest_chunk) + 64);
            next.extend_from_slice(br#"{"result":"#);
            next
        } else {
            line(&Refused::unreadable().in_stream()).into()
        };
        Self {
            encoder,
            longest_chunk,
            next,
            begun: false,
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
                Err(_) if !self.begun => {
                    self.encoder = None;
                    return Some(line(&Refused::unreadable().in_stream()));
                }
                Err(_) => {
                    // The line stays without its end, which nothing can repair.
                    self.encoder = None;
                    self.broken = true;
                    return None;
                }
            }
        }
        self.begun = true;
        (!chunk.is_empty()).then(|| chunk.into())
    }
}

/// Gives the client a piece; whether it took it in time.
async fn hand(to_body: &mpsc::Sender<Bytes>, piece: Bytes, stop: &CancellationToken) -> bool {
    let stopped = async {
        stop.cancelled().await;
        sleep(LAST).await;
    };
    tokio::select! {
        biased;
        sent = timeout(UNREAD, to_body.send(piece)) => matches!(sent, Ok(Ok(()))),
        () = stopped => false,
    }
}

/// One answer as a line without its end.
pub(super) fn result(message: MessageId, bytes: Bytes) -> Result<Vec<u8>, Refused> {
    let mut text = br#"{"result":"#.to_vec();
    encode(message, bytes, &mut text).map_err(|_| Refused::unreadable())?;
    text.push(b'}');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::v3::schema;

    /// A watch's answer with values of so many bytes, as etcd sends it: `events` (11) of `kv` (2) of
    /// `value` (5).
    fn answer(values: &[usize]) -> Bytes {
        let mut answer = Vec::new();
        for length in values {
            let mut inner = vec![b'v'; *length];
            for number in [5, 2, 11] {
                let mut outer = Vec::new();
                prost::encoding::bytes::encode(number, &inner, &mut outer);
                inner = outer;
            }
            answer.extend(inner);
        }
        answer.into()
    }

    fn chunks(bytes: Bytes, longest_chunk: usize) -> Vec<Bytes> {
        let output = schema::method("/v3/watch").expect("watches exist").output;
        let mut line = Line::new(output, bytes, longest_chunk);
        std::iter::from_fn(|| line.next()).collect()
    }

    #[test]
    fn a_line_is_one_chunk_whatever_its_values_are() {
        for values in [&[][..], &[1], &[100_000], &[1_400_000], &[1_400_000; 14]] {
            let chunks = chunks(answer(values), LONGEST_CHUNK);
            assert_eq!(chunks.len(), 1, "{values:?}");
            assert!(chunks[0].ends_with(b"}}\n"));
            let line: Value = serde_json::from_slice(&chunks[0]).expect("a document");
            let events = line["result"]["events"].as_array();
            assert_eq!(events.map_or(0, Vec::len), values.len());
        }
    }

    #[test]
    fn a_line_beyond_the_longest_chunk_comes_in_several() {
        let values = [1000; 50];
        let whole = chunks(answer(&values), LONGEST_CHUNK).concat();
        let pieces = chunks(answer(&values), 10_000);
        assert!(pieces.len() > 5, "{}", pieces.len());
        assert_eq!(pieces.concat(), whole);
    }

    #[tokio::test]
    async fn the_end_does_not_wait_for_who_reads_nothing() {
        let (to_body, mut chunks) = mpsc::channel(1);
        let stop = CancellationToken::new();
        stop.cancel();
        let handed = async |piece: &'static str| {
            let handing = hand(&to_body, piece.into(), &stop);
            timeout(Duration::from_secs(10), handing).await
        };
        assert_eq!(handed("there is room for this").await, Ok(true));
        assert_eq!(handed("and not for this").await, Ok(false));
        chunks.recv().await;
        assert_eq!(handed("now there is again").await, Ok(true));
    }
}
