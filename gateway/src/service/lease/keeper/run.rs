//! The task of one keeper: sends renewals, handles responses, reopens a lost stream.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use shared::Code;
use tokio::time::{Instant, sleep_until};

use super::{IDLE, Inner, Keeper};
use crate::etcd::KeepAlives;
use crate::failure::{Failure, Result};
use crate::identity::{Caller, Identity};

/// Delay between attempts to open a stream: the initial one, and the maximum.
const RETRY_DELAY: std::ops::RangeInclusive<Duration> =
    Duration::from_millis(100)..=Duration::from_millis(500);
/// Renewals that are due within this time of each other are sent together.
const GRAIN: Duration = Duration::from_millis(20);

/// The stream.
enum Link {
    /// No stream; it may be opened from this time on.
    Down(Instant),
    Opening(BoxFuture<'static, Result<KeepAlives>>),
    Up(Box<KeepAlives>),
}

/// An event of the stream.
enum News {
    Opened(Box<KeepAlives>),
    Response(i64, i64),
    Failed(Failure),
}

impl Link {
    async fn next(&mut self) -> News {
        match self {
            Self::Down(_) => std::future::pending().await,
            Self::Opening(opening) => match opening.await {
                Ok(stream) => News::Opened(Box::new(stream)),
                Err(failure) => News::Failed(failure),
            },
            Self::Up(stream) => match stream.next().await {
                Ok((lease, ttl)) => News::Response(lease, ttl),
                Err(failure) => News::Failed(failure),
            },
        }
    }
}

/// Runs until there have been no leases for a while, the account is refused, or the gateway shuts down.
pub(super) async fn run(inner: Arc<Inner>, identity: Identity, keeper: Arc<Keeper>) {
    let stop = inner.tasks.stop().clone();
    let mut task = Task {
        caller: Caller::new(identity.clone(), None),
        inner,
        keeper,
        link: Link::Down(Instant::now()),
        order: VecDeque::new(),
        delay: *RETRY_DELAY.start(),
    };
    loop {
        let wake = task.advance();
        let keeper = Arc::clone(&task.keeper);
        tokio::select! {
            () = stop.cancelled() => return,
            () = keeper.wake.notified() => {}
            news = task.link.next() => match news {
                News::Failed(failure) if task.is_refused(&failure) => {
                    let reason = format!("the account is no longer accepted: {}", failure.detail);
                    task.inner.close_refused(&identity, &keeper, &reason);
                    return;
                }
                news => task.apply(news),
            },
            () = sleep_until(wake) => {
                if task.inner.close_unused(&identity, &keeper) {
                    return;
                }
            }
        }
    }
}

struct Task {
    inner: Arc<Inner>,
    caller: Caller,
    keeper: Arc<Keeper>,
    link: Link,
    /// Renewals without a response, in the order sent: etcd responds in that order.
    order: VecDeque<i64>,
    delay: Duration,
}

impl Task {
    /// Sends the renewals that are due; returns when to check again.
    fn advance(&mut self) -> Instant {
        let now = Instant::now();
        let keeper = Arc::clone(&self.keeper);
        let mut shared = keeper.lock();
        shared.beats.expire(now);
        if !matches!(self.link, Link::Down(_)) && shared.beats.is_stuck(now) {
            tracing::debug!("the keep-alive stream is stuck; opening a new one");
            shared.beats.stream_lost(now);
            self.reopen_later(now);
        }
        let mut due = shared.beats.due(now).into_iter();
        match &self.link {
            Link::Up(stream) => {
                // A renewal that does not fit into the queue stays due.
                for lease in due.by_ref().take_while(|lease| stream.beat(*lease)) {
                    shared.beats.record_sent(lease, now);
                    self.order.push_back(lease);
                }
            }
            Link::Down(from) if *from <= now => {
                if let Some(first) = due.next() {
                    shared.beats.record_sent(first, now);
                    self.order.push_back(first);
                    let (etcd, caller) = (self.inner.etcd.clone(), self.caller.clone());
                    self.link =
                        Link::Opening(Box::pin(
                            async move { etcd.keep_alives(&caller, first).await },
                        ));
                }
            }
            Link::Down(_) | Link::Opening(_) => {}
        }
        let Some(wake) = shared.beats.wake_at() else {
            return (shared.idle_since + IDLE).max(now + GRAIN);
        };
        // Due renewals wait for the stream.
        wake.max(match &self.link {
            Link::Down(from) => *from,
            Link::Opening(_) => now + *RETRY_DELAY.start(),
            Link::Up(_) => now + GRAIN,
        })
    }

    /// Whether etcd no longer accepts the account, with no later sign-in. If only the token was
    /// refused, it has been replaced by the time the stream is reopened.
    fn is_refused(&self, failure: &Failure) -> bool {
        let account = self.caller.identity.account();
        failure.code == Code::Unauthenticated && account.is_some_and(|own| own.is_refused())
    }

    fn apply(&mut self, news: News) {
        let now = Instant::now();
        let keeper = Arc::clone(&self.keeper);
        match news {
            News::Opened(stream) => {
                self.delay = *RETRY_DELAY.start();
                self.link = Link::Up(stream);
            }
            News::Response(lease, ttl) => {
                if let Some(at) = self.order.iter().position(|sent| *sent == lease) {
                    self.order.remove(at);
                }
                keeper.lock().beats.response(lease, ttl);
            }
            News::Failed(failure) => {
                tracing::debug!(cause = failure.chain(), "the keep-alive stream was lost");
                let mut shared = keeper.lock();
                if failure.code == Code::Forbidden
                    && let Some(refused) = self.order.pop_front()
                {
                    // etcd ends the whole stream because of the one lease that the account may not
                    // renew.
                    shared.beats.lose(refused, &failure.detail);
                }
                shared.beats.stream_lost(now);
                drop(shared);
                self.reopen_later(now);
            }
        }
    }

    fn reopen_later(&mut self, now: Instant) {
        self.order.clear();
        self.link = Link::Down(now + self.delay);
        self.delay = (self.delay * 2).min(*RETRY_DELAY.end());
    }
}
