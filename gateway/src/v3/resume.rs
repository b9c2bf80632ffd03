//! Watches that survive a restart or fail-over of etcd, without a word about it.
//!
//! What a client asks and what etcd answers pass through unchanged; beside it stands what each watch has
//! been told. When the stream is lost another is opened, and every watch is asked for again under its own
//! number from the revision that it has not seen. The client sees nothing but a pause.
//!
//! It cannot hide everything: history that was compacted meanwhile, a token that is none any more, and
//! another cluster's data are told as etcd tells them, and an etcd that stays away is an error in the
//! end.

mod told;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::BoxFuture;
use futures_util::stream::BoxStream;
use http::HeaderValue;
use prost::Message as _;
use tokio::sync::mpsc;
use tokio::time::{Instant, sleep, timeout};
use tokio_stream::wrappers::ReceiverStream;

use self::told::{Answer, Told, cancelled};
use super::Ask;
use super::errors::{Refused, code};
use crate::etcd::{RawAnswers, Refusal};

/// How long etcd may be away before a watch is told.
const AWAY: Duration = Duration::from_mins(2);
/// Between attempts, at first and at most.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(2));
/// How long a question about the present revision may hold up a watch's creation.
const LOOK: Duration = Duration::from_secs(2);
/// Questions on their way to etcd.
const QUEUE: usize = 16;
const RANGE: &str = "/etcdserverpb.KV/Range";

/// The fields of `WatchCreateRequest` that are looked at; the others are kept as they are.
#[derive(Clone, PartialEq, prost::Message)]
struct Create {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bytes = "bytes", tag = "2")]
    range_end: Bytes,
    #[prost(int64, tag = "3")]
    start_revision: i64,
    #[prost(bool, tag = "4")]
    progress_notify: bool,
    #[prost(int32, repeated, tag = "5")]
    filters: Vec<i32>,
    #[prost(bool, tag = "6")]
    prev_kv: bool,
    #[prost(int64, tag = "7")]
    watch_id: i64,
    #[prost(bool, tag = "8")]
    fragment: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Cancel {
    #[prost(int64, tag = "1")]
    watch_id: i64,
}

/// `WatchRequest`.
#[derive(Clone, PartialEq, prost::Message)]
struct Question {
    #[prost(message, optional, tag = "1")]
    create: Option<Create>,
    #[prost(message, optional, tag = "2")]
    cancel: Option<Cancel>,
}

/// The fields of `ResponseHeader` that are looked at.
#[derive(Clone, Copy, PartialEq, prost::Message)]
struct Header {
    #[prost(uint64, tag = "1")]
    cluster_id: u64,
    #[prost(int64, tag = "3")]
    revision: i64,
}

/// `RangeRequest` for the store's revision, as the member that answers has it.
#[derive(Clone, PartialEq, prost::Message)]
struct Look {
    #[prost(bytes = "bytes", tag = "1")]
    key: Bytes,
    #[prost(bool, tag = "7")]
    serializable: bool,
    #[prost(bool, tag = "9")]
    count_only: bool,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Looked {
    #[prost(message, optional, tag = "1")]
    header: Option<Header>,
}

/// A watch call that is opened again when it is lost.
pub(super) struct Watching {
    ask: Ask,
    questions: BoxStream<'static, Bytes>,
    /// No question will come any more.
    asked: bool,
    /// A question that etcd has no room for yet, and whether it is a creation.
    waiting: Option<(Bytes, bool)>,
    upstream: Option<Upstream>,
    cluster: Option<u64>,
    told: BTreeMap<i64, Told>,
    /// Creations that etcd has not answered, in their order, and the revision before each.
    creating: VecDeque<(Create, Option<i64>)>,
    /// Watches that shall end, and of which etcd has not said that they have.
    cancelling: BTreeSet<i64>,
    /// Watches that are being asked for again.
    again: VecDeque<i64>,
}

struct Upstream {
    questions: mpsc::Sender<Bytes>,
    answers: Answers,
}

enum Answers {
    /// The first one is not on its way: etcd may want to hear more before it says anything.
    Opening(BoxFuture<'static, Result<RawAnswers, Refusal>>),
    Open(Box<RawAnswers>),
}

impl Answers {
    /// Loses nothing when dropped in between.
    async fn next(&mut self) -> Result<Bytes, Refusal> {
        if let Self::Opening(opening) = self {
            *self = Self::Open(Box::new(opening.await?));
        }
        let Self::Open(answers) = self else {
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

impl Watching {
    pub(super) fn new(ask: Ask, questions: BoxStream<'static, Bytes>) -> Self {
        Self {
            ask,
            questions,
            asked: false,
            waiting: None,
            upstream: None,
            cluster: None,
            told: BTreeMap::new(),
            creating: VecDeque::new(),
            cancelling: BTreeSet::new(),
            again: VecDeque::new(),
        }
    }

    /// The next answer for the client.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Refused> {
        let mut away: Option<Instant> = None;
        let mut tries = 0;
        let mut pause = PAUSES.0;
        loop {
            let lost = match self.step().await {
                Ok(Step::Answer(answer)) => match self.pass(answer)? {
                    Some(answer) => return Ok(Some(answer)),
                    None => continue,
                },
                Ok(Step::Asked) => continue,
                Ok(Step::End) => return Ok(None),
                Err(refusal) => refusal,
            };
            self.upstream = None;
            let since = *away.get_or_insert_with(Instant::now);
            tries += 1;
            // A call that fails before any watch was, fails: but the endpoint that cannot be reached is
            // not the one that is taken next.
            let first = self.told.is_empty() && (tries > 1 || !lost.lost);
            let hopeless = first || since.elapsed() > AWAY;
            if hopeless || !self.survives(&lost) {
                return Err(lost.into());
            }
            sleep(pause).await;
            pause = (pause * 2).min(PAUSES.1);
        }
    }

    /// Whether the watches may go on after this.
    fn survives(&self, lost: &Refusal) -> bool {
        let leaderless = lost.message.contains("no leader");
        if leaderless && self.ask.asker.demands_leader() {
            return false;
        }
        lost.lost || [code::UNAVAILABLE, code::CANCELLED].contains(&lost.code)
    }

    async fn step(&mut self) -> Result<Step, Refusal> {
        let Some(upstream) = &mut self.upstream else {
            // etcd says nothing before it is asked.
            let known = !self.told.is_empty() || !self.creating.is_empty();
            if !known && self.waiting.is_none() {
                let Some(question) = self.questions.next().await else {
                    return Ok(Step::End);
                };
                self.note(question).await;
            }
            self.open();
            return Ok(Step::Asked);
        };
        let waits = self.waiting.is_some();
        let to_etcd = upstream.questions.clone();
        tokio::select! {
            biased;
            answer = upstream.answers.next() => answer.map(Step::Answer),
            permit = to_etcd.reserve(), if waits => {
                // Where the call has ended, its answers say so.
                if let (Ok(permit), Some((question, _))) = (permit, self.waiting.take()) {
                    permit.send(question);
                }
                Ok(Step::Asked)
            }
            question = self.questions.next(), if !waits && !self.asked => {
                match question {
                    Some(question) => self.note(question).await,
                    // The stream stays open: etcd's answers go on, whether it is told the end or not.
                    None => self.asked = true,
                }
                Ok(Step::Asked)
            }
        }
    }

    /// Opens a stream and asks for every watch there is.
    fn open(&mut self) {
        let mut all: Vec<Bytes> = Vec::new();
        self.again.clear();
        // In their order: the watch 0 gets its number by being the first one.
        for (id, told) in &mut self.told {
            told.restart();
            let create = Create {
                start_revision: told.next,
                watch_id: *id,
                ..told.create.clone()
            };
            all.push(asked(create));
            self.again.push_back(*id);
        }
        for (create, _) in &self.creating {
            all.push(asked(create.clone()));
        }
        for id in &self.cancelling {
            let question = Question {
                create: None,
                cancel: Some(Cancel { watch_id: *id }),
            };
            all.push(question.encode_to_vec().into());
        }
        if matches!(self.waiting, Some((_, true))) {
            // It stands among the creations.
            self.waiting = None;
        }
        let (to_etcd, outgoing) = mpsc::channel(QUEUE.max(all.len()));
        for question in all {
            to_etcd.try_send(question).expect("there is room for all");
        }
        let Ask {
            etcd,
            asker,
            method,
            ..
        } = self.ask.clone();
        let opening = async move {
            let mut call = asker.call(&method.path);
            // A member without a leader would be silent; another one may have one.
            call.metadata
                .insert("hasleader", HeaderValue::from_static("true"));
            etcd.raw_stream(call, ReceiverStream::new(outgoing)).await
        };
        self.upstream = Some(Upstream {
            questions: to_etcd,
            answers: Answers::Opening(Box::pin(opening)),
        });
    }

    /// Takes note of what the client asks, which is then waiting to be asked.
    async fn note(&mut self, question: Bytes) {
        let read = Question::decode(question.clone()).unwrap_or_default();
        let creation = read.create.is_some();
        if let Some(create) = read.create {
            let before = match create.start_revision {
                0 => look(&self.ask, &create.key).await,
                _ => None,
            };
            self.creating.push_back((create, before));
        }
        if let Some(cancel) = read.cancel
            && self.told.contains_key(&cancel.watch_id)
        {
            self.cancelling.insert(cancel.watch_id);
        }
        self.waiting = Some((question, creation));
    }

    /// Takes note of what etcd answers, and gives what the client gets of it.
    fn pass(&mut self, bytes: Bytes) -> Result<Option<Bytes>, Refused> {
        let answer = Answer::read(&bytes).ok_or_else(Refused::unreadable)?;
        if let Some(header) = answer.header
            && header.cluster_id != 0
            && *self.cluster.get_or_insert(header.cluster_id) != header.cluster_id
        {
            let message =
                "etcd came back as another cluster: its revisions are not those seen here";
            return Err(Refused::new(code::UNAVAILABLE, message));
        }
        if answer.created {
            return Ok(self.created(bytes, &answer));
        }
        if answer.canceled {
            self.told.remove(&answer.watch_id);
            self.cancelling.remove(&answer.watch_id);
            return Ok(Some(bytes));
        }
        let Some(told) = self.told.get_mut(&answer.watch_id) else {
            return Ok(Some(bytes));
        };
        if answer.revisions.is_empty() {
            return Ok(Some(bytes));
        }
        Ok(told.pass(bytes, &answer))
    }

    fn created(&mut self, bytes: Bytes, answer: &Answer) -> Option<Bytes> {
        if let Some(id) = self.again.pop_front() {
            if !answer.canceled {
                return None;
            }
            // It is refused now: the client knows it by its number.
            self.told.remove(&id);
            self.cancelling.remove(&id);
            return Some(cancelled(&bytes, id));
        }
        let (create, before) = self.creating.pop_front().unwrap_or_default();
        if !answer.canceled {
            let present = answer.header.map_or(0, |header| header.revision);
            let next = match create.start_revision {
                0 => before.unwrap_or(present) + 1,
                asked => asked,
            };
            self.told.insert(answer.watch_id, Told::new(create, next));
        }
        Some(bytes)
    }
}

enum Step {
    Answer(Bytes),
    Asked,
    End,
}

fn asked(create: Create) -> Bytes {
    let question = Question {
        create: Some(create),
        cancel: None,
    };
    question.encode_to_vec().into()
}

/// The revision of the member that is asked: a watch from now on sees all that is later.
async fn look(ask: &Ask, key: &Bytes) -> Option<i64> {
    let key = if key.is_empty() {
        Bytes::from_static(&[0])
    } else {
        key.clone()
    };
    let look = Look {
        key,
        serializable: true,
        count_only: true,
    };
    let asking = ask
        .etcd
        .raw_unary(ask.asker.call(RANGE), look.encode_to_vec().into());
    let answer = timeout(LOOK, asking).await.ok()?.ok()?;
    let looked = Looked::decode(answer).ok()?;
    looked.header.map(|header| header.revision)
}
