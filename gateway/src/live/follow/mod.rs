//! Follows a range for one subscription, across lost streams, compactions and replaced data.
//!
//! - `open`: the first read and the first stream, with what is reported before the first event;
//! - [`Follower::read`]: reads one stream until it is interrupted;
//! - `resume`: what follows an [`Interruption`]: back off, `compacted`, `reset`, and the next stream;
//! - `snapshot`: the range's entries at one revision;
//! - `deliver`: sends messages within the client's share of memory; slow readers, pauses, progress.
//!
//! The rules of following (each one was a bug elsewhere):
//! - it resumes after the last *event* delivered or the last trusted progress, never at the revision
//!   of a response's header, which for a watch that is catching up is already the current one;
//! - a watch without a start revision starts at R + 1, where R is the revision of a linearizable read:
//!   the one in etcd's `created` response is read after the watch is registered, and is not exact;
//! - each re-opened stream is checked against what was seen: another cluster, or a store with a lower
//!   revision, is a `reset`, never a silent wait. A member may lag, so a linearizable read decides;
//! - a compaction is reported, with the revisions that are lost, and never skipped.

mod deliver;
mod open;
mod resume;
mod snapshot;

use std::collections::VecDeque;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use shared::{Code, Header, MemberId};
use tokio::sync::{OwnedSemaphorePermit, mpsc, watch};
use tokio::time::{Instant, sleep_until};

use super::backoff::Backoff;
use super::hub::{Budget, Inner, Options, Start};
use super::message::WatchMessage;
use super::permits::account_refused;
use super::pieces::Pieces;
use crate::etcd::{
    Caller, Etcd, Identity, Range, Update, WatchFeatures, WatchOptions, WatchStream,
};
use crate::failure::{Failure, Result};

/// Timeout of a request to etcd.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A subscription sends `progress` when it has sent nothing for so long.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(7);
/// How often progress is requested from etcd.
const PROGRESS_REQUEST_INTERVAL: Duration = Duration::from_secs(3);
/// How often progress is requested while other watches wait for this one to catch up.
const CATCH_UP_REQUEST_INTERVAL: Duration = Duration::from_millis(250);
/// A watch that is more revisions than this from the current one has to catch up, which only a few may
/// do at a time.
const FAR_BEHIND: i64 = 10_000;
/// A client without room for a message for so long is a slow reader: its stream from etcd is closed
/// instead of kept waiting.
const SLOW_READER_AFTER: Duration = Duration::from_secs(1);

/// Longest delay of changes in closed folders. Clients only count them, so one message a second is enough.
const FOLDERS_INTERVAL: Duration = Duration::from_secs(1);
/// With closed folders, the least time between two messages of events, which carry the folders' changes too.
const EVENTS_INTERVAL: Duration = Duration::from_millis(250);

/// Why following ends.
enum End {
    /// The subscription was dropped.
    Unsubscribed,
    /// etcd refuses the watch, and would refuse it again.
    Refused(Failure),
}

type UntilEnd<T> = std::result::Result<T, End>;

/// Why a stream from etcd is closed.
enum Interruption {
    /// The stream was lost, or could not be opened.
    Lost(Failure),
    /// History before this revision is compacted.
    Compacted(i64),
    /// The data was replaced; the store's header now, and the reason.
    Reset(Header, String),
    /// The client paused the watch.
    Paused,
    /// The client has no room for more messages.
    SlowReader,
}

/// Follows one subscription.
pub(super) struct Follower {
    hub: Arc<Inner>,
    identity: Identity,
    range: Range,
    options: Options,
    out: mpsc::Sender<WatchMessage>,
    budget: Budget,
    paused: watch::Receiver<bool>,
    features: WatchFeatures,
    cluster: MemberId,
    /// When the last stream was lost. A release cached before that is ignored: the member may have
    /// been restarted with another one.
    lost_at: Option<Instant>,
    /// The compacted revision if the watch resumes exactly there, which not every release can; else 0.
    resumes_at_compacted: i64,
    /// A snapshot is not complete. No message names a revision to resume from until it is: a client that
    /// resumed there would never receive the rest.
    snapshot_pending: bool,
    /// The latest revision known of this cluster: a store with a lower one has lost data.
    latest_seen: i64,
    pieces: Pieces,
    backoff: Backoff,
    /// Held while catching up, with the revision that ends it.
    catching_up: Option<(OwnedSemaphorePermit, i64)>,
    /// When the last message was sent.
    last_sent: Instant,
    /// When the last message of events was made, if some are held because of closed folders.
    last_flushed: Option<Instant>,
    /// Messages that the client has had no room for.
    undelivered: VecDeque<WatchMessage>,
}

impl Follower {
    pub(super) fn new(
        hub: Arc<Inner>,
        identity: Identity,
        range: Range,
        options: Options,
        out: mpsc::Sender<WatchMessage>,
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
            features: WatchFeatures::default(),
            cluster: MemberId(0),
            lost_at: None,
            resumes_at_compacted: 0,
            snapshot_pending: false,
            latest_seen: 0,
            pieces: Pieces::after(0),
            backoff: Backoff::new(),
            catching_up: None,
            last_sent: Instant::now(),
            last_flushed: None,
            undelivered: VecDeque::new(),
        }
    }

    /// Follows until the subscription is dropped or etcd refuses.
    pub(super) async fn run(mut self, start: Start) {
        let mut permit = self.hub.permits.register(&self.identity, &self.range);
        let end = tokio::select! {
            followed = self.follow(&start) => match followed {
                Ok(never) => match never {},
                Err(end) => end,
            },
            refusal = permit.revoked() => End::Refused(refusal),
        };
        drop(permit);
        match end {
            End::Unsubscribed => {}
            End::Refused(failure) => {
                let failure = match failure.code {
                    Code::Unauthenticated if self.is_open() => account_refused(failure),
                    _ => failure,
                };
                tracing::info!(failure = failure.chain(), "etcd refused a watch");
                let closed = WatchMessage::closed(failure.code, &failure.detail);
                let _ = self.send(closed).await;
            }
        }
    }

    async fn follow(&mut self, start: &Start) -> UntilEnd<Infallible> {
        // Rare paths are boxed, so that a quiet watch costs little memory.
        let mut opened = Box::pin(self.open(start)).await?;
        loop {
            let interruption = if *self.paused.borrow() && !self.pieces.inside_revision() {
                Interruption::Paused
            } else {
                let stream = if let Some(stream) = opened.take() {
                    Ok(stream)
                } else {
                    self.wait_to_catch_up().await?;
                    Box::pin(self.reopen()).await
                };
                match stream {
                    Ok(stream) => {
                        let interruption = self.read(stream).await?;
                        self.flush().await?;
                        if self.undelivered.is_empty() {
                            interruption
                        } else {
                            Interruption::SlowReader
                        }
                    }
                    Err(interruption) => interruption,
                }
            };
            opened = None;
            self.catching_up = None;
            self.pieces.interrupt();
            match interruption {
                Interruption::Lost(failure) => {
                    self.lost_at = Some(Instant::now());
                    self.back_off(failure).await?;
                }
                Interruption::Compacted(oldest) => Box::pin(self.compacted(oldest)).await?,
                Interruption::Reset(now, reason) => Box::pin(self.reset(now, &reason)).await?,
                Interruption::Paused => self.wait_while_paused().await?,
                Interruption::SlowReader => self.drain().await?,
            }
        }
    }

    /// Reads a stream and delivers its events, until it is interrupted.
    async fn read(&mut self, mut stream: WatchStream) -> UntilEnd<Interruption> {
        let mut next_request = Instant::now() + CATCH_UP_REQUEST_INTERVAL;
        loop {
            if *self.paused.borrow_and_update() && !self.pieces.inside_revision() {
                return Ok(Interruption::Paused);
            }
            let flush_at = self.flush_at();
            tokio::select! {
                update = stream.next() => match update {
                    Ok(Update::Batch { events, more }) => {
                        for event in &events {
                            self.latest_seen = self.latest_seen.max(event.mod_revision());
                            self.pieces.push(event);
                        }
                        drop(events);
                        self.pieces.end(more);
                        self.caught_up(self.pieces.last_delivered());
                        self.flush_if_due().await?;
                        if !self.undelivered.is_empty() {
                            return Ok(Interruption::SlowReader);
                        }
                    }
                    Ok(Update::Progress(revision)) => {
                        self.caught_up(revision);
                        if self.features.bookmarks {
                            self.latest_seen = self.latest_seen.max(revision);
                            self.pieces.advance(revision);
                        }
                    }
                    Ok(Update::Created(_)) => {}
                    Ok(Update::Compacted(oldest)) => return Ok(Interruption::Compacted(oldest)),
                    Ok(Update::Cancelled(failure)) | Err(failure) => {
                        return Ok(Interruption::Lost(failure));
                    }
                },
                changed = self.paused.changed() => changed.map_err(|_| End::Unsubscribed)?,
                () = sleep_until(next_request) => {
                    stream.request_progress();
                    let interval = if self.catching_up.is_some() {
                        CATCH_UP_REQUEST_INTERVAL
                    } else {
                        PROGRESS_REQUEST_INTERVAL
                    };
                    next_request = Instant::now() + interval;
                }
                () = sleep_until(self.last_sent + PROGRESS_INTERVAL) => self.send_progress()?,
                () = sleep_until(flush_at.unwrap_or_else(Instant::now)), if flush_at.is_some() => {
                    self.flush_if_due().await?;
                    if !self.undelivered.is_empty() {
                        return Ok(Interruption::SlowReader);
                    }
                }
            }
        }
    }

    /// Whether etcd has accepted the watch at least once.
    fn is_open(&self) -> bool {
        self.cluster != MemberId(0)
    }

    fn caller(&self) -> Caller {
        Caller::new(self.identity.clone(), Some(TIMEOUT))
    }

    fn etcd(&self) -> &Etcd {
        &self.hub.etcd
    }

    /// The store's current header.
    async fn current_header(&self) -> Result<Header> {
        self.etcd()
            .current_header(&self.caller(), &self.range)
            .await
    }

    /// Opens a stream from etcd.
    async fn watch(&self, start_revision: i64) -> Result<WatchStream> {
        let options = WatchOptions {
            start_revision,
            prev: self.options.prev,
            only: self.options.only,
            keys_only: self.options.keys_only,
        };
        let caller = Caller::new(self.identity.clone(), None);
        self.etcd().watch(&caller, &self.range, options).await
    }
}

/// Whether etcd would refuse the same request again.
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

fn timed_out() -> Failure {
    Failure::new(Code::Unavailable, "etcd did not respond in time")
}
