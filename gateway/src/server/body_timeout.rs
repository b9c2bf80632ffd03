//! The timeout of a request's body: how long the client may go without sending a byte of it.
//!
//! A client that sends its body slowly occupies a connection that others could use, so the time between two
//! pieces is limited. A client-streaming call disables the timeout: between two messages its client has
//! nothing to send.

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

/// Disables the timeout of one request's body: an extension of the request. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct BodyTimeout {
    disabled: Arc<AtomicBool>,
}

impl BodyTimeout {
    /// From now on the client may take any time between two pieces.
    pub fn disable(&self) {
        self.disabled.store(true, Ordering::Relaxed);
    }

    fn is_disabled(&self) -> bool {
        self.disabled.load(Ordering::Relaxed)
    }
}

/// No byte of the body arrived for this long.
#[derive(Debug)]
pub struct BodyTimedOut(Duration);

impl BodyTimedOut {
    /// Whether this is why a body could not be read.
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

impl fmt::Display for BodyTimedOut {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let timeout = self.0.as_secs_f64();
        write!(f, "request body timed out: no byte arrived for {timeout} s")
    }
}

impl Error for BodyTimedOut {}

/// A request body with a timeout between its pieces.
#[derive(Debug)]
pub(super) struct TimedBody {
    body: Incoming,
    timeout: Duration,
    control: BodyTimeout,
    /// Runs while the next piece is awaited.
    timer: Option<Pin<Box<Sleep>>>,
}

impl TimedBody {
    /// `control` can disable the timeout.
    pub(super) fn new(body: Incoming, timeout: Duration, control: BodyTimeout) -> Self {
        Self {
            body,
            timeout,
            control,
            timer: None,
        }
    }
}

impl Body for TimedBody {
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        if let Poll::Ready(frame) = Pin::new(&mut self.body).poll_frame(cx) {
            self.timer = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(BoxError::from)));
        }
        if self.control.is_disabled() {
            return Poll::Pending;
        }
        let timeout = self.timeout;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep(timeout)));
        timer
            .as_mut()
            .poll(cx)
            .map(|()| Some(Err(BodyTimedOut(timeout).into())))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
