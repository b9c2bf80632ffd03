//! A viewer's stream of leases: the latest state of each.
//!
//! A slow reader misses intermediate states, never the last one: each stream keeps the ids that changed, not messages.

use std::sync::Arc;
use std::time::Duration;

use shared::{LeaseId, LeasesProgress, ServerMessage};
use tokio::sync::{Notify, watch};
use tokio::time::{Instant, sleep_until};

use super::keeper::now_ms;
use super::{Board, Status, check_visible};
use crate::failure::Result;

/// The heartbeat interval; clients rely on ten seconds at most.
const HEARTBEAT: Duration = Duration::from_secs(8);

/// A viewer's stream. It starts with every lease.
#[derive(Debug)]
pub struct LeaseStream {
    board: Arc<Board>,
    id: u64,
    wake: Arc<Notify>,
    status: watch::Receiver<Status>,
    sent: Option<LeasesProgress>,
    /// Whether the client has received that etcd cannot be read.
    sent_failure: bool,
    heartbeat: Instant,
}

impl Drop for LeaseStream {
    fn drop(&mut self) {
        self.board.state().close(self.id);
    }
}

impl LeaseStream {
    pub(super) fn open(board: Arc<Board>, visible: &[LeaseId]) -> Self {
        let wake = Arc::new(Notify::new());
        let mut state = board.state();
        let id = state.open(Arc::clone(&wake));
        state.show(id, visible);
        drop(state);
        Self {
            status: board.status.subscribe(),
            board,
            id,
            wake,
            sent: None,
            sent_failure: false,
            heartbeat: Instant::now() + HEARTBEAT,
        }
    }

    /// The leases that the client shows now, instead of those named before.
    pub fn show(&self, ids: &[LeaseId]) -> Result<()> {
        check_visible(ids)?;
        self.board.state().show(self.id, ids);
        Ok(())
    }

    /// The next message: `leases`, or `leases_progress` once all leases have been sent, when it changes, and at least
    /// every ten seconds, or `error` while etcd cannot be read. `None` when the gateway shuts down or the account is no
    /// longer accepted. Cancel safe.
    pub async fn next(&mut self) -> Option<ServerMessage> {
        loop {
            if let Some(changes) = self.board.state().take_changes(self.id, now_ms()) {
                return Some(ServerMessage::Leases(changes));
            }
            let status = self.status.borrow_and_update().clone();
            if status.failure.is_some() != self.sent_failure {
                self.sent_failure = status.failure.is_some();
                match status.failure {
                    Some(failure) => {
                        return Some(ServerMessage::Error {
                            id: None,
                            code: failure.code,
                            detail: failure.detail,
                        });
                    }
                    None => return Some(self.progress(status.progress)),
                }
            }
            if status.ended {
                return None;
            }
            if status.listed && self.sent != Some(status.progress) {
                // What was listed meanwhile comes before its progress.
                if let Some(changes) = self.board.state().take_changes(self.id, now_ms()) {
                    return Some(ServerMessage::Leases(changes));
                }
                return Some(self.progress(status.progress));
            }
            tokio::select! {
                () = self.wake.notified() => {}
                changed = self.status.changed() => changed.ok()?,
                () = sleep_until(self.heartbeat) => return Some(self.progress(status.progress)),
            }
        }
    }

    fn progress(&mut self, progress: LeasesProgress) -> ServerMessage {
        self.heartbeat = Instant::now() + HEARTBEAT;
        self.sent = Some(progress);
        ServerMessage::LeasesProgress(LeasesProgress {
            now: now_ms(),
            ..progress
        })
    }
}
