//! Opening: where a subscription starts, and what is reported before its first event.

use shared::{Code, Header};
use tokio::time::{sleep, timeout};

use super::{End, FAR_BEHIND, Follower, TIMEOUT, UntilEnd, is_final, timed_out};
use crate::etcd::{Get, Range, Update, WatchStream};
use crate::failure::Result;
use crate::live::hub::Start;
use crate::live::message::WatchMessage;

/// How a subscription opens.
struct Opening {
    header: Header,
    /// `compacted` or `reset`, where the requested start is not in history.
    notice: Option<WatchMessage>,
    /// The first revision that can be delivered.
    start: i64,
    snapshot: bool,
    stream: Option<WatchStream>,
}

impl Follower {
    /// Opens the subscription and sends `opened`, with a snapshot if requested; returns the stream from
    /// etcd where one is open already. Retries until etcd responds; the client gets one `error`.
    pub(super) async fn open(&mut self, start: &Start) -> UntilEnd<Option<WatchStream>> {
        let mut error_sent = false;
        let opening = loop {
            match self.try_open(start).await {
                Ok(opening) => break opening,
                Err(failure) if is_final(failure.code) => return Err(End::Refused(failure)),
                Err(failure) => {
                    if !error_sent {
                        error_sent = true;
                        tracing::debug!(failure = failure.chain(), "a watch waits for etcd");
                        let error = WatchMessage::error(Code::Unavailable, &failure.detail);
                        self.send(error).await?;
                    }
                    sleep(self.backoff.next_delay()).await;
                }
            }
        };
        self.backoff.reset();
        self.cluster = opening.header.cluster_id;
        self.latest_seen = opening.header.revision;
        self.pieces = self.pieces_after(opening.start - 1);
        if let Some(notice) = opening.notice {
            self.send(notice).await?;
        }
        let opened = WatchMessage::opened(self.cluster, opening.start);
        self.snapshot_pending = opening.snapshot;
        if opening.snapshot {
            self.send(opened).await?;
            self.snapshot(opening.header.revision).await?;
        } else {
            let bookmark = self.bookmark(opening.start - 1);
            self.send(opened.at(bookmark)).await?;
        }
        Ok(opening.stream)
    }

    async fn try_open(&mut self, start: &Start) -> Result<Opening> {
        let caller = self.caller();
        self.features = self.hub.watch_features(&caller, self.lost_at).await?;
        if self.range.is_open_ended() {
            // Some releases of every minor version check the permission of such a watch for its first key
            // alone.
            self.etcd().may_read(&caller, &self.range).await?;
        }
        let header = self.current_header().await?;
        let (now, cluster) = (header.revision, header.cluster_id);
        let reset = |reason: &str| (Some(WatchMessage::reset(reason, now, cluster)), now);
        let wanted = match start {
            Start::Now | Start::Unknown => now + 1,
            Start::Revision(revision) => *revision,
            Start::After(bookmark) => bookmark.revision.saturating_add(1),
        };
        let (notice, first) = match start {
            Start::Unknown => reset("the event id to resume from was not issued by a gateway"),
            Start::After(bookmark) if bookmark.cluster != cluster => {
                reset("the event id to resume from belongs to another cluster")
            }
            _ if wanted > now + 1 && !self.options.future => reset(
                "the revision is later than the store's: its data was restored or wiped, or the revision is another cluster's",
            ),
            _ if wanted > now => (None, wanted),
            _ => match self.first_after_compaction(wanted).await? {
                None => (None, wanted),
                Some(oldest) => {
                    let exact = self.features.exact_compaction;
                    self.resumes_at_compacted = if exact { oldest } else { 0 };
                    (Some(WatchMessage::compacted(wanted, oldest)), oldest)
                }
            },
        };
        let from_now = notice.is_some() || *start == Start::Now;
        if self.options.snapshot && from_now {
            return Ok(Opening {
                header,
                notice,
                start: now + 1,
                snapshot: true,
                stream: None,
            });
        }
        Ok(Opening {
            header,
            notice,
            start: first,
            snapshot: false,
            stream: self.first_stream(first, &header).await?,
        })
    }

    /// The stream from `start` on, if etcd has accepted it and it can be used as it is; otherwise
    /// [`Follower::reopen`] opens another. A refusal is an error, before anything is sent.
    async fn first_stream(&mut self, start: i64, now: &Header) -> Result<Option<WatchStream>> {
        if now.revision - start > FAR_BEHIND {
            return Ok(None);
        }
        let mut stream = self.watch(start).await?;
        let first = timeout(TIMEOUT, stream.next())
            .await
            .map_err(|_| timed_out())?;
        Ok(match first? {
            Update::Cancelled(failure) => return Err(failure),
            Update::Created(header)
                if header.cluster_id == now.cluster_id && header.revision >= now.revision =>
            {
                let caller = self.caller();
                let features = self
                    .hub
                    .watch_features_of(&caller, header.member_id, self.lost_at);
                self.features = features.await?;
                let misses_first =
                    start == self.resumes_at_compacted && !self.features.exact_compaction;
                (!misses_first).then_some(stream)
            }
            _ => None,
        })
    }

    /// The first revision that can be watched, if `revision` has been compacted.
    async fn first_after_compaction(&self, revision: i64) -> Result<Option<i64>> {
        let first_key = Range::single(self.range.key.clone());
        let get = Get::count_only().at(revision);
        match self.etcd().range(&self.caller(), &first_key, &get).await {
            Ok(_) => Ok(None),
            Err(failure) if failure.code == Code::Compacted => {
                let oldest = self
                    .etcd()
                    .compacted_revision(&self.caller(), &self.range.key)
                    .await?;
                Ok(oldest
                    .map(|oldest| self.first_watchable(oldest))
                    .filter(|first| *first > revision))
            }
            Err(failure) => Err(failure),
        }
    }
}
