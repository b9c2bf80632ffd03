//! The reports that an import sends its client, without ever waiting for it: most clients read nothing
//! before they have sent everything, so an import that waited for them would deadlock.

use std::collections::VecDeque;
use std::time::Duration;

use shared::{ImportConflict, ImportCounts, ImportEnd};
use tokio::sync::mpsc;
use tokio::time::Instant;

use crate::failure::Failure;

/// Interval between progress reports.
const EVERY: Duration = Duration::from_secs(1);
/// Reports buffered for the client.
const QUEUE: usize = 16;
/// The limit on listed conflicts; all are counted.
const LISTED: usize = 1000;
/// The limit on bytes of keys of listed conflicts.
const LISTED_BYTES: usize = 1 << 20;

/// A report of an import.
#[derive(Clone, Debug)]
pub enum Report {
    /// The progress so far.
    Progress(ImportCounts),
    /// A key that exists with another value.
    Conflict(ImportConflict),
    /// The last report: the import is complete.
    End(ImportEnd),
    /// The last report: the import stopped.
    Stopped {
        /// The reason.
        failure: Failure,
        /// The line to resume from.
        resume_from: u64,
        /// What was done until then.
        done: ImportCounts,
    },
}

/// The sending side of the reports.
pub(super) struct Reporter {
    reports: mpsc::Sender<Report>,
    /// Conflicts that did not fit into the queue.
    waiting: VecDeque<ImportConflict>,
    listed: usize,
    listed_bytes: usize,
    next: Instant,
}

impl Reporter {
    pub(super) fn new() -> (Self, mpsc::Receiver<Report>) {
        let (reports, receiver) = mpsc::channel(QUEUE);
        let reporter = Self {
            reports,
            waiting: VecDeque::new(),
            listed: 0,
            listed_bytes: 0,
            next: Instant::now() + EVERY,
        };
        (reporter, receiver)
    }

    /// Whether the client has disconnected.
    pub(super) fn is_closed(&self) -> bool {
        self.reports.is_closed()
    }

    /// Lists a conflict, if it is among the first.
    pub(super) fn conflict(&mut self, conflict: ImportConflict) {
        self.listed += 1;
        self.listed_bytes += conflict.key.len();
        if self.listed <= LISTED && self.listed_bytes <= LISTED_BYTES {
            self.waiting.push_back(conflict);
        }
        self.send_waiting();
    }

    /// Reports the progress, at most once per interval.
    pub(super) fn progress(&mut self, counts: ImportCounts) {
        self.send_waiting();
        let now = Instant::now();
        if now >= self.next {
            self.next = now + EVERY;
            // If the client does not read, the next report will do.
            let _ = self.reports.try_send(Report::Progress(counts));
        }
    }

    fn send_waiting(&mut self) {
        while !self.waiting.is_empty() {
            let Ok(place) = self.reports.try_reserve() else {
                return;
            };
            if let Some(conflict) = self.waiting.pop_front() {
                place.send(Report::Conflict(conflict));
            }
        }
    }

    /// Sends the remaining reports and the last one. This may wait, since the client now only reads.
    pub(super) async fn last(self, report: Report) {
        for conflict in self.waiting {
            let _ = self.reports.send(Report::Conflict(conflict)).await;
        }
        let _ = self.reports.send(report).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_client_that_does_not_read_delays_nothing() {
        let (mut reporter, mut reports) = Reporter::new();
        for line in 1..=3 * LISTED as u64 {
            reporter.conflict(ImportConflict {
                line,
                key: "k".into(),
                mod_revision: 1,
            });
            reporter.progress(ImportCounts::default());
        }
        let read = async {
            let mut lines = Vec::new();
            while let Some(report) = reports.recv().await {
                lines.push(report);
            }
            lines
        };
        let stopped = Report::Progress(ImportCounts::default());
        let ((), lines) = tokio::join!(reporter.last(stopped), read);
        assert_eq!(lines.len(), LISTED + 1);
        let in_order = lines.iter().zip(1..).take(LISTED);
        for (report, n) in in_order {
            assert!(matches!(report, Report::Conflict(conflict) if conflict.line == n));
        }
    }
}
