//! Finds when a key was deleted, which etcd has no request for. Reads go back through a life of a key
//! change by change, but cannot get from its creation to the deletion before it. So the log is
//! replayed, by a watch of the key from an older revision.
//!
//! For that etcd reads every revision of the whole store since then, whatever the key; a watch cannot
//! end before the present. So it starts a few revisions back, then ten times as many, up to a limit, and
//! reports the cost.

use std::time::Duration;

use shared::{Code, Event, EventType, HistoryEnd, Replay};
use tokio::time::{Instant, interval, timeout_at};

use crate::etcd::{Etcd, Range, Update, WatchOptions};
use crate::failure::{Failure, Result};
use crate::identity::{Caller, Identity};
use crate::service::fair::FairSlots;

/// How many revisions before the present each replay starts.
const STEPS: [i64; 3] = [1_000, 10_000, 100_000];
/// Timeout of one replay, however long the caller's is: others wait for the slot.
const REPLAY_TIMEOUT: Duration = Duration::from_secs(30);
/// Interval between progress requests.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(50);
/// How long a watch must have been quiet, on servers whose progress reports cannot be trusted.
const QUIET: Duration = Duration::from_secs(1);

/// The known deletions of a key; older ones are searched for on demand.
#[derive(Debug)]
pub(super) struct Deletions<'a> {
    etcd: &'a Etcd,
    slots: &'a FairSlots<Identity>,
    key: &'a [u8],
    /// The store's revision at the start.
    now: i64,
    /// Ascending; complete from `replay.from` to `now`.
    known: Vec<i64>,
    replay: Replay,
    /// The next of [`STEPS`].
    step: usize,
    /// Why no older deletion can be found, once that is known.
    end: Option<HistoryEnd>,
    /// The oldest remaining revision, if the replay reached it.
    compacted: Option<i64>,
}

impl<'a> Deletions<'a> {
    /// Without a replay yet; `now` is the store's revision.
    pub(super) fn new(
        etcd: &'a Etcd,
        slots: &'a FairSlots<Identity>,
        key: &'a [u8],
        now: i64,
    ) -> Self {
        Self {
            etcd,
            slots,
            key,
            now,
            known: Vec::new(),
            replay: Replay {
                from: now + 1,
                to: now,
                revisions: 0,
            },
            step: 0,
            end: None,
            compacted: None,
        }
    }

    /// The cost so far.
    pub(super) fn replay(&self) -> Replay {
        self.replay
    }

    /// The oldest remaining revision, if the replay reached it.
    pub(super) fn compacted(&self) -> Option<i64> {
        self.compacted
    }

    /// The last deletion at `revision` or before, or why there is none known.
    pub(super) async fn before(
        &mut self,
        caller: &Caller,
        revision: i64,
    ) -> Result<std::result::Result<i64, HistoryEnd>> {
        loop {
            let found = self.known.iter().rev().find(|at| **at <= revision);
            if let Some(at) = found {
                return Ok(Ok(*at));
            }
            if let Some(end) = self.end {
                return Ok(Err(end));
            }
            self.look_back(caller).await?;
        }
    }

    /// Replays from further back.
    async fn look_back(&mut self, caller: &Caller) -> Result<()> {
        let slot = self.slots.acquire(&caller.identity);
        let timed_out = || Failure::new(Code::Timeout, "timed out waiting for other replays");
        let _slot = match caller.deadline() {
            Some(deadline) => timeout_at(deadline, slot).await.map_err(|_| timed_out())?,
            None => slot.await,
        };
        let bound = Instant::now() + REPLAY_TIMEOUT;
        let mut from = (self.now + 1 - STEPS[self.step]).max(1);
        let deletions = loop {
            match self.watch(caller, from, bound).await {
                // Earlier replays succeeded: the page ends here, as it does at the last step.
                Err(failure) if self.step > 0 && is_own_timeout(&failure, caller) => {
                    self.end = Some(HistoryEnd::Limit);
                    return Ok(());
                }
                Err(failure) => return Err(failure),
                Ok(Ok(deletions)) => break deletions,
                Ok(Err(compacted)) => {
                    self.compacted = Some(compacted);
                    self.end = Some(HistoryEnd::Compaction);
                    from = compacted;
                }
            }
        };
        self.known = deletions;
        self.replay.from = from;
        self.replay.revisions += (self.now + 1 - from).max(0);
        self.step += 1;
        if self.end.is_none() {
            if from == 1 {
                self.end = Some(HistoryEnd::Creation);
            } else if self.step == STEPS.len() || caller.is_half_spent() {
                self.end = Some(HistoryEnd::Limit);
            }
        }
        Ok(())
    }

    /// Every deletion from `from` to now, or the compacted revision.
    async fn watch(
        &self,
        caller: &Caller,
        from: i64,
        bound: Instant,
    ) -> Result<std::result::Result<Vec<i64>, i64>> {
        let options = WatchOptions {
            start_revision: from,
            prev: false,
            only: Some(EventType::Delete),
            keys_only: false,
        };
        let range = Range::single(self.key);
        let replay = async {
            let features = self.etcd.watch_features(caller).await?;
            let mut watch = self.etcd.watch(caller, &range, options).await?;
            let mut progress = interval(PROGRESS_INTERVAL);
            let mut deletions = Vec::new();
            let mut last_event = Instant::now();
            // The features counts only if it is that of the member which serves this watch.
            let mut trusted = false;
            loop {
                let update = tokio::select! {
                    update = watch.next() => update?,
                    _ = progress.tick() => {
                        watch.request_progress();
                        continue;
                    }
                };
                match update {
                    Update::Batch { events, .. } => {
                        last_event = Instant::now();
                        deletions.extend(events.iter().filter_map(|event| match event {
                            Event::Delete { mod_revision, .. } => Some(*mod_revision),
                            Event::Put { .. } => None,
                        }));
                    }
                    Update::Progress(revision) if revision >= self.now => {
                        if trusted || last_event.elapsed() > QUIET {
                            return Ok(Ok(deletions));
                        }
                    }
                    Update::Compacted(revision) => return Ok(Err(revision)),
                    Update::Cancelled(failure) => return Err(failure),
                    Update::Created(header) => {
                        trusted = features.is_some_and(|(member, features)| {
                            member == header.member_id && features.bookmarks
                        });
                    }
                    Update::Progress(_) => {}
                }
            }
        };
        let deadline = caller
            .deadline()
            .map_or(bound, |deadline| deadline.min(bound));
        timeout_at(deadline, replay).await.unwrap_or_else(|_| {
            let failure = Failure::new(Code::Timeout, "the replay timed out");
            Err(if deadline == bound {
                failure.hint("etcd is slow: a replay is limited to 30 s")
            } else {
                failure.hint("a longer ?timeout= may help")
            })
        })
    }
}

/// Whether a replay reached its own timeout before the caller's deadline.
fn is_own_timeout(failure: &Failure, caller: &Caller) -> bool {
    let now = Instant::now();
    failure.code == Code::Timeout && caller.deadline().is_none_or(|deadline| now < deadline)
}
