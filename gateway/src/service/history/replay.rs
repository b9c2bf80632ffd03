//! When a key was deleted: the one thing that etcd does not answer. Reads go back through a life of a
//! key change by change, but nothing leads from its creation to the deletion before it. So the log is
//! replayed, by a watch of the key from an older revision.
//!
//! For that etcd reads every revision of the whole store since, whatever the key; a watch cannot end
//! before the present. So it begins with a few revisions, then takes ten times as many, up to a bound;
//! and it says what that cost.

use std::time::Duration;

use shared::{Code, Event, EventType, HistoryEnd, Replay};
use tokio::time::{Instant, interval, timeout_at};

use super::fair::FairSlots;
use crate::caller::{Caller, Identity};
use crate::etcd::{Etcd, Range, Update, WatchOptions};
use crate::failure::{Failure, Result};

/// Revisions looked back, one after the other, counted from the present.
const STEPS: [i64; 3] = [1_000, 10_000, 100_000];
/// How long one replay may take, however long the caller's timeout: others wait for the slot.
const LONGEST: Duration = Duration::from_secs(30);
/// Between two questions whether the watch is up to date.
const ASK: Duration = Duration::from_millis(50);
/// How long a watch must be quiet, on servers whose word that it is up to date is not to be trusted.
const SETTLED: Duration = Duration::from_secs(1);

/// What is known of a key's deletions; more is looked for as it is asked for.
#[derive(Debug)]
pub(super) struct Deletions<'a> {
    etcd: &'a Etcd,
    slots: &'a FairSlots<Identity>,
    key: &'a [u8],
    /// The store's revision at the first question.
    now: i64,
    /// Ascending; complete from `replay.from` to `now`.
    known: Vec<i64>,
    replay: Replay,
    /// The next of [`STEPS`].
    step: usize,
    /// Why nothing older is known, once that is so.
    end: Option<HistoryEnd>,
    /// The oldest revision left, where it was met.
    compacted: Option<i64>,
}

impl<'a> Deletions<'a> {
    /// Nothing is looked at yet; `now` is the store's revision.
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

    /// What it cost so far.
    pub(super) fn replay(&self) -> Replay {
        self.replay
    }

    /// The oldest revision left, where it was met.
    pub(super) fn compacted(&self) -> Option<i64> {
        self.compacted
    }

    /// The last deletion at `revision` or before; or why none is known.
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
        let late = || Failure::new(Code::Timeout, "other replays take all the time");
        let _slot = match caller.deadline() {
            Some(deadline) => timeout_at(deadline, slot).await.map_err(|_| late())?,
            None => slot.await,
        };
        let bound = Instant::now() + LONGEST;
        let mut from = (self.now + 1 - STEPS[self.step]).max(1);
        let deletions = loop {
            match self.watch(caller, from, bound).await {
                // Earlier steps found something: the page ends at the bound, as it does at the last step.
                Err(failure) if self.step > 0 && is_bound(&failure, caller) => {
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

    /// Every deletion from `from` to now; or the revision before which history is gone.
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
        };
        let range = Range::one(self.key);
        let replay = async {
            let release = self.etcd.release(caller).await?;
            let mut watch = self.etcd.watch(caller, &range, options).await?;
            let mut ask = interval(ASK);
            let mut deletions = Vec::new();
            let mut heard = Instant::now();
            // The release asked for counts only if it is that of the member which serves this watch.
            let mut trusted = false;
            loop {
                let update = tokio::select! {
                    update = watch.next() => update?,
                    _ = ask.tick() => {
                        watch.request_progress();
                        continue;
                    }
                };
                match update {
                    Update::Batch { events, .. } => {
                        heard = Instant::now();
                        deletions.extend(events.iter().filter_map(|event| match event {
                            Event::Delete { mod_revision, .. } => Some(*mod_revision),
                            Event::Put { .. } => None,
                        }));
                    }
                    Update::Progress(revision) if revision >= self.now => {
                        if trusted || heard.elapsed() > SETTLED {
                            return Ok(Ok(deletions));
                        }
                    }
                    Update::Compacted(revision) => return Ok(Err(revision)),
                    Update::Cancelled(failure) => return Err(failure),
                    Update::Created(header) => {
                        trusted = release.is_some_and(|(member, release)| {
                            member == header.member_id && release.bookmarks
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
            let failure = Failure::new(Code::Timeout, "the replay took too long");
            Err(if deadline == bound {
                failure.hint("etcd is slow: the log is replayed for 30 s at most")
            } else {
                failure.hint("a longer ?timeout= may help")
            })
        })
    }
}

/// Whether a replay ran into its own bound before the caller's deadline.
fn is_bound(failure: &Failure, caller: &Caller) -> bool {
    let now = Instant::now();
    failure.code == Code::Timeout && caller.deadline().is_none_or(|deadline| now < deadline)
}
