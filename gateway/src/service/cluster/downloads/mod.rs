//! The snapshots that were requested with an id, so that a page can show how its browser's download went.

use std::collections::VecDeque;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use shared::{Code, Header, SnapshotProgress, SnapshotState};
use tokio::time::Instant;

use crate::failure::{Failure, Result};
use crate::identity::Identity;

/// How long the result of a finished download is kept.
const KEPT: Duration = Duration::from_mins(10);
/// Downloads kept at most; the oldest is dropped first.
const MAX_DOWNLOADS: usize = 64;
/// Length of an id at most.
const MAX_ID: usize = 64;

/// The downloads of one cluster's snapshots.
#[derive(Clone, Debug, Default)]
pub(super) struct Downloads(Arc<Mutex<VecDeque<Entry>>>);

#[derive(Debug)]
struct Entry {
    identity: Identity,
    progress: SnapshotProgress,
    ended: Option<Instant>,
}

/// Records one download; as cancelled if it is dropped before its end.
#[derive(Debug)]
pub(super) struct Recorder {
    downloads: Downloads,
    identity: Identity,
    id: String,
}

impl Downloads {
    fn entries(&self) -> MutexGuard<'_, VecDeque<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Records a download that begins.
    ///
    /// # Errors
    /// If the id is malformed, or a download of the caller's has it already.
    pub(super) fn begin(
        &self,
        identity: &Identity,
        id: String,
        header: Header,
        length: u64,
    ) -> Result<Recorder> {
        let mut entries = self.entries();
        entries.retain(|entry| entry.ended.is_none_or(|ended| ended.elapsed() < KEPT));
        if find(&mut entries, identity, &id).is_some() {
            let detail = format!("a snapshot with the id `{id}` was requested before");
            return Err(Failure::new(Code::Conflict, detail));
        }
        if entries.len() == MAX_DOWNLOADS {
            entries.pop_front();
        }
        entries.push_back(Entry {
            identity: identity.clone(),
            progress: SnapshotProgress {
                id: id.clone(),
                member: header.member_id,
                revision: header.revision,
                state: SnapshotState::Running,
                sent: 0,
                length,
                sha256: None,
                error: None,
            },
            ended: None,
        });
        Ok(Recorder {
            downloads: self.clone(),
            identity: identity.clone(),
            id,
        })
    }

    /// The state of one of the caller's downloads.
    ///
    /// # Errors
    /// `not_found`, also for a download of another caller.
    pub(super) fn progress(&self, identity: &Identity, id: &str) -> Result<SnapshotProgress> {
        let mut entries = self.entries();
        let entry = find(&mut entries, identity, id);
        entry.map(|entry| entry.progress.clone()).ok_or_else(|| {
            Failure::new(Code::NotFound, format!("no such snapshot: `{id}`"))
                .hint("GET /cluster/snapshot?id=… starts one; its result is kept for 10 minutes")
        })
    }
}

/// Refuses ids that are not a few plain characters.
pub(super) fn require_id(id: &str) -> Result<()> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
    if (1..=MAX_ID).contains(&id.len()) && id.bytes().all(plain) {
        return Ok(());
    }
    Err(Failure::bad_request(format!(
        "`id` must be 1 to {MAX_ID} letters, digits, `-`, `_` or `.`"
    )))
}

fn find<'a>(
    entries: &'a mut VecDeque<Entry>,
    identity: &Identity,
    id: &str,
) -> Option<&'a mut Entry> {
    let is_it = |entry: &&mut Entry| entry.progress.id == id && entry.identity == *identity;
    entries.iter_mut().find(is_it)
}

impl Recorder {
    fn change(&self, change: impl FnOnce(&mut Entry)) {
        let mut entries = self.downloads.entries();
        if let Some(entry) = find(&mut entries, &self.identity, &self.id) {
            change(entry);
        }
    }

    /// Bytes were passed on to the client's connection.
    pub(super) fn sent(&self, bytes: usize) {
        self.change(|entry| entry.progress.sent += bytes as u64);
    }

    /// The last bytes, the checksum, were verified and passed on.
    pub(super) fn complete(&self, sum: &[u8]) {
        let mut sha256 = String::with_capacity(2 * sum.len());
        for byte in sum {
            write!(sha256, "{byte:02x}").expect("writing to a String never fails");
        }
        self.end(SnapshotState::Complete, |progress| {
            progress.sha256 = Some(sha256);
        });
    }

    pub(super) fn failed(&self, failure: &Failure) {
        self.end(SnapshotState::Failed, |progress| {
            progress.error = Some(failure.detail.clone());
        });
    }

    fn end(&self, state: SnapshotState, change: impl FnOnce(&mut SnapshotProgress)) {
        self.change(|entry| {
            if entry.progress.state == SnapshotState::Running {
                entry.progress.state = state;
                entry.ended = Some(Instant::now());
                change(&mut entry.progress);
            }
        });
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        self.end(SnapshotState::Cancelled, |_| {});
    }
}

#[cfg(test)]
mod tests;
