//! Subscriptions to ranges. Sessions know only [`Hub::subscribe`].
//!
//! Each subscription has its own stream from etcd. Sharing one per (cluster, identity, range, options)
//! would change only what is below `subscribe`.

use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use futures_util::Stream;
use shared::{Code, EventType, MemberId};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::Instant;
use tokio_util::sync::{CancellationToken, DropGuard};

use super::folders::Collapse;
use super::follow::Follower;
use super::message::{Bookmark, WatchMessage};
use super::permits::Permits;
use crate::etcd::{Caller, Etcd, Identity, Range, WatchFeatures};
use crate::failure::Result;
use crate::tasks::Tasks;

/// How long a member's release is cached for new watches: it may be restarted with another one.
const RELEASE_VALID_FOR: Duration = Duration::from_secs(10);
/// Watches that catch up from far behind at a time: one of them costs etcd more than all synced ones.
const MAX_CATCH_UPS: usize = 2;
/// Memory of one client: bytes of messages that wait to be written to it.
const BUDGET: usize = 4 << 20;
/// Smallest share of a message, bytes: it bounds the number of messages too.
const MIN_SHARE: usize = 1 << 10;

/// The options of a subscription.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Options {
    /// The entry before each change.
    pub prev: bool,
    /// Only changes of this type.
    pub only: Option<EventType>,
    /// No values.
    pub keys_only: bool,
    /// Changes in closed folders are counted instead of delivered.
    pub collapse: Option<Arc<Collapse>>,
    /// The range's entries first, and again after `compacted` and `reset`.
    pub snapshot: bool,
    /// Wait for a revision that does not exist yet, instead of a `reset`.
    pub future: bool,
}

/// The start of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Start {
    /// With the next revision, after the snapshot if one is requested.
    Now,
    /// At this revision, which is at least 1.
    Revision(i64),
    /// After the last delivered revision that a client reports.
    After(Bookmark),
    /// The client reports an id that is not a bookmark: a `reset`.
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
    /// Checks permissions while watches are open.
    pub(super) permits: Permits,
    features: Mutex<Option<MemberFeatures>>,
    /// Limits watches that catch up from far behind.
    pub(super) catch_ups: Arc<Semaphore>,
}

/// The release of the member that serves watches. It is a fact about the member, and so is cached for every
/// caller; a refusal concerns one caller and is never cached.
#[derive(Clone, Copy, Debug)]
struct MemberFeatures {
    /// When the request was sent.
    requested_at: Instant,
    member: MemberId,
    features: WatchFeatures,
}

impl Inner {
    /// The features of the release of the member that serves watches; none where etcd refuses to name
    /// it. Responses to requests sent before `since` are ignored.
    pub(super) async fn watch_features(
        &self,
        caller: &Caller,
        since: Option<Instant>,
    ) -> Result<WatchFeatures> {
        let known = self.member_features(caller, since, None).await?;
        Ok(known.map_or_else(WatchFeatures::default, |known| known.features))
    }

    /// The features of the release of `member`, which has created a watch; none where another member
    /// responds. After a fail-over the cached release may be that of another member.
    pub(super) async fn watch_features_of(
        &self,
        caller: &Caller,
        member: MemberId,
        since: Option<Instant>,
    ) -> Result<WatchFeatures> {
        let known = self.member_features(caller, since, Some(member)).await?;
        let known = known.filter(|known| known.member == member);
        Ok(known.map_or_else(WatchFeatures::default, |known| known.features))
    }

    async fn member_features(
        &self,
        caller: &Caller,
        since: Option<Instant>,
        of: Option<MemberId>,
    ) -> Result<Option<MemberFeatures>> {
        let now = Instant::now();
        let since = since.max(now.checked_sub(RELEASE_VALID_FOR));
        let known = *self.cached_features();
        if let Some(known) = known
            && Some(known.requested_at) >= since
            && of.is_none_or(|member| known.member == member)
        {
            return Ok(Some(known));
        }
        let response = self.etcd.watch_features(caller).await?;
        let known = response.map(|(member, features)| MemberFeatures {
            requested_at: now,
            member,
            features,
        });
        if known.is_some() {
            *self.cached_features() = known;
        }
        Ok(known)
    }

    fn cached_features(&self) -> MutexGuard<'_, Option<MemberFeatures>> {
        self.features.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Hub {
    /// A hub without watches, whose tasks `tasks` spawns.
    pub fn new(etcd: Etcd, tasks: Tasks) -> Self {
        // So that the metric is 0 before the first watch.
        metrics::gauge!(OPEN_WATCHES).increment(0.0);
        let inner = Inner {
            permits: Permits::new(etcd.clone(), tasks.clone()),
            etcd,
            tasks,
            features: Mutex::default(),
            catch_ups: Arc::new(Semaphore::new(MAX_CATCH_UPS)),
        };
        Self {
            inner: Arc::new(inner),
        }
    }

    /// Watches a range. Dropping the subscription ends it.
    ///
    /// Events are delivered in the order of their revisions, each once. The messages are, in this order:
    /// `error` while etcd is unavailable; `compacted` or `reset` where `start` is not in history;
    /// `opened`; `snapshot` pieces if requested; `events`, `progress`, and `compacted`, `reset` (followed
    /// by another snapshot), `lagged`, `paused` where they happen; `closed` at the end, only after a
    /// refusal by etcd. A lost connection to etcd is not reported: the watch resumes.
    ///
    /// `compacted` and `reset` void an unfinished snapshot or revision before them.
    pub fn subscribe(
        &self,
        identity: Identity,
        range: Range,
        options: Options,
        start: Start,
        budget: &Budget,
    ) -> Subscription {
        let stop = self.inner.tasks.stop().child_token();
        let (out, messages) = mpsc::channel(BUDGET / MIN_SHARE);
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
        Subscription::new(messages, Pause(Arc::new(pause)), stop)
    }
}

const OPEN_WATCHES: &str = "watchgate_watches_open";

/// Counts an open watch until dropped.
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

/// A running watch: a stream of its messages. Dropping it ends the watch.
#[derive(Debug)]
pub struct Subscription {
    messages: mpsc::Receiver<WatchMessage>,
    pause: Pause,
    /// Cancelled when the process stops, or this is dropped.
    stop: CancellationToken,
    /// The last message has been returned.
    ended: bool,
    _guard: DropGuard,
}

impl Subscription {
    fn new(messages: mpsc::Receiver<WatchMessage>, pause: Pause, stop: CancellationToken) -> Self {
        Self {
            messages,
            pause,
            ended: false,
            _guard: stop.clone().drop_guard(),
            stop,
        }
    }

    /// The switch that pauses this watch.
    pub fn pause(&self) -> Pause {
        self.pause.clone()
    }
}

impl Stream for Subscription {
    type Item = WatchMessage;

    /// The last message is `closed` unless the process stops, also where the follower's task panicked: its
    /// client could not distinguish a dead watch from a quiet one.
    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<WatchMessage>> {
        let message = ready!(self.messages.poll_recv(cx));
        if message.is_none() && !self.ended && !self.stop.is_cancelled() {
            tracing::error!("a watch's task ended without a reason");
            self.ended = true;
            let detail = "internal error; the gateway's log has the cause";
            return Poll::Ready(Some(WatchMessage::closed(Code::Internal, detail)));
        }
        self.ended |= message.as_ref().is_none_or(|message| message.last);
        Poll::Ready(message)
    }
}

/// Pauses a subscription. Nothing is lost that history still has when it resumes.
#[derive(Clone, Debug)]
pub struct Pause(Arc<watch::Sender<bool>>);

impl Pause {
    /// Pauses (the subscription reports `paused`) or resumes.
    pub fn set(&self, paused: bool) {
        self.0.send_if_modified(|now| {
            let changed = *now != paused;
            *now = paused;
            changed
        });
    }
}

/// Bounds the memory of messages that wait for one client, across all its subscriptions.
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
        u32::try_from(bytes.clamp(MIN_SHARE, BUDGET)).expect("the budget fits 32 bits")
    }

    /// Waits for room for so many bytes; a message larger than the budget gets all of it.
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

    fn subscription() -> (mpsc::Sender<WatchMessage>, Subscription, CancellationToken) {
        let (out, messages) = mpsc::channel(4);
        let (pause, _) = watch::channel(false);
        let stop = CancellationToken::new();
        let subscription = Subscription::new(messages, Pause(Arc::new(pause)), stop.clone());
        (out, subscription, stop)
    }

    async fn rest(subscription: Subscription) -> Vec<String> {
        let texts = subscription.map(|message| {
            assert_eq!(message.last, message.kind == "closed");
            String::from_utf8(message.text("0")).expect("JSON is UTF-8")
        });
        texts.collect().await
    }

    #[tokio::test]
    async fn a_watch_whose_task_panicked_ends_with_closed_internal() {
        let (out, subscription, _stop) = subscription();
        out.send(WatchMessage::progress(7))
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
        let closed = WatchMessage::closed(Code::Forbidden, "no");
        out.send(closed).await.expect("the queue has room");
        drop(out);
        assert_eq!(rest(subscription).await.len(), 1);

        let (out, subscription, stop) = self::subscription();
        stop.cancel();
        drop(out);
        assert!(rest(subscription).await.is_empty());
    }
}
