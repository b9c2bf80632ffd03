//! Resuming: what follows an interrupted stream, and the next stream.

use std::sync::Arc;

use shared::{Code, Header};
use tokio::time::{Instant, sleep_until, timeout};

use super::{
    End, FAR_BEHIND, Follower, Interruption, PROGRESS_INTERVAL, TIMEOUT, UntilEnd, is_final,
    timed_out,
};
use crate::etcd::{Update, WatchStream};
use crate::failure::Failure;
use crate::live::message::WatchMessage;

impl Follower {
    /// Opens the next stream where the last one was interrupted, and checks that it is the same store's.
    pub(super) async fn reopen(&mut self) -> Result<WatchStream, Interruption> {
        let start = self.pieces.resume_from();
        let mut stream = self.watch(start).await.map_err(Interruption::Lost)?;
        let first = timeout(TIMEOUT, stream.next())
            .await
            .map_err(|_| Interruption::Lost(timed_out()))?;
        let created = match first.map_err(Interruption::Lost)? {
            Update::Created(header) => header,
            Update::Compacted(oldest) => return Err(Interruption::Compacted(oldest)),
            Update::Cancelled(failure) => return Err(Interruption::Lost(failure)),
            Update::Batch { .. } | Update::Progress(_) => {
                let detail = "etcd sent events before it created the watch";
                return Err(Interruption::Lost(Failure::new(Code::Internal, detail)));
            }
        };
        if created.cluster_id != self.cluster || created.revision < self.latest_seen {
            // This member may only lag behind the others: a linearizable read decides.
            let now = self.current_header().await.map_err(Interruption::Lost)?;
            if let Some(reason) = self.reset_reason(&now) {
                return Err(Interruption::Reset(now, reason));
            }
            if created.cluster_id != self.cluster {
                let detail = "the endpoints belong to different clusters";
                return Err(Interruption::Lost(Failure::new(Code::Unavailable, detail)));
            }
        }
        let features = self
            .hub
            .watch_features_of(&self.caller(), created.member_id, self.lost_at)
            .await;
        self.features = features.map_err(Interruption::Lost)?;
        if start == self.resumes_at_compacted && !self.features.exact_compaction {
            // A fail-over: the member that chose this revision could resume here, this one cannot.
            return Err(Interruption::Compacted(start));
        }
        self.latest_seen = self.latest_seen.max(created.revision);
        self.backoff.reset();
        Ok(stream)
    }

    /// Why the store is no longer the one followed so far; `None` while it is.
    pub(super) fn reset_reason(&self, now: &Header) -> Option<String> {
        if now.cluster_id != self.cluster {
            return Some(format!(
                "etcd is now cluster {} instead of {}",
                now.cluster_id, self.cluster
            ));
        }
        (now.revision < self.latest_seen).then(|| {
            format!(
                "the store went back from revision {} to {}: its data was restored or wiped",
                self.latest_seen, now.revision
            )
        })
    }

    /// Far behind, waits until few other watches are catching up.
    pub(super) async fn wait_to_catch_up(&mut self) -> UntilEnd<()> {
        if self.latest_seen - self.pieces.last_delivered() <= FAR_BEHIND {
            return Ok(());
        }
        let permit = Arc::clone(&self.hub.catch_ups).acquire_owned();
        tokio::pin!(permit);
        loop {
            tokio::select! {
                permit = &mut permit => {
                    let permit = permit.expect("the hub never closes the semaphore");
                    self.catching_up = Some((permit, self.latest_seen));
                    return Ok(());
                }
                () = sleep_until(self.last_sent + PROGRESS_INTERVAL) => self.send_progress()?,
            }
        }
    }

    /// Lets the next watch catch up once this one has.
    pub(super) fn caught_up(&mut self, revision: i64) {
        if let Some((_, until)) = self.catching_up
            && revision >= until
        {
            self.catching_up = None;
        }
    }

    /// After a failure: ends where etcd refuses, else waits before the next attempt.
    pub(super) async fn back_off(&mut self, failure: Failure) -> UntilEnd<()> {
        if is_final(failure.code) {
            return Err(End::Refused(failure));
        }
        tracing::debug!(failure = failure.chain(), "a watch lost its stream");
        let until = Instant::now() + self.backoff.next_delay();
        loop {
            tokio::select! {
                () = sleep_until(until) => return Ok(()),
                () = sleep_until(self.last_sent + PROGRESS_INTERVAL) => self.send_progress()?,
            }
        }
    }

    /// Reports the revisions lost to a compaction, and resumes after them.
    pub(super) async fn compacted(&mut self, oldest: i64) -> UntilEnd<()> {
        self.snapshot_pending = self.options.snapshot;
        let from = self.pieces.resume_from();
        let to = self.first_watchable(oldest).max(from);
        self.send(WatchMessage::compacted(from, to)).await?;
        self.pieces = self.pieces_after(to - 1);
        self.resumes_at_compacted = if to == oldest { oldest } else { 0 };
        if self.options.snapshot {
            self.current_snapshot().await?;
        }
        Ok(())
    }

    /// The first revision that can be watched without a gap after a compaction at `oldest`.
    pub(super) fn first_watchable(&self, oldest: i64) -> i64 {
        if self.features.exact_compaction {
            oldest
        } else {
            oldest + 1
        }
    }

    /// Reports that the data is another cluster's or older, and starts over at its revision.
    pub(super) async fn reset(&mut self, now: Header, reason: &str) -> UntilEnd<()> {
        self.snapshot_pending = self.options.snapshot;
        self.start_over(&now, reason).await?;
        if self.options.snapshot {
            self.snapshot(now.revision).await?;
        }
        Ok(())
    }

    /// A `reset`, without the snapshot that follows it.
    pub(super) async fn start_over(&mut self, now: &Header, reason: &str) -> UntilEnd<()> {
        tracing::warn!(reason, "a watch was reset");
        self.cluster = now.cluster_id;
        self.latest_seen = now.revision;
        self.pieces = self.pieces_after(now.revision - 1);
        let reset = WatchMessage::reset(reason, now.revision, now.cluster_id);
        self.send(reset).await
    }
}
