//! Opening: where a subscription begins, and what is said about it first.

use shared::{Code, Header};
use tokio::time::{sleep, timeout};

use super::{ANSWER, End, FAR, Follower, Step, is_final, no_answer};
use crate::etcd::{Get, Range, Update, WatchStream};
use crate::failure::Result;
use crate::live::frame::{Frame, message};
use crate::live::hub::Start;
use crate::live::pieces::Pieces;

/// What a subscription opens with.
struct Opening {
    header: Header,
    notice: Option<Frame>,
    /// The first revision that will come.
    start: i64,
    snapshot: bool,
    stream: Option<WatchStream>,
}

impl Follower {
    /// Says how it begins; the stream, where one is open already.
    pub(super) async fn open(&mut self, start: &Start) -> Step<Option<WatchStream>> {
        let mut told = false;
        let opening = loop {
            match self.try_open(start).await {
                Ok(opening) => break opening,
                Err(failure) if is_final(failure.code) => return Err(End::Failed(failure)),
                Err(failure) => {
                    if !told {
                        told = true;
                        tracing::debug!(failure = failure.chain(), "a watch waits for etcd");
                        self.say(message::error(Code::Unavailable, &failure.detail))
                            .await?;
                    }
                    sleep(self.backoff.pause()).await;
                }
            }
        };
        self.backoff.reset();
        self.cluster = opening.header.cluster_id;
        self.seen = opening.header.revision;
        self.pieces = Pieces::after(opening.start - 1);
        if let Some(notice) = opening.notice {
            self.say(notice).await?;
        }
        let opened = message::opened(self.cluster, opening.start);
        self.snapshot_pending = opening.snapshot;
        if opening.snapshot {
            self.say(opened).await?;
            self.snapshot(opening.header.revision).await?;
        } else {
            let bookmark = self.bookmark(opening.start - 1);
            self.say(opened.at(bookmark)).await?;
        }
        Ok(opening.stream)
    }

    async fn try_open(&mut self, start: &Start) -> Result<Opening> {
        let caller = self.caller();
        self.release = self.hub.release(&caller, self.lost_at).await?;
        if self.range.is_open_ended() {
            // Releases of every line checked such a watch as if it were one for its first key alone.
            self.etcd().may_read(&caller, &self.range).await?;
        }
        let header = self.now().await?;
        let (now, cluster) = (header.revision, header.cluster_id);
        let reset = |reason: &str| (Some(message::reset(reason, now, cluster)), now);
        let wanted = match start {
            Start::Now | Start::Unknown => now + 1,
            Start::Revision(revision) => *revision,
            Start::After(bookmark) => bookmark.revision.saturating_add(1),
        };
        let (notice, first) = match start {
            Start::Unknown => reset("the place to go on from is not one of this gateway's"),
            Start::After(bookmark) if bookmark.cluster != cluster => {
                reset("the place to go on from is another cluster's")
            }
            _ if wanted > now + 1 && !self.options.future => reset(
                "the revision is beyond the store's: its data was restored or wiped, or the revision is another cluster's",
            ),
            _ if wanted > now => (None, wanted),
            _ => match self.oldest_after(wanted).await? {
                None => (None, wanted),
                Some(oldest) => {
                    let exact = self.release.exact_compaction;
                    self.starts_at_compacted = if exact { oldest } else { 0 };
                    (Some(message::compacted(wanted, oldest)), oldest)
                }
            },
        };
        let anew = notice.is_some() || *start == Start::Now;
        if self.options.snapshot && anew {
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
            stream: self.accepted(first, &header).await?,
        })
    }

    /// A stream that etcd has accepted and that needs no second look; a refusal is an error, before
    /// anything is said.
    async fn accepted(&mut self, start: i64, now: &Header) -> Result<Option<WatchStream>> {
        if now.revision - start > FAR {
            return Ok(None);
        }
        let mut stream = self.watch(start).await?;
        let first = timeout(ANSWER, stream.next())
            .await
            .map_err(|_| no_answer())?;
        Ok(match first? {
            Update::Cancelled(failure) => return Err(failure),
            Update::Created(header)
                if header.cluster_id == now.cluster_id && header.revision >= now.revision =>
            {
                let caller = self.caller();
                let release = self.hub.release_of(&caller, header.member_id, self.lost_at);
                self.release = release.await?;
                let misses_first =
                    start == self.starts_at_compacted && !self.release.exact_compaction;
                (!misses_first).then_some(stream)
            }
            _ => None,
        })
    }

    /// The first revision to be had, when `revision` is not any more.
    async fn oldest_after(&self, revision: i64) -> Result<Option<i64>> {
        let first_key = Range::one(self.range.key.clone());
        let get = Get::count_only().at(revision);
        match self.etcd().range(&self.caller(), &first_key, &get).await {
            Ok(_) => Ok(None),
            Err(failure) if failure.code == Code::Compacted => {
                let oldest = self
                    .etcd()
                    .compacted_revision(&self.caller(), &self.range.key)
                    .await?;
                Ok(oldest
                    .map(|oldest| self.first_left(oldest))
                    .filter(|first| *first > revision))
            }
            Err(failure) => Err(failure),
        }
    }

    /// The first revision that can be watched without a gap after a compaction at `oldest`.
    pub(super) fn first_left(&self, oldest: i64) -> i64 {
        if self.release.exact_compaction {
            oldest
        } else {
            oldest + 1
        }
    }
}
