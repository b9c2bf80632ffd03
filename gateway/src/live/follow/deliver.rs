//! Delivery to the client, within its share of memory: slow readers, pauses, progress.

use tokio::time::{Instant, sleep_until, timeout};

use super::{
    EVENTS_INTERVAL, End, FOLDERS_INTERVAL, Follower, PROGRESS_INTERVAL, SLOW_READER_AFTER,
    UntilEnd,
};
use crate::live::message::{Bookmark, WatchMessage};
use crate::live::pieces::{Held, Pieces};

impl Follower {
    /// Sends a message once there is room. Not to be awaited while a stream from etcd is open, which would
    /// be left unread meanwhile.
    pub(super) async fn send(&mut self, mut message: WatchMessage) -> UntilEnd<()> {
        message.share = Some(self.budget.share(message.tail.len()).await);
        self.enqueue(message).await
    }

    /// Queues a message that has its share of the memory.
    async fn enqueue(&mut self, message: WatchMessage) -> UntilEnd<()> {
        self.out
            .send(message)
            .await
            .map_err(|_| End::Unsubscribed)?;
        self.last_sent = Instant::now();
        Ok(())
    }

    /// The state of a watch after a revision.
    pub(super) fn pieces_after(&self, revision: i64) -> Pieces {
        Pieces::after(revision).collapsing(self.options.collapse.as_ref())
    }

    /// When events held because of closed folders are to be sent; `None` if there are none.
    pub(super) fn flush_at(&self) -> Option<Instant> {
        let interval = match self.pieces.held() {
            Held::Nothing => return None,
            Held::Folders => FOLDERS_INTERVAL,
            Held::Events => EVENTS_INTERVAL,
        };
        let at = self.last_flushed.map(|last| last + interval);
        Some(at.unwrap_or_else(Instant::now))
    }

    /// Sends the events that are ready, and those held if it is time.
    pub(super) async fn flush_if_due(&mut self) -> UntilEnd<()> {
        if self.flush_at().is_some_and(|at| at <= Instant::now()) {
            return self.flush().await;
        }
        self.deliver_pieces().await
    }

    /// Sends all events of complete revisions.
    pub(super) async fn flush(&mut self) -> UntilEnd<()> {
        if self.pieces.held() != Held::Nothing {
            self.pieces.flush();
            self.last_flushed = Some(Instant::now());
        }
        self.deliver_pieces().await
    }

    /// Sends the events that are ready. Messages that the client has no room for stay in `undelivered`.
    pub(super) async fn deliver_pieces(&mut self) -> UntilEnd<()> {
        while let Some(piece) = self.pieces.pop() {
            let mut message = piece.message;
            if !piece.more {
                message = message.at(self.bookmark(piece.revision));
            }
            if self.undelivered.is_empty() {
                let share = self.budget.share(message.tail.len());
                if let Ok(share) = timeout(SLOW_READER_AFTER, share).await {
                    message.share = Some(share);
                    self.enqueue(message).await?;
                    continue;
                }
            }
            self.undelivered.push_back(message);
        }
        Ok(())
    }

    /// Sends `progress`, unless much is waiting for the client anyway. Inside a revision or a snapshot, or while
    /// events are held, it sends nothing: the transport's `idle` keeps the stream alive.
    pub(super) fn send_progress(&mut self) -> UntilEnd<()> {
        self.last_sent = Instant::now();
        let incomplete = self.pieces.inside_revision() || self.pieces.held() != Held::Nothing;
        if self.snapshot_pending || incomplete {
            return Ok(());
        }
        let revision = self.pieces.last_delivered();
        let mut message = WatchMessage::progress(revision).at(self.bookmark(revision));
        message.share = self.budget.try_share(message.tail.len());
        if message.share.is_some() {
            self.out.try_send(message).map_err(|_| End::Unsubscribed)?;
        }
        Ok(())
    }

    /// After a slow reader: waits until it has drained half of its memory, sends the undelivered messages
    /// and reports `lagged`; the rest is read from history.
    pub(super) async fn drain(&mut self) -> UntilEnd<()> {
        self.budget.half_free().await;
        while let Some(message) = self.undelivered.pop_front() {
            self.send(message).await?;
        }
        if self.pieces.inside_revision() {
            // Nothing may come between the pieces of a revision.
            return Ok(());
        }
        self.send(WatchMessage::lagged(self.pieces.resume_from()))
            .await
    }

    /// Paused: no stream from etcd stays open; the next one starts after the last delivered event.
    pub(super) async fn wait_while_paused(&mut self) -> UntilEnd<()> {
        self.send(WatchMessage::paused(self.pieces.last_delivered()))
            .await?;
        while *self.paused.borrow_and_update() {
            tokio::select! {
                changed = self.paused.changed() => changed.map_err(|_| End::Unsubscribed)?,
                () = sleep_until(self.last_sent + PROGRESS_INTERVAL) => self.send_progress()?,
            }
        }
        Ok(())
    }

    pub(super) fn bookmark(&self, revision: i64) -> Bookmark {
        Bookmark {
            cluster: self.cluster,
            revision,
        }
    }
}
