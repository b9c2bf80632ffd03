//! Notifies responses when their connection has been flushed to the socket.
//!
//! hyper polls a body for the next frame while earlier ones are still in its write buffer. Being polled again
//! therefore does not mean that they were written; a flush of the connection does.

use tokio::sync::watch;

/// Flush notifications of one connection. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Flushes(watch::Sender<()>);

impl Default for Flushes {
    fn default() -> Self {
        Self(watch::Sender::new(()))
    }
}

impl Flushes {
    /// Resolves when the connection has been flushed after this was first polled. Over HTTP/1 all that the
    /// body yielded before is then in the kernel's socket buffer. Over HTTP/2, where each stream is a task
    /// beside the connection's, it may have been a flush that was already under way.
    pub async fn next(&self) {
        let mut flushed = self.0.subscribe();
        // Cannot fail: `self` holds a sender.
        let _ = flushed.changed().await;
    }

    /// The connection has been flushed.
    pub(crate) fn flushed(&self) {
        // Without receivers, as on most connections, this is one atomic read.
        if self.0.receiver_count() > 0 {
            self.0.send_replace(());
        }
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;

    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn only_a_flush_after_the_first_poll_counts() {
        let flushes = Flushes::default();
        flushes.flushed();
        let mut next = pin!(flushes.next());
        flushes.flushed();
        for _ in 0..3 {
            assert!(poll!(next.as_mut()).is_pending());
            tokio::task::yield_now().await;
        }
        flushes.flushed();
        assert!(poll!(next.as_mut()).is_ready());
    }
}
