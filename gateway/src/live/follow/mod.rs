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

mod open;
mod say;
mod snapshot;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use shared::{Code, Header, MemberId};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, sleep_until, timeout};

use super::backoff::Backoff;
use super::frame::{Frame, message};
use super::hub::{Budget, Inner, Options, Start};
use super::permits::no_longer;
use super::pieces::Pieces;
use crate::etcd::{Range, Release, Update, WatchStream};
use crate::failure::Failure;
use crate::identity::Identity;

/// How long etcd may take to answer one question.
const ANSWER: Duration = Duration::from_secs(10);
/// A subscription says `progress` when it has said nothing for so long.
const PROGRESS: Duration = Duration::from_secs(7);
/// How often etcd is asked how far the watch is.
const ASK: Duration = Duration::from_secs(3);
/// How often while others wait for it to catch up.
const ASK_OFTEN: Duration = Duration::from_millis(250);
/// A watch so many revisions behind has to catch up, which only a few may do at a time.
const FAR: i64 = 10_000;
/// A client that makes no room for so long is slow: its upstream is given up, not kept waiting.
const STALL: Duration = Duration::from_secs(1);

/// Why following ends.
enum End {
    /// Nobody listens.
    Gone,
    /// etcd refuses, and would again.
    Failed(Failure),
}

type Step<T> = std::result::Result<T, End>;

/// Why a stream is left.
enum Turn {
    Lost(Failure),
    Compacted(i64),
    Reset(Header, String),
    Paused,
    Stalled,
}

/// See the module.
pub(super) struct Follower {
    hub: Arc<Inner>,
    identity: Identity,
    range: Range,
    options: Options,
    out: mpsc::Sender<Frame>,
    budget: Budget,
    paused: watch::Receiver<bool>,
    release: Release,
    cluster: MemberId,
    /// When the last stream was lost. A release cached before that does not count: the member may have
    /// been restarted with another one.
    lost_at: Option<Instant>,
    /// The compacted revision if the watch resumes exactly there, which not every release can; else 0.
    starts_at_compacted: i64,
    /// A snapshot is not complete. No message names a revision to resume from until it is: a client that
    /// resumed there would never receive the rest.
    snapshot_pending: bool,
    /// The latest revision known of this cluster: it cannot be behind it.
    seen: i64,
    pieces: Pieces,
    backoff: Backoff,
    /// Held while catching up, and the revision that ends it.
    catching_up: Option<(OwnedSemaphorePermit, i64)>,
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
            lost_at: None,
            starts_at_compacted: 0,
            snapshot_pending: false,
            seen: 0,
            pieces: Pieces::after(0),
            backoff: Backoff::new(),
            catching_up: None,
            spoke: Instant::now(),
            held: VecDeque::new(),
        }
    }

    /// Follows until nobody listens or etcd refuses.
    pub(super) async fn run(mut self, start: Start) {
        let mut permit = self.hub.permits.hold(&self.identity, &self.range);
        let end = tokio::select! {
            followed = self.follow(&start) => match followed {
                Ok(never) => match never {},
                Err(end) => end,
            },
            failure = permit.lost() => End::Failed(failure),
        };
        drop(permit);
        match end {
            End::Gone => {}
            End::Failed(failure) => {
                let failure = match failure.code {
                    Code::Unauthenticated if self.is_open() => no_longer(failure),
                    _ => failure,
                };
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
                let stream = if let Some(stream) = opened.take() {
                    Ok(stream)
                } else {
                    self.take_turn().await?;
                    Box::pin(self.connect()).await
                };
                match stream {
                    Ok(stream) => self.read(stream).await?,
                    Err(turn) => turn,
                }
            };
            opened = None;
            self.catching_up = None;
            self.pieces.interrupt();
            match turn {
                Turn::Lost(failure) => {
                    self.lost_at = Some(Instant::now());
                    self.failed(failure).await?;
                }
                Turn::Compacted(oldest) => Box::pin(self.compacted(oldest)).await?,
                Turn::Reset(now, reason) => Box::pin(self.reset(now, &reason)).await?,
                Turn::Paused => self.hold().await?,
                Turn::Stalled => self.make_up().await?,
            }
        }
    }

    /// Whether etcd has accepted it once.
    fn is_open(&self) -> bool {
        self.cluster != MemberId(0)
    }

    // Reading.

    /// Where there is much to catch up with, waits until few others do.
    async fn take_turn(&mut self) -> Step<()> {
        if self.seen - self.pieces.done() <= FAR {
            return Ok(());
        }
        let turn = Arc::clone(&self.hub.catch_ups).acquire_owned();
        tokio::pin!(turn);
        loop {
            tokio::select! {
                turn = &mut turn => {
                    let turn = turn.expect("the hub never closes it");
                    self.catching_up = Some((turn, self.seen));
                    return Ok(());
                }
                () = sleep_until(self.spoke + PROGRESS) => self.beat()?,
            }
        }
    }

    /// Lets the next one catch up when this one has.
    fn caught_up(&mut self, revision: i64) {
        if let Some((_, until)) = self.catching_up
            && revision >= until
        {
            self.catching_up = None;
        }
    }

    /// Opens the next stream and checks that it is the same store's.
    async fn connect(&mut self) -> std::result::Result<WatchStream, Turn> {
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
        let release = self
            .hub
            .release_of(&self.caller(), created.member_id, self.lost_at)
            .await;
        self.release = release.map_err(Turn::Lost)?;
        if start == self.starts_at_compacted && !self.release.exact_compaction {
            // A fail-over: the member that chose this revision could resume here, this one cannot.
            return Err(Turn::Compacted(start));
        }
        self.seen = self.seen.max(created.revision);
        self.backoff.reset();
        Ok(stream)
    }

    /// Why the store that answers is not the one followed so far.
    fn not_ours(&self, now: &Header) -> Option<String> {
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
        let mut ask = Instant::now() + ASK_OFTEN;
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
                        self.caught_up(self.pieces.done());
                        self.hand_over().await?;
                        if !self.held.is_empty() {
                            return Ok(Turn::Stalled);
                        }
                    }
                    Ok(Update::Progress(revision)) => {
                        self.caught_up(revision);
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
                    stream.request_progress();
                    ask = Instant::now() + if self.catching_up.is_some() { ASK_OFTEN } else { ASK };
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
    async fn failed(&mut self, failure: Failure) -> Step<()> {
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
        self.snapshot_pending = self.options.snapshot;
        let from = self.pieces.resume_at();
        let to = self.first_left(oldest).max(from);
        self.say(message::compacted(from, to)).await?;
        self.pieces = Pieces::after(to - 1);
        self.starts_at_compacted = if to == oldest { oldest } else { 0 };
        if self.options.snapshot {
            self.fresh_snapshot().await?;
        }
        Ok(())
    }

    async fn reset(&mut self, now: Header, reason: &str) -> Step<()> {
        self.snapshot_pending = self.options.snapshot;
        self.say_reset(&now, reason).await?;
        if self.options.snapshot {
            self.snapshot(now.revision).await?;
        }
        Ok(())
    }

    async fn say_reset(&mut self, now: &Header, reason: &str) -> Step<()> {
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

    /// The snapshot was taken: events follow from behind it.
    fn go_on_after(&mut self, revision: i64) {
        self.snapshot_pending = false;
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
