//! One watch: its request, the delivered revisions, and where to resume.

use shared::{Bytes, Code, Event, MemberId, WatchRequest};

use super::{Millis, WatchUpdate};

/// The phase of a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum WatchPhase {
    /// Requested, or to be requested as soon as there is a socket.
    Opening,
    /// Open.
    Live,
    /// Suspended by the page; resumes where it stopped.
    Suspended,
    /// Ended or refused by the gateway.
    Closed,
}

pub(super) struct Watch {
    spec: WatchRequest,
    pub(super) phase: WatchPhase,
    /// The id of the watch on the current socket.
    pub(super) id: Option<String>,
    /// The next revision to deliver; `None` means "from now", or from a snapshot.
    resume: Option<i64>,
    /// Whether the watch needs a complete snapshot before it can resume from a revision.
    wants_snapshot: bool,
    snapshot_begun: bool,
    cluster: Option<MemberId>,
    opened_once: bool,
    /// Whether the page is not to notice that the watch opens: it only changes its open folders.
    quiet: bool,
    /// The current outage, from the loss of the connection until the watch is open again.
    lost: Option<Outage>,
    /// Whether [`WatchUpdate::Head`] is still to be delivered.
    pub(super) wants_head: bool,
    /// The number of events received so far of the incomplete revision `resume`, whose last piece is still missing.
    partial_received: usize,
    /// The number of events to drop as duplicates: they were delivered before the watch resumed.
    skip: usize,
}

struct Outage {
    since: Millis,
    /// Whether events are known to be missed.
    missed: bool,
}

impl Watch {
    pub(super) fn new(spec: WatchRequest) -> Self {
        Self {
            phase: WatchPhase::Opening,
            id: None,
            resume: spec.revision,
            wants_snapshot: spec.snapshot && spec.revision.is_none(),
            snapshot_begun: false,
            cluster: None,
            opened_once: false,
            quiet: false,
            lost: None,
            wants_head: false,
            partial_received: 0,
            skip: 0,
            spec,
        }
    }

    /// The request that resumes this watch where it stopped.
    pub(super) fn request(&mut self, id: String) -> WatchRequest {
        self.phase = WatchPhase::Opening;
        self.id = Some(id.clone());
        self.wants_head = self.resume.is_some() && !self.quiet;
        self.skip = self.partial_received;
        self.partial_received = 0;
        self.snapshot_begun = false;
        WatchRequest {
            id,
            revision: self.resume,
            ..self.spec.clone()
        }
    }

    /// The socket was lost.
    pub(super) fn on_disconnect(&mut self, now: Millis) -> Option<WatchUpdate> {
        self.id = None;
        self.carry_skip();
        if !matches!(self.phase, WatchPhase::Opening | WatchPhase::Live) {
            return None;
        }
        self.phase = WatchPhase::Opening;
        if !self.opened_once || self.lost.is_some() {
            return None;
        }
        self.lost = Some(Outage {
            since: now,
            missed: false,
        });
        Some(WatchUpdate::Lost)
    }

    /// The last revision up to which everything was received.
    pub(super) fn position(&self) -> Option<i64> {
        self.resume.map(|next| next - 1)
    }

    /// Sets the open folders; returns whether the watch must be requested again.
    pub(super) fn set_open(&mut self, open: Vec<Bytes>) -> bool {
        self.spec.open = open;
        let requested = self.id.is_some();
        if requested {
            self.quiet |= self.phase == WatchPhase::Live;
            self.phase = WatchPhase::Opening;
            self.carry_skip();
        }
        requested
    }

    pub(super) fn suspend(&mut self) {
        self.phase = WatchPhase::Suspended;
        self.id = None;
        self.carry_skip();
    }

    /// Counts the delivered events of an incomplete revision: those received on this socket, and those that
    /// were still to be dropped on it.
    fn carry_skip(&mut self) {
        self.partial_received += std::mem::take(&mut self.skip);
    }

    pub(super) fn on_opened(
        &mut self,
        cluster: MemberId,
        revision: i64,
        now: Millis,
    ) -> Vec<WatchUpdate> {
        let mut updates = Vec::new();
        self.phase = WatchPhase::Live;
        self.cluster = Some(cluster);
        if let Some(wanted) = self.resume.filter(|wanted| *wanted < revision) {
            updates.push(self.on_compacted(wanted, revision));
        }
        if !self.wants_snapshot {
            self.resume = Some(revision);
        }
        let quiet = std::mem::take(&mut self.quiet);
        match self.lost.take() {
            Some(outage) => updates.push(WatchUpdate::Resumed {
                from: revision,
                outage: now - outage.since,
                complete: !outage.missed && !self.wants_snapshot,
            }),
            None if quiet => {}
            None => updates.push(WatchUpdate::Opened { from: revision }),
        }
        self.opened_once = true;
        updates
    }

    /// Whether `cluster` differs from the cluster watched so far.
    pub(super) fn is_foreign(&self, cluster: MemberId) -> bool {
        self.resume.is_some() && self.cluster.is_some_and(|known| known != cluster)
    }

    pub(super) fn on_snapshot(&mut self, revision: i64, more: bool) -> (bool, bool) {
        let first = !std::mem::replace(&mut self.snapshot_begun, more);
        if !more {
            self.wants_snapshot = false;
            self.resume = Some(revision + 1);
        }
        (first, !more)
    }

    /// Handles a message of events and returns those to deliver, without duplicates of a resumed revision.
    pub(super) fn on_events(
        &mut self,
        revision: i64,
        mut events: Vec<Event>,
        more: bool,
    ) -> Vec<Event> {
        let arrived = events.len();
        let skip = self.skip.min(arrived);
        self.skip -= skip;
        events.drain(..skip);
        if more {
            self.partial_received += arrived;
        } else {
            self.partial_received = 0;
            self.skip = 0;
            self.advance(revision);
        }
        events
    }

    pub(super) fn on_progress(&mut self, revision: i64) {
        if self.phase == WatchPhase::Live {
            self.advance(revision);
        }
    }

    fn advance(&mut self, revision: i64) {
        if !self.wants_snapshot {
            self.resume = Some(
                self.resume
                    .map_or(revision + 1, |next| next.max(revision + 1)),
            );
        }
    }

    pub(super) fn on_compacted(&mut self, from: i64, to: i64) -> WatchUpdate {
        self.restart_from(to);
        WatchUpdate::Compacted { from, to }
    }

    pub(super) fn on_reset(&mut self, reason: String, revision: i64) -> WatchUpdate {
        self.restart_from(revision + 1);
        WatchUpdate::Reset { reason, revision }
    }

    fn restart_from(&mut self, revision: i64) {
        self.wants_snapshot = self.spec.snapshot;
        self.snapshot_begun = false;
        self.resume = (!self.spec.snapshot).then_some(revision);
        self.partial_received = 0;
        self.skip = 0;
        if let Some(outage) = &mut self.lost {
            outage.missed = true;
        }
    }

    /// Restarts from now: the data is another cluster's.
    pub(super) fn forget_cluster(&mut self) {
        self.restart_from(0);
        self.resume = None;
        self.cluster = None;
    }

    pub(super) fn on_error(&mut self, code: Code, detail: String) -> WatchUpdate {
        let transient = matches!(
            code,
            Code::Unavailable | Code::NoLeader | Code::Timeout | Code::RateLimited | Code::Internal
        );
        let fatal = self.phase == WatchPhase::Opening && !transient;
        if fatal {
            self.phase = WatchPhase::Closed;
            self.id = None;
        }
        WatchUpdate::Error {
            code,
            detail,
            fatal,
        }
    }

    pub(super) fn on_closed(&mut self) {
        self.phase = WatchPhase::Closed;
        self.id = None;
        self.lost = None;
        self.carry_skip();
    }
}
