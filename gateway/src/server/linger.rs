//! A connection that is closed with patience.
//!
//! An answer given before the request's body was read (a refusal: foreign, too large) is lost when the
//! connection closes at once: for what is still unread the system resets it, and the client's system
//! throws away what it has not read yet. So after the last answer what comes is read and forgotten.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use super::activity::Activity;
use super::flushes::Flushes;
use super::patience::{Applied, Patience};

/// How long a client may pause before nothing more is expected of it.
const PAUSE: Duration = Duration::from_millis(500);
/// How long a client may go on sending what nobody wants.
const LONGEST: Duration = Duration::from_secs(5);

/// A TCP connection whose shutdown waits for the client's end, for a while.
#[derive(Debug)]
pub(super) struct Lingering {
    stream: TcpStream,
    patience: Applied,
    activity: Activity,
    flushes: Flushes,
    closing: Option<Closing>,
}

#[derive(Debug)]
struct Closing {
    pause: Pin<Box<Sleep>>,
    end: Instant,
}

impl Lingering {
    /// `activity` is notified of every read, `flushes` of every flush.
    pub(super) fn new(
        stream: TcpStream,
        patience: Patience,
        flushes: Flushes,
        activity: Activity,
    ) -> Self {
        Self {
            stream,
            patience: Applied::new(patience),
            flushes,
            activity,
            closing: None,
        }
    }
}

impl AsyncRead for Lingering {
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

impl AsyncWrite for Lingering {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let Self {
            stream, patience, ..
        } = &mut *self;
        patience.apply(stream);
        Pin::new(stream).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Self {
            stream, patience, ..
        } = &mut *self;
        patience.apply(stream);
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
                pause: Box::pin(sleep(PAUSE)),
                end: Instant::now() + LONGEST,
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
                    closing.pause.as_mut().reset(now + PAUSE);
                }
                // The client has closed too, one way or the other.
                Poll::Ready(_) => return Poll::Ready(Ok(())),
                Poll::Pending => return closing.pause.as_mut().poll(cx).map(Ok),
            }
        }
    }
}
