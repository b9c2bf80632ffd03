//! Lingering close: after the last response, the rest of what the client sends is read and discarded.
//!
//! A response sent before the request's body was read (such as a refusal: foreign origin, too large) would be
//! lost if the connection closed at once: because of the unread data the kernel resets the connection, and the
//! client's kernel then discards what the client has not read yet.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use super::ack_timeout::{AckTimeouts, SocketTimeout};
use super::activity::Activity;
use super::flushes::Flushes;

/// The connection closes when no byte has arrived for this long.
const LINGER_TIMEOUT: Duration = Duration::from_millis(500);
/// The connection closes after this long even if the client keeps sending.
const LINGER_TIME: Duration = Duration::from_secs(5);

/// A TCP connection with a lingering close, whose shutdown waits for the client's end for a limited time.
#[derive(Debug)]
pub(super) struct LingeringStream {
    stream: TcpStream,
    ack_timeout: SocketTimeout,
    activity: Activity,
    flushes: Flushes,
    closing: Option<Closing>,
}

#[derive(Debug)]
struct Closing {
    timer: Pin<Box<Sleep>>,
    end: Instant,
}

impl LingeringStream {
    /// `activity` is notified of every read, `flushes` of every flush.
    pub(super) fn new(
        stream: TcpStream,
        ack_timeouts: AckTimeouts,
        flushes: Flushes,
        activity: Activity,
    ) -> Self {
        Self {
            stream,
            ack_timeout: SocketTimeout::new(ack_timeouts),
            flushes,
            activity,
            closing: None,
        }
    }
}

impl AsyncRead for LingeringStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        space: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = space.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(cx, space);
        if space.filled().len() > before {
            self.activity.received();
        }
        read
    }
}

impl AsyncWrite for LingeringStream {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self {
            stream,
            ack_timeout,
            ..
        } = &mut *self;
        ack_timeout.apply(stream);
        Pin::new(stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self {
            stream,
            ack_timeout,
            ..
        } = &mut *self;
        ack_timeout.apply(stream);
        Pin::new(stream).poll_write_vectored(cx, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        if matches!(flushed, Poll::Ready(Ok(()))) {
            self.flushes.flushed();
        }
        flushed
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let Self {
            stream, closing, ..
        } = self.get_mut();
        let closing = if let Some(closing) = closing {
            closing
        } else {
            ready!(Pin::new(&mut *stream).poll_shutdown(cx))?;
            closing.insert(Closing {
                timer: Box::pin(sleep(LINGER_TIMEOUT)),
                end: Instant::now() + LINGER_TIME,
            })
        };
        let mut bytes = [0; 16 << 10];
        loop {
            let mut space = ReadBuf::new(&mut bytes);
            match Pin::new(&mut *stream).poll_read(cx, &mut space) {
                Poll::Ready(Ok(())) if !space.filled().is_empty() => {
                    let now = Instant::now();
                    if now >= closing.end {
                        return Poll::Ready(Ok(()));
                    }
                    closing.timer.as_mut().reset(now + LINGER_TIMEOUT);
                }
                // The client has closed or reset the connection.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return closing.timer.as_mut().poll(cx).map(Ok),
            }
        }
    }
}
