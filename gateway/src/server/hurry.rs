//! How long a client may pause within its request's body.
//!
//! Whoever sends a body slowly keeps a connection from others, so pauses have a limit. A call that is
//! asked one question after the other has none: between two questions the client has nothing to say.

use std::error::Error;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use axum::BoxError;
use bytes::Bytes;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::time::{Sleep, sleep};

/// Lifts the limit of a request's pauses: an extension of the request. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Unhurried(Arc<AtomicBool>);

impl Unhurried {
    /// From now on the client may take its time.
    pub fn lift(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    fn is_lifted(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

/// The client paused for longer than this.
#[derive(Debug)]
pub struct Paused(Duration);

impl Paused {
    /// Whether it is why a body could not be read.
    pub fn caused(error: &(dyn Error + 'static)) -> bool {
        let mut cause = Some(error);
        while let Some(error) = cause {
            if error.is::<Self>() {
                return true;
            }
            cause = error.source();
        }
        false
    }
}

impl fmt::Display for Paused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let limit = self.0.as_secs_f64();
        write!(
            f,
            "the client paused: no byte of the body arrived for {limit} s"
        )
    }
}

impl Error for Paused {}

/// A body whose pauses have a limit.
#[derive(Debug)]
pub(super) struct Hurried {
    body: Incoming,
    limit: Duration,
    unhurried: Unhurried,
    /// The pause that lasts.
    pause: Option<Pin<Box<Sleep>>>,
}

impl Hurried {
    pub(super) fn new(body: Incoming, limit: Duration, unhurried: Unhurried) -> Self {
        Self {
            body,
            limit,
            unhurried,
            pause: None,
        }
    }
}

impl Body for Hurried {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.pause = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        if self.unhurried.is_lifted() {
            return Poll::Pending;
        }
        let limit = self.limit;
        let pause = self.pause.get_or_insert_with(|| Box::pin(sleep(limit)));
        pause
            .as_mut()
            .poll(cx)
            .map(|()| Some(Err(Paused(limit).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
