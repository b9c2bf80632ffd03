//! Follows a range for one subscription: opens, reads, re-opens, and says where it goes on.
//!
//! The rules it keeps (each one a bug elsewhere):
//! - it goes on behind the last *change* handed out or the last trusted progress, never at the
//!   revision of an answer's header, which for a watch that catches up is already the present;
//! - at opening the present is the revision R of a linearizable read and the watch starts at R + 1:
//!   "now" of a watch alone is not exact;
//! - each re-opened stream is checked against what was seen: another cluster, or a store that is
//!   behind it, is a `reset`, never a silent wait. A member may lag, so a linearizable read decides;
//! - a compaction is said, with what is gone, never skipped.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use shared::{Code, Header, MemberId};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::backoff::Backoff;
use super::frame::{Bookmark, Frame, message};
use super::hub::{Budget, Inner, Options, Start};
use super::pieces::Pieces;
use crate::caller::{Caller, Identity};
use crate::etcd::{Get, Range, Release, Update, WatchOptions, WatchStream};
use crate::failure::{Failure, Result};

/// How long etcd may take to answer one question.
const ANSWER: Duration = Duration::from_secs(10);
/// A subscription says `progress` when it has said nothing for so long.
const PROGRESS: Duration = Duration::from_secs(7);
/// How often etcd is asked how far the watch is.
const ASK: Duration = Duration::from_secs(3);
/// A client that makes no room for so long is slow: its upstream is given up, not kept waiting.
const STALL: Duration = Duration::from_secs(1);

/// Why following ends.
pub(super) enum End {
    /// Nobody listens.
    Gone,
    /// etcd refuses, and would again.
    Failed(Failure),
}

pub(super) type Step<T> = std::result::Result<T, End>;

/// Why a stream is left.
enum Turn {
    Lost(Failure),
    Compacted(i64),
    Reset(Header, String),
    Paused,
    Stalled,
}

/// What a subscription opens with.
struct Opening {
    header: Header,
    notice: Option<Frame>,
    /// The first revision that will come.
    start: i64,
    snapshot: bool,
    stream: Option<WatchStream>,
}

/// See the module.
pub(super) struct Follower {
    hub: Arc<Inner>,
    identity: Identity,
    pub(super) range: Range,
    options: Options,
    out: mpsc::Sender<Frame>,
    budget: Budget,
    paused: watch::Receiver<bool>,
    release: Release,
    pub(super) cluster: MemberId,
    /// The latest revision known of this cluster: it cannot be behind it.
    seen: i64,
    pieces: Pieces,
    backoff: Backoff,
    /// When the client was told something last.
    spoke: Instant,
    /// Frames the client has had no room for.
    held: VecDeque<Frame>,
}

impl Follower {
    pub(super) fn new(
        hub: Arc<Inner>,
        identity: Identity,
        range: Range,
        options: Options,
        out: mpsc::Sender<Frame>,
        budget: Budget,
        paused: watch::Receiver<bool>,
    ) -> Self {
        Self {
            hub,
            identity,
            range,
            options,
            out,
            budget,
            paused,
            release: Release::default(),
            cluster: MemberId(0),
            seen: 0,
            pieces: Pieces::after(0),
            backoff: Backoff::new(),
            spoke: Instant::now(),
            held: VecDeque::new(),
        }
    }

    /// Follows until nobody listens or etcd refuses.
    pub(super) async fn run(mut self, start: Start) {
        match self.follow(&start).await {
            Ok(never) => match never {},
            Err(End::Gone) => {}
            Err(End::Failed(failure)) => {
                tracing::info!(failure = failure.chain(), "a watch was refused");
                let closed = message::closed(failure.code, &failure.detail);
                let _ = self.say(closed).await;
            }
        }
    }

    async fn follow(&mut self, start: &Start) -> Step<Infallible> {
        // Rare ways are boxed, so that a quiet watch costs little memory.
        let mut opened = Box::pin(self.open(start)).await?;
        loop {
            let turn = if *self.paused.borrow() && !self.pieces.inside_revision() {
                Turn::Paused
            } else {
                let stream = match opened.take() {
                    Some(stream) => Ok(stream),
                    None => Box::pin(self.connect()).await,
                };
                match stream {
                    Ok(stream) => self.read(stream).await?,
                    Err(turn) => turn,
                }
            };
            opened = None;
            self.pieces.interrupt();
            match turn {
                Turn::Lost(failure) => self.failed(failure).await?,
                Turn::Compacted(oldest) => Box::pin(self.compacted(oldest)).await?,
                Turn::Reset(now, reason) => Box::pin(self.reset(now, &reason)).await?,
                Turn::Paused => self.hold().await?,
                Turn::Stalled => self.make_up().await?,
            }
        }
    }

    // Opening.

    async fn open(&mut self, start: &Start) -> Step<Option<WatchStream>> {
        let mut told = false;
        let opening = loop {
            match self.try_open(start).await {
                Ok(opening) => break opening,
                Err(failure) if is_final(failure.code) => return Err(End::Failed(failure)),
                Err(failure) => {
                    if !told {
                        told = true;
                        tracing::debug!(failure = failure.chain(), "a watch waits for etcd");
                        self.say(message::error(Code::Unavailable, &failure.detail))
                            .await?;
                    }
                    sleep(self.backoff.pause()).await;
                }
            }
        };
        self.backoff.reset();
        self.cluster = opening.header.cluster_id;
        self.seen = opening.header.revision;
        self.pieces = Pieces::after(opening.start - 1);
        if let Some(notice) = opening.notice {
            self.say(notice).await?;
        }
        let opened = message::opened(self.cluster, opening.start);
        if opening.snapshot {
            self.say(opened).await?;
            self.snapshot(opening.header.revision).await?;
        } else {
            let bookmark = self.bookmark(opening.start - 1);
            self.say(opened.at(bookmark)).await?;
        }
        Ok(opening.stream)
    }

    async fn try_open(&mut self, start: &Start) -> Result<Opening> {
        let caller = self.caller();
        self.release = self.hub.release(&caller).await?;
        let header = self.now().await?;
        let (now, cluster) = (header.revision, header.cluster_id);
        let reset = |reason: &str| (Some(message::reset(reason, now, cluster)), now);
        let wanted = match start {
            Start::Now | Start::Unknown => now + 1,
            Start::Revision(revision) => *revision,
            Start::After(bookmark) => bookmark.revision.saturating_add(1),
        };
        let (notice, first) = match start {
            Start::Unknown => reset("the place to go on from is not one of this gateway's"),
            Start::After(bookmark) if bookmark.cluster != cluster => {
                reset("the place to go on from is another cluster's")
            }
            _ if wanted > now + 1 && !self.options.future => reset(
                "the revision is beyond the store's: its data was restored or wiped, or the revision is another cluster's",
            ),
            _ if wanted > now => (None, wanted),
            _ => match self.oldest_after(wanted).await? {
                None => (None, wanted),
                Some(oldest) => (Some(message::compacted(wanted, oldest)), oldest),
            },
        };
        let anew = notice.is_some() || *start == Start::Now;
        if self.options.snapshot && anew {
            return Ok(Opening {
                header,
                notice,
                start: now + 1,
                snapshot: true,
                stream: None,
            });
        }
        Ok(Opening {
            header,
            notice,
            start: first,
            snapshot: false,
            stream: self.accepted(first, &header).await?,
        })
    }

    /// A stream that etcd has accepted and that needs no second look; a refusal is an error, before
    /// anything is said.
    async fn accepted(&self, start: i64, now: &Header) -> Result<Option<WatchStream>> {
        let mut stream = self.watch(start).await?;
        let first = timeout(ANSWER, stream.next())
            .await
            .map_err(|_| no_answer())?;
        Ok(match first? {
            Update::Cancelled(failure) => return Err(failure),
            Update::Created(header)
                if header.cluster_id == now.cluster_id && header.revision >= now.revision =>
            {
                Some(stream)
            }
            _ => None,
        })
    }

    /// The first revision to be had, when `revision` is not any more.
    async fn oldest_after(&self, revision: i64) -> Result<Option<i64>> {
        let first_key = Range::one(self.range.key.clone());
        let get = Get::count_only().at(revision);
        match self.hub.etcd.range(&self.caller(), &first_key, &get).await {
            Ok(_) => Ok(None),
            Err(failure) if failure.code == Code::Compacted => {
                let oldest = self.hub.etcd.compacted_revision(&self.caller()).await?;
                Ok(oldest
                    .map(|oldest| self.first_left(oldest))
                    .filter(|first| *first > revision))
            }
            Err(failure) => Err(failure),
        }
    }

    /// The first revision that can be watched without a gap after a compaction at `oldest`.
    fn first_left(&self, oldest: i64) -> i64 {
        if self.release.exact_compaction {
            oldest
        } else {
            oldest + 1
        }
    }

    // Reading.

    /// Opens the next stream and checks that it is the same store's.
    async fn connect(&mut self) -> std::result::Result<WatchStream, Turn> {
        let release = self.hub.release(&self.caller()).await;
        self.release = release.map_err(Turn::Lost)?;
        let start = self.pieces.resume_at();
        let mut stream = self.watch(start).await.map_err(Turn::Lost)?;
        let first = timeout(ANSWER, stream.next())
            .await
            .map_err(|_| Turn::Lost(no_answer()))?;
        let created = match first.map_err(Turn::Lost)? {
            Update::Created(header) => header,
            Update::Compacted(oldest) => return Err(Turn::Compacted(oldest)),
            Update::Cancelled(failure) => return Err(Turn::Lost(failure)),
            Update::Batch { .. } | Update::Progress(_) => {
                let failure = Failure::new(Code::Internal, "etcd answered a watch out of order");
                return Err(Turn::Lost(failure));
            }
        };
        if created.cluster_id != self.cluster || created.revision < self.seen {
            // This member may only be behind the others: a linearizable read knows.
            let now = self.now().await.map_err(Turn::Lost)?;
            if let Some(reason) = self.not_ours(&now) {
                return Err(Turn::Reset(now, reason));
            }
            if created.cluster_id != self.cluster {
                let failure = Failure::new(Code::Unavailable, "the endpoints are of two clusters");
                return Err(Turn::Lost(failure));
            }
        }
        self.seen = self.seen.max(created.revision);
        self.backoff.reset();
        Ok(stream)
    }

    /// Why the store that answers is not the one followed so far.
    pub(super) fn not_ours(&self, now: &Header) -> Option<String> {
        if now.cluster_id != self.cluster {
            return Some(format!(
                "cluster {} answers instead of {}",
                now.cluster_id, self.cluster
            ));
        }
        (now.revision < self.seen).then(|| {
            format!(
                "the store went back from revision {} to {}: its data was restored or wiped",
                self.seen, now.revision
            )
        })
    }

    async fn read(&mut self, mut stream: WatchStream) -> Step<Turn> {
        let mut ask = Instant::now() + ASK;
        loop {
            if *self.paused.borrow_and_update() && !self.pieces.inside_revision() {
                return Ok(Turn::Paused);
            }
            tokio::select! {
                update = stream.next() => match update {
                    Ok(Update::Batch { events, more }) => {
                        for event in &events {
                            self.seen = self.seen.max(event.mod_revision());
                            self.pieces.push(event);
                        }
                        drop(events);
                        self.pieces.end(more);
                        self.hand_over().await?;
                        if !self.held.is_empty() {
                            return Ok(Turn::Stalled);
                        }
                    }
                    Ok(Update::Progress(revision)) => {
                        if self.release.bookmarks {
                            self.seen = self.seen.max(revision);
                            self.pieces.advance(revision);
                        }
                    }
                    Ok(Update::Created(_)) => {}
                    Ok(Update::Compacted(oldest)) => return Ok(Turn::Compacted(oldest)),
                    Ok(Update::Cancelled(failure)) | Err(failure) => return Ok(Turn::Lost(failure)),
                },
                changed = self.paused.changed() => changed.map_err(|_| End::Gone)?,
                () = sleep_until(ask) => {
                    ask = Instant::now() + ASK;
                    if self.release.bookmarks {
                        stream.request_progress();
                    }
                }
                () = sleep_until(self.spoke + PROGRESS) => self.beat()?,
            }
        }
    }

    /// Hands out what is ready, as far as the client takes it.
    async fn hand_over(&mut self) -> Step<()> {
        while let Some(piece) = self.pieces.pop() {
            let mut frame = piece.frame;
            if !piece.more {
                frame = frame.at(self.bookmark(piece.revision));
            }
            if self.held.is_empty() {
                let share = self.budget.share(frame.tail.len());
                if let Ok(share) = timeout(STALL, share).await {
                    frame.share = Some(share);
                    self.pass(frame).await?;
                    continue;
                }
            }
            self.held.push_back(frame);
        }
        Ok(())
    }

    // What happens between two streams.

    /// After a failure: ends where etcd refuses, else waits a little.
    pub(super) async fn failed(&mut self, failure: Failure) -> Step<()> {
        if is_final(failure.code) {
            return Err(End::Failed(failure));
        }
        tracing::debug!(failure = failure.chain(), "a watch lost its upstream");
        let until = Instant::now() + self.backoff.pause();
        loop {
            tokio::select! {
                () = sleep_until(until) => return Ok(()),
                () = sleep_until(self.spoke + PROGRESS) => self.beat()?,
            }
        }
    }

    async fn compacted(&mut self, oldest: i64) -> Step<()> {
        let from = self.pieces.resume_at();
        let to = self.first_left(oldest).max(from);
        self.say(message::compacted(from, to)).await?;
        self.pieces = Pieces::after(to - 1);
        if self.options.snapshot {
            self.fresh_snapshot().await?;
        }
        Ok(())
    }

    pub(super) async fn reset(&mut self, now: Header, reason: &str) -> Step<()> {
        self.say_reset(&now, reason).await?;
        if self.options.snapshot {
            self.snapshot(now.revision).await?;
        }
        Ok(())
    }

    pub(super) async fn say_reset(&mut self, now: &Header, reason: &str) -> Step<()> {
        tracing::warn!(reason, "a watch begins anew");
        self.cluster = now.cluster_id;
        self.seen = now.revision;
        self.pieces = Pieces::after(now.revision - 1);
        self.say(message::reset(reason, now.revision, now.cluster_id))
            .await
    }

    /// Paused: no upstream is kept; resuming re-opens it behind the last change handed out.
    async fn hold(&mut self) -> Step<()> {
        self.say(message::paused(self.pieces.done())).await?;
        while *self.paused.borrow_and_update() {
            tokio::select! {
                changed = self.paused.changed() => changed.map_err(|_| End::Gone)?,
                () = sleep_until(self.spoke + PROGRESS) => self.beat()?,
            }
        }
        Ok(())
    }

    /// The client was slow: waits for room, hands out what was held, and goes on from history.
    async fn make_up(&mut self) -> Step<()> {
        self.budget.half_free().await;
        while let Some(frame) = self.held.pop_front() {
            self.say(frame).await?;
        }
        if self.pieces.inside_revision() {
            // Nothing may come between the pieces of a revision.
            return Ok(());
        }
        self.say(message::lagged(self.pieces.resume_at())).await
    }

    // Saying.

    /// Says it once there is room. Not to be waited for with a stream open.
    pub(super) async fn say(&mut self, mut frame: Frame) -> Step<()> {
        frame.share = Some(self.budget.share(frame.tail.len()).await);
        self.pass(frame).await
    }

    /// Says how far it is, unless much is waiting for the client anyway.
    fn beat(&mut self) -> Step<()> {
        self.spoke = Instant::now();
        if self.pieces.inside_revision() {
            return Ok(());
        }
        let done = self.pieces.done();
        let mut frame = message::progress(done).at(self.bookmark(done));
        frame.share = self.budget.try_share(frame.tail.len());
        if frame.share.is_some() {
            self.out.try_send(frame).map_err(|_| End::Gone)?;
        }
        Ok(())
    }

    async fn pass(&mut self, frame: Frame) -> Step<()> {
        self.out.send(frame).await.map_err(|_| End::Gone)?;
        self.spoke = Instant::now();
        Ok(())
    }

    // Asking.

    pub(super) fn bookmark(&self, revision: i64) -> Bookmark {
        Bookmark {
            cluster: self.cluster,
            revision,
        }
    }

    pub(super) fn caller(&self) -> Caller {
        Caller::new(self.identity.clone(), Some(ANSWER))
    }

    pub(super) fn etcd(&self) -> &crate::etcd::Etcd {
        &self.hub.etcd
    }

    /// The store as it is now, by a linearizable read of one key: a count over the range would walk
    /// all of it.
    pub(super) async fn now(&self) -> Result<Header> {
        let first_key = Range::one(self.range.key.clone());
        let answer = self
            .hub
            .etcd
            .range(&self.caller(), &first_key, &Get::count_only())
            .await?;
        Ok(answer.header)
    }

    async fn watch(&self, start_revision: i64) -> Result<WatchStream> {
        let options = WatchOptions {
            start_revision,
            prev: self.options.prev,
            only: self.options.only,
        };
        let caller = Caller::new(self.identity.clone(), None);
        self.hub.etcd.watch(&caller, &self.range, options).await
    }

    /// The snapshot was taken: events follow from behind it.
    pub(super) fn go_on_after(&mut self, revision: i64) {
        self.seen = self.seen.max(revision);
        self.pieces = Pieces::after(revision);
    }
}

fn no_answer() -> Failure {
    Failure::new(Code::Unavailable, "etcd did not answer in time")
}

/// Whether asking again would be answered alike.
fn is_final(code: Code) -> bool {
    matches!(
        code,
        Code::Forbidden
            | Code::Unauthenticated
            | Code::BadRequest
            | Code::Unprocessable
            | Code::Unsupported
    )
}
