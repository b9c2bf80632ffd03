//! Watches that survive a restart or fail-over of etcd, without a word about it.
//!
//! What a client asks and what etcd answers pass through unchanged; beside it stands what each watch has
//! been told. When the stream is lost another is opened, and every watch is asked for again under its own
//! number from the revision that it has not seen. The client sees nothing but a pause.
//!
//! A token that etcd has forgotten is replaced where the account is ours, and the rest is opened again.
//!
//! It cannot hide everything: history that was compacted meanwhile and a client's own token that is none
//! any more are told as etcd tells them; data that is not what was seen before (another cluster's, or
//! wiped, or restored) is an error, and so is an etcd that stays away, in the end.

mod messages;
mod outage;
mod progress;
mod told;
mod upstream;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::BoxStream;
use prost::Message as _;
use tokio::time::{Instant, sleep};

use self::messages::{Create, Header, Question, look};
use self::outage::Outage;
use self::progress::Progress;
use self::told::{Answer, Told, cancelled};
use self::upstream::Upstream;
use super::Ask;
use super::errors::{Refused, code};
use crate::etcd::{Refusal, refuses_credentials};

/// The number under which etcd says how far all watches of a stream are.
const ALL: i64 = -1;

/// A watch call that is opened again when it is lost.
pub(super) struct Watching {
    ask: Ask,
    questions: BoxStream<'static, Bytes>,
    /// No question will come any more.
    asked: bool,
    /// A question that etcd has no room for yet.
    waiting: Option<Waiting>,
    upstream: Option<Upstream>,
    outage: Outage,
    progress: Progress,
    /// etcd refused the token, another was got, and not everything has been accepted since.
    renewed: bool,
    cluster: Option<u64>,
    /// The latest revision known of this cluster: it cannot be behind it.
    seen: i64,
    told: BTreeMap<i64, Told>,
    /// Creations that etcd has not answered, in their order, and the revision before each.
    creating: VecDeque<(Create, Option<i64>)>,
    /// Watches that shall end, and of which etcd has not said that they have.
    cancelling: BTreeSet<i64>,
    /// Watches that are being asked for again.
    again: VecDeque<i64>,
}

struct Waiting {
    question: Bytes,
    /// It is among what is asked whenever a stream is opened.
    noted: bool,
}

enum Step {
    Answer(Bytes),
    Asked,
    End,
}

/// What becomes of an answer.
enum Passed {
    /// The client gets this.
    On(Bytes),
    /// It is nothing to the client.
    Kept,
    /// Another stream is needed, signed with another token.
    Renewed,
    /// Another stream is needed, as when the connection is lost.
    Lost(Refusal),
}

impl Watching {
    pub(super) fn new(ask: Ask, questions: BoxStream<'static, Bytes>) -> Self {
        Self {
            ask,
            questions,
            asked: false,
            waiting: None,
            upstream: None,
            outage: Outage::default(),
            progress: Progress::new(),
            renewed: false,
            cluster: None,
            seen: 0,
            told: BTreeMap::new(),
            creating: VecDeque::new(),
            cancelling: BTreeSet::new(),
            again: VecDeque::new(),
        }
    }

    /// The next answer for the client.
    pub(super) async fn next(&mut self) -> Result<Option<Bytes>, Refused> {
        loop {
            let passed = match self.step().await {
                Ok(Step::Answer(answer)) => self.pass(answer).await?,
                Ok(Step::Asked) => continue,
                Ok(Step::End) => return Ok(None),
                Err(refusal) => Passed::Lost(refusal),
            };
            match passed {
                Passed::On(answer) => {
                    self.outage.over();
                    return Ok(Some(answer));
                }
                Passed::Kept => self.outage.over(),
                Passed::Renewed => self.upstream = None,
                Passed::Lost(refusal) => {
                    self.upstream = None;
                    self.wait(refusal).await?;
                }
            }
        }
    }

    /// Waits a little after a lost stream, where another one may go on.
    async fn wait(&mut self, lost: Refusal) -> Result<(), Refused> {
        let pause = self.outage.lost(Instant::now());
        // A call that fails before any watch was, fails: but the endpoint that cannot be reached, or knows
        // no leader, is not the one that is taken next.
        let elsewhere = self.outage.tries() == 1 && (lost.lost || is_leaderless(&lost));
        let first = self.told.is_empty() && !elsewhere;
        match pause {
            Some(pause) if !first && self.survives(&lost) => {
                sleep(pause).await;
                Ok(())
            }
            _ => Err(lost.into()),
        }
    }

    /// Whether the watches may go on after this.
    fn survives(&self, lost: &Refusal) -> bool {
        if is_leaderless(lost) && self.ask.asker.demands_leader() {
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
        let watches = !self.told.is_empty() && self.again.is_empty();
        let (to_etcd, deaf) = (upstream.questions.clone(), upstream.deaf);
        tokio::select! {
            biased;
            answer = upstream.next() => answer.map(Step::Answer),
            permit = to_etcd.reserve(), if waits && !deaf => {
                match permit {
                    Ok(permit) => permit.send(self.waiting.take().expect("one waits").question),
                    // It is kept for the next stream; why this one takes it no more, its answers say.
                    Err(_) => upstream.deaf = true,
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
            () = self.progress.due(&self.ask), if watches && !deaf => {
                if to_etcd.try_send(Question::progress()).is_ok() {
                    self.progress.asked();
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
            all.push(Question::create(Create {
                start_revision: told.next,
                watch_id: *id,
                ..told.create.clone()
            }));
            self.again.push_back(*id);
        }
        for (create, _) in &self.creating {
            all.push(Question::create(create.clone()));
        }
        for id in &self.cancelling {
            all.push(Question::cancel(*id));
        }
        if self.progress.restart() {
            all.push(Question::progress());
        }
        if self.waiting.as_ref().is_some_and(|waiting| waiting.noted) {
            self.waiting = None;
        }
        self.upstream = Some(Upstream::open(self.ask.clone(), all));
    }

    /// Takes note of what the client asks, which is then waiting to be asked.
    async fn note(&mut self, question: Bytes) {
        let read = Question::decode(question.clone()).unwrap_or_default();
        let mut noted = false;
        if let Some(create) = read.create {
            let before = match create.start_revision {
                0 => look(&self.ask, &create.key).await.ok(),
                _ => None,
            };
            self.creating.push_back((create, before));
            noted = true;
        }
        if let Some(cancel) = read.cancel
            && self.told.contains_key(&cancel.watch_id)
        {
            self.cancelling.insert(cancel.watch_id);
            noted = true;
        }
        if read.progress.is_some() {
            self.progress.client_asks();
            noted = true;
        }
        self.waiting = Some(Waiting { question, noted });
    }

    /// Takes note of what etcd answers, and says what the client gets of it.
    async fn pass(&mut self, bytes: Bytes) -> Result<Passed, Refused> {
        let answer = Answer::read(&bytes).ok_or_else(Refused::unreadable)?;
        let header = answer.header.unwrap_or_default();
        if header.cluster_id != 0
            && *self.cluster.get_or_insert(header.cluster_id) != header.cluster_id
        {
            return Err(another_cluster("its id is another one"));
        }
        if answer.created {
            return self.created(bytes, &answer, header).await;
        }
        self.seen = self.seen.max(header.revision);
        if answer.canceled {
            self.told.remove(&answer.watch_id);
            self.cancelling.remove(&answer.watch_id);
            return Ok(Passed::On(bytes));
        }
        if answer.is_progress() {
            return Ok(self.progressed(bytes, &answer, header));
        }
        let passed = match self.told.get_mut(&answer.watch_id) {
            Some(told) => told.pass(bytes, &answer),
            None => Some(bytes),
        };
        Ok(passed.map_or(Passed::Kept, Passed::On))
    }

    /// A watch was created, or was not.
    async fn created(
        &mut self,
        bytes: Bytes,
        answer: &Answer,
        header: Header,
    ) -> Result<Passed, Refused> {
        let passed = if answer.canceled {
            self.renew(&answer.reason).await
        } else {
            self.look_back(header.revision).await?
        };
        if let Some(passed) = passed {
            return Ok(passed);
        }
        let passed = if let Some(id) = self.again.pop_front() {
            if answer.canceled {
                // It is refused now: the client knows it by its number.
                self.told.remove(&id);
                self.cancelling.remove(&id);
                Passed::On(cancelled(&bytes, id))
            } else {
                Passed::Kept
            }
        } else {
            let (create, before) = self.creating.pop_front().unwrap_or_default();
            if !answer.canceled {
                // Either may be behind the other: this one was read before, that one by another member.
                let present = before.map_or(header.revision, |before| before.min(header.revision));
                let next = match create.start_revision {
                    0 => present + 1,
                    asked => asked,
                };
                self.told.insert(answer.watch_id, Told::new(create, next));
            }
            Passed::On(bytes)
        };
        if self.again.is_empty() && self.creating.is_empty() {
            self.renewed = false;
        }
        Ok(passed)
    }

    /// Gets another token where etcd refused that of an account of ours. It says so in its answer to a
    /// creation, as it says every refusal of a watch.
    async fn renew(&mut self, reason: &str) -> Option<Passed> {
        if self.renewed || !refuses_credentials(reason) {
            return None;
        }
        let upstream = self.upstream.as_ref()?;
        let renewed = upstream.signature.as_ref()?.renew().await;
        match renewed {
            Ok(()) => {
                self.renewed = true;
                Some(Passed::Renewed)
            }
            // The password could not be checked.
            Err(refusal) if refusal.lost || refusal.code == code::UNAVAILABLE => {
                Some(Passed::Lost(refusal))
            }
            Err(_) => None,
        }
    }

    /// Compares the revision of a member that has created a watch with what was seen: data that was
    /// wiped or restored may well have the same cluster's id, and a watch would wait until it has come
    /// as far again.
    async fn look_back(&mut self, revision: i64) -> Result<Option<Passed>, Refused> {
        if revision < self.seen {
            // This member may only be behind the others: a linearizable read knows.
            let created = match self.again.front() {
                Some(id) => self.told.get(id).map(|told| &told.create),
                None => self.creating.front().map(|(create, _)| create),
            };
            let key = created.map_or_else(Bytes::new, |create| create.key.clone());
            let now = match look(&self.ask, &key).await {
                Ok(now) => now,
                Err(refusal) => {
                    let lost = Refusal {
                        lost: true,
                        ..refusal
                    };
                    return Ok(Some(Passed::Lost(lost)));
                }
            };
            if now < self.seen {
                return Err(another_cluster(&format!(
                    "its data went back from revision {} to {now}, being restored or wiped",
                    self.seen
                )));
            }
        }
        self.seen = self.seen.max(revision);
        Ok(None)
    }

    /// etcd has said how far it is.
    fn progressed(&mut self, bytes: Bytes, answer: &Answer, header: Header) -> Passed {
        let trusted = self.progress.trusts(header.member_id);
        if answer.watch_id != ALL {
            // One watch's own, which the client has asked for with the watch.
            if trusted && let Some(told) = self.told.get_mut(&answer.watch_id) {
                told.advance(header.revision);
            }
            return Passed::On(bytes);
        }
        if trusted {
            // Not of a watch that is still to be created: its events may come behind this.
            let again = &self.again;
            for (_, told) in self.told.iter_mut().filter(|(id, _)| !again.contains(id)) {
                told.advance(header.revision);
            }
        }
        if self.progress.answered() {
            Passed::On(bytes)
        } else {
            Passed::Kept
        }
    }
}

fn is_leaderless(lost: &Refusal) -> bool {
    lost.message.contains("no leader")
}

fn another_cluster(what: &str) -> Refused {
    let message = format!(
        "etcd came back as another cluster ({what}): its revisions are not those seen here"
    );
    Refused::new(code::UNAVAILABLE, message)
}
