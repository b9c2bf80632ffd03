//! Where watches come from. Sockets know only [`Hub::subscribe`].
//!
//! Each subscription has an upstream of its own so far; sharing one per (cluster, identity, range,
//! options) changes only what is behind `subscribe`.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use shared::{Code, EventType, MemberId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::follow::Follower;
use super::frame::{Bookmark, Frame, message};
use super::permits::Permits;
use crate::etcd::{Etcd, Range, Release};
use crate::failure::Result;
use crate::identity::{Caller, Identity};
use crate::tasks::Tasks;

/// How long a member's release is cached for new watches: it may be restarted with another one.
const RELEASE_KEPT: Duration = Duration::from_secs(10);
/// Watches that read far history at a time: it costs etcd more than all that are up to date.
const CATCH_UPS: usize = 2;
/// Memory of one socket, bytes of messages that wait for its client.
const BUDGET: usize = 4 << 20;
/// Least share of a message, bytes: bounds their number too.
const LEAST_SHARE: usize = 1 << 10;

/// What a subscription delivers.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// The entry before each change.
    pub prev: bool,
    /// Only changes of this type.
    pub only: Option<EventType>,
    /// The state first, and again after `compacted` and `reset`.
    pub snapshot: bool,
    /// Wait for a revision of the future instead of a `reset`.
    pub future: bool,
}

/// Where a subscription begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the next revision; with the state, if it was asked for.
    Now,
    /// At this revision, at least 1.
    Revision(i64),
    /// Behind this place.
    After(Bookmark),
    /// Behind a place that means nothing here; said by a `reset`.
    Unknown,
}

/// The watches of one cluster. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Hub {
    inner: Arc<Inner>,
}

#[derive(Debug)]
pub(super) struct Inner {
    pub(super) etcd: Etcd,
    tasks: Tasks,
    /// Who may still watch what.
    pub(super) permits: Permits,
    release: Mutex<Option<MemberRelease>>,
    /// Turns to read far history.
    pub(super) catch_ups: Arc<Semaphore>,
}

/// The release of the member that serves watches. Facts about a member, and so cached for every caller; a
/// refusal concerns one caller and is never cached.
#[derive(Clone, Copy, Debug)]
struct MemberRelease {
    /// When the request was sent.
    asked: Instant,
    member: MemberId,
    release: Release,
}

impl Inner {
    /// What the release of the member that serves watches can be trusted with; nothing where etcd refuses
    /// to name it. Answers to requests sent before `since` do not count.
    pub(super) async fn release(&self, caller: &Caller, since: Option<Instant>) -> Result<Release> {
        let known = self.member_release(caller, since, None).await?;
        Ok(known.map_or_else(Release::default, |known| known.release))
    }

    /// The same of `member`, which has created a watch; nothing where another member answers. After a
    /// fail-over the cached release may be that of another member.
    pub(super) async fn release_of(
        &self,
        caller: &Caller,
        member: MemberId,
        since: Option<Instant>,
    ) -> Result<Release> {
        let known = self.member_release(caller, since, Some(member)).await?;
        let known = known.filter(|known| known.member == member);
        Ok(known.map_or_else(Release::default, |known| known.release))
    }

    async fn member_release(
        &self,
        caller: &Caller,
        since: Option<Instant>,
        of: Option<MemberId>,
    ) -> Result<Option<MemberRelease>> {
        let now = Instant::now();
        let since = since.max(now.checked_sub(RELEASE_KEPT));
        let known = *self.lock_release();
        if let Some(known) = known
            && Some(known.asked) >= since
            && of.is_none_or(|member| known.member == member)
        {
            return Ok(Some(known));
        }
        let answer = self.etcd.release(caller).await?;
        let known = answer.map(|(member, release)| MemberRelease {
            asked: now,
            member,
            release,
        });
        if known.is_some() {
            *self.lock_release() = known;
        }
        Ok(known)
    }

    fn lock_release(&self) -> MutexGuard<'_, Option<MemberRelease>> {
        self.release.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    /// The watches of `etcd`; their tasks are `tasks`'.
    pub fn new(etcd: Etcd, tasks: Tasks) -> Self {
        // Shown as 0 before the first one.
        metrics::gauge!(OPEN_WATCHES).increment(0.0);
        let inner = Inner {
            permits: Permits::new(etcd.clone(), tasks.clone()),
            etcd,
            tasks,
            release: Mutex::default(),
            catch_ups: Arc::new(Semaphore::new(CATCH_UPS)),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Watches a range. Dropping the subscription ends it.
    ///
    /// Frames arrive in the order of their revisions, each change once. They are, in this order:
    /// `error` while etcd is away; `compacted` or `reset` where `start` is not in history;
    /// `opened`; `snapshot` pieces if asked for; `events`, `progress`, and `compacted`, `reset`
    /// (with snapshots again), `lagged`, `paused` where they happen; `closed` at the end, which only
    /// a refusal by etcd brings about. A lost connection is only a pause.
    ///
    /// `compacted` and `reset` void an unfinished snapshot or revision: what follows begins anew.
    pub fn subscribe(
        &self,
        identity: Identity,
        range: Range,
        options: Options,
        start: Start,
        budget: &Budget,
    ) -> Subscription {
        let stop = self.inner.tasks.stop().child_token();
        let (out, frames) = mpsc::channel(BUDGET / LEAST_SHARE);
        let (pause, paused) = watch::channel(false);
        let follower = Follower::new(
            Arc::clone(&self.inner),
            identity,
            range,
            options,
            out,
            budget.clone(),
            paused,
        );
        let stopped = stop.clone();
        self.inner.tasks.spawn(async move {
            let _open = OpenWatch::count();
            stopped.run_until_cancelled(follower.run(start)).await;
        });
        Subscription::new(frames, Pause(Arc::new(pause)), stop)
    }
}

const OPEN_WATCHES: &str = "watchgate_watches_open";

/// Counts an open watch for as long as it lives.
struct OpenWatch;

impl OpenWatch {
    fn count() -> Self {
        metrics::gauge!(OPEN_WATCHES).increment(1.0);
        Self
    }
}

impl Drop for OpenWatch {
    fn drop(&mut self) {
        metrics::gauge!(OPEN_WATCHES).decrement(1.0);
    }
}

/// A running watch: a stream of frames, ended by dropping it.
#[derive(Debug)]
pub struct Subscription {
    frames: mpsc::Receiver<Frame>,
    pause: Pause,
    /// Cancelled when the process stops, or this is dropped.
    stop: CancellationToken,
    /// The last frame has been handed out.
    ended: bool,
    _guard: DropGuard,
}

impl Subscription {
    fn new(frames: mpsc::Receiver<Frame>, pause: Pause, stop: CancellationToken) -> Self {
        Self {
            frames,
            pause,
            ended: false,
            _guard: stop.clone().drop_guard(),
            stop,
        }
    }

    /// The switch that holds events back.
    pub fn pause(&self) -> Pause {
        self.pause.clone()
    }
}

impl Stream for Subscription {
    type Item = Frame;

    /// The last frame is `closed` unless the process stops, also where the follower's task panicked: its
    /// client could not tell a dead watch from a quiet one.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Frame>> {
        let frame = ready!(self.frames.poll_recv(cx));
        if frame.is_none() && !self.ended && !self.stop.is_cancelled() {
            tracing::error!("a watch ended without a reason");
            self.ended = true;
            let detail = "the watch failed in the gateway; its log says why";
            return Poll::Ready(Some(message::closed(Code::Internal, detail)));
        }
        self.ended |= frame.as_ref().is_none_or(|frame| frame.last);
        Poll::Ready(frame)
    }
}

/// Holds a subscription's events back. Nothing is lost that history still holds.
#[derive(Clone, Debug)]
pub struct Pause(Arc<watch::Sender<bool>>);

impl Pause {
    /// Hold back (the next frames end in `paused`), or go on.
    pub fn set(&self, paused: bool) {
        self.0.send_if_modified(|now| {
            let news = *now != paused;
            *now = paused;
            news
        });
    }
}

/// Bounds the memory of messages that wait for one client, over all its subscriptions.
#[derive(Clone, Debug)]
pub struct Budget {
    bytes: Arc<Semaphore>,
}

impl Default for Budget {
    fn default() -> Self {
        Self {
            bytes: Arc::new(Semaphore::new(BUDGET)),
        }
    }
}

impl Budget {
    fn size(bytes: usize) -> u32 {
        u32::try_from(bytes.clamp(LEAST_SHARE, BUDGET)).expect("the budget fits 32 bits")
    }

    /// Waits for room for so many bytes; a message larger than all room gets all of it.
    pub(super) async fn share(&self, bytes: usize) -> OwnedSemaphorePermit {
        let bytes = Self::size(bytes);
        let permit = Arc::clone(&self.bytes).acquire_many_owned(bytes).await;
        permit.expect("a budget is never closed")
    }

    /// Room for so many bytes, if there is some now.
    pub(super) fn try_share(&self, bytes: usize) -> Option<OwnedSemaphorePermit> {
        let bytes = Self::size(bytes);
        Arc::clone(&self.bytes).try_acquire_many_owned(bytes).ok()
    }

    /// Waits until half of the room is free.
    pub(super) async fn half_free(&self) {
        drop(self.share(BUDGET / 2).await);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt as _;

    use super::*;

    fn subscription() -> (mpsc::Sender<Frame>, Subscription, CancellationToken) {
        let (out, frames) = mpsc::channel(4);
        let (pause, _) = watch::channel(false);
        let stop = CancellationToken::new();
        let subscription = Subscription::new(frames, Pause(Arc::new(pause)), stop.clone());
        (out, subscription, stop)
    }

    async fn rest(subscription: Subscription) -> Vec<String> {
        let texts = subscription.map(|frame| {
            assert_eq!(frame.last, frame.kind == "closed");
            String::from_utf8(frame.text("0")).expect("JSON is UTF-8")
        });
        texts.collect().await
    }

    #[tokio::test]
    async fn a_watch_whose_task_died_ends_with_closed_internal() {
        let (out, subscription, _stop) = subscription();
        out.send(message::progress(7))
            .await
            .expect("the queue has room");
        drop(out);
        let texts = rest(subscription).await;
        assert_eq!(texts.len(), 2, "{texts:?}");
        assert!(texts[1].contains(r#""type":"closed""#), "{texts:?}");
        assert!(texts[1].contains(r#""code":"internal""#), "{texts:?}");
    }

    #[tokio::test]
    async fn a_closed_or_stopped_watch_ends_without_a_second_closed() {
        let (out, subscription, _stop) = subscription();
        let closed = message::closed(Code::Forbidden, "no");
        out.send(closed).await.expect("the queue has room");
        drop(out);
        assert_eq!(rest(subscription).await.len(), 1);

        let (out, subscription, stop) = self::subscription();
        stop.cancel();
        drop(out);
        assert!(rest(subscription).await.is_empty());
    }
}
