//! The activity of a connection, and its time limit: that of a request head, or of an idle connection.
//!
//! hyper's own `header_read_timeout` also runs on an idle keep-alive connection, so a pooling client
//! would lose its connection after the time that is meant for a slow request head. The two limits
//! are kept apart here: the connection's reader reports bytes, its service reports requests.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::task::AtomicWaker;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Instant, Sleep, sleep_until};

/// How much longer an idle connection is kept than `Keep-Alive` announces, so that a request sent at
/// the last moment still arrives.
const MARGIN: Duration = Duration::from_secs(1);

/// One connection's activity. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Activity(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    head_timeout: Duration,
    idle_timeout: Duration,
    state: Mutex<State>,
    /// Wakes the connection when a request ends in another task, as HTTP/2's do.
    waker: AtomicWaker,
}

#[derive(Debug)]
struct State {
    phase: Phase,
    since: Instant,
    /// Requests whose response has not ended.
    requests: usize,
    /// HTTP/2 sends frames of its own between requests: bytes do not mean that a head has begun.
    http2: bool,
}

/// The event that the connection waits for while no request is in flight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    /// The rest of a request head; before the first request, its beginning too.
    Head,
    /// The next request.
    Idle,
    /// The client's close, after a graceful shutdown began.
    Closing,
}

/// Which limit has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expired {
    /// No request arrived within the idle timeout: the connection should be closed gracefully.
    Idle,
    /// A request head, or the client's close, did not arrive in time: the connection is dropped.
    Stalled,
}

impl Activity {
    /// A connection just accepted. `head_timeout` limits each request head, `idle_timeout` the time between
    /// requests.
    pub(super) fn new(head_timeout: Duration, idle_timeout: Duration) -> Self {
        Self(Arc::new(Shared {
            head_timeout,
            idle_timeout,
            state: Mutex::new(State {
                phase: Phase::Head,
                since: Instant::now(),
                requests: 0,
                http2: false,
            }),
            waker: AtomicWaker::new(),
        }))
    }

    /// Bytes arrived: on an idle HTTP/1 connection they begin a request head.
    pub(super) fn received(&self) {
        self.with(|state| {
            if state.requests == 0 && state.phase == Phase::Idle && !state.http2 {
                state.enter(Phase::Head);
            }
        });
    }

    /// A request's head is complete. The request is in flight until the returned guard is dropped.
    pub(super) fn begin_request(&self, http2: bool) -> RequestGuard {
        self.with(|state| {
            state.requests += 1;
            state.http2 = http2;
        });
        RequestGuard(self.clone())
    }

    /// The idle timeout has passed and the connection is being closed.
    pub(super) fn close(&self) {
        self.with(|state| state.enter(Phase::Closing));
    }

    fn end_request(&self) {
        let waits = self.with(|state| {
            state.requests -= 1;
            if state.requests == 0 {
                let closing = state.phase == Phase::Closing;
                state.enter(if closing { Phase::Closing } else { Phase::Idle });
            }
            state.requests == 0
        });
        if waits {
            self.0.waker.wake();
        }
    }

    /// When the current limit passes; `None` while a request is in flight.
    fn deadline(&self) -> Option<(Instant, Expired)> {
        let (head, idle) = (self.0.head_timeout, self.0.idle_timeout + MARGIN);
        self.with(|state| match state.phase {
            _ if state.requests > 0 => None,
            Phase::Idle => Some((state.since + idle, Expired::Idle)),
            Phase::Head | Phase::Closing => Some((state.since + head, Expired::Stalled)),
        })
    }

    fn with<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        change(&mut self.0.state.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        self.since = Instant::now();
    }
}

/// A request in flight, until it is dropped.
#[derive(Debug)]
pub(super) struct RequestGuard(Activity);

impl Drop for RequestGuard {
    fn drop(&mut self) {
        self.0.end_request();
    }
}

/// The timer of one connection's limits.
#[derive(Debug)]
pub(super) struct LimitTimer {
    activity: Activity,
    timer: Pin<Box<Sleep>>,
}

impl LimitTimer {
    pub(super) fn new(activity: Activity) -> Self {
        let first = activity.deadline().map_or_else(Instant::now, |(at, _)| at);
        Self {
            activity,
            timer: Box::pin(sleep_until(first)),
        }
    }

    /// Ready when a limit has passed. Must be polled after the connection itself, whose progress moves
    /// the limit.
    pub(super) fn poll_expired(&mut self, cx: &mut Context<'_>) -> Poll<Expired> {
        self.activity.0.waker.register(cx.waker());
        loop {
            let Some((at, expired)) = self.activity.deadline() else {
                return Poll::Pending;
            };
            // A timer that fires early is reset when it fires: most requests move the limit to a later time,
            // and resetting the timer for each of them would cost more than an occasional early wake-up.
            if at < self.timer.deadline() || self.timer.is_elapsed() {
                if at <= Instant::now() {
                    return Poll::Ready(expired);
                }
                self.timer.as_mut().reset(at);
            }
            if self.timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

/// A response's body. Its request is in flight until the body is dropped.
#[derive(Debug)]
pub(super) struct TrackedBody<B> {
    body: B,
    _request: RequestGuard,
}

impl<B> TrackedBody<B> {
    pub(super) fn new(body: B, request: RequestGuard) -> Self {
        Self {
            body,
            _request: request,
        }
    }
}

impl<B: Body + Unpin> Body for TrackedBody<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
