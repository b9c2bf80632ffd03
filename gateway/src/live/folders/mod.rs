//! Closed folders: changes of the keys in them are counted per folder instead of delivered.
//!
//! Pure. A watch of a tree shows the keys of open folders, and of a closed one only that something changed and how
//! many keys it has. So a client needs each folder's counts once, and then only sums.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use shared::{Event, FolderChange};

use crate::failure::{Failure, Result};

/// The limit on folders counted for one message; further ones are reported as a number of changes only.
pub(super) const MAX_FOLDERS: usize = 4_096;
/// The limit on open folders of a watch.
const MAX_OPEN: usize = 1_000;

/// Which keys of a watched prefix are delivered, and which are counted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Collapse {
    /// The length of the watched prefix, which is always open.
    base: usize,
    separator: Vec<u8>,
    open: BTreeSet<Vec<u8>>,
}

impl Collapse {
    /// Of a watched prefix, everything is closed but the folders `open`.
    pub fn new(prefix: &[u8], separator: Vec<u8>, open: Vec<Vec<u8>>) -> Result<Self> {
        if separator.is_empty() {
            return Err(Failure::bad_request(
                "`collapse` must be the separator of folders; it is empty",
            ));
        }
        if open.len() > MAX_OPEN {
            return Err(Failure::bad_request(format!(
                "`open` names {} folders; the limit is {MAX_OPEN}",
                open.len()
            )));
        }
        Ok(Self {
            base: prefix.len(),
            separator,
            open: open.into_iter().collect(),
        })
    }

    /// The closed folder that a key is in: the topmost one. `None` if its changes are delivered.
    fn closed_folder_of<'a>(&self, key: &'a [u8]) -> Option<&'a [u8]> {
        let mut from = self.base;
        loop {
            let at = key
                .get(from..)?
                .windows(self.separator.len())
                .position(|window| window == self.separator)?;
            let end = from + at + self.separator.len();
            let folder = &key[..end];
            if !self.open.contains(folder) {
                return Some(folder);
            }
            from = end;
        }
    }
}

/// Changes by closed folder.
#[derive(Debug, Default)]
struct Counts {
    folders: BTreeMap<Vec<u8>, FolderChange>,
    unlisted: i64,
}

impl Counts {
    fn add(&mut self, folder: &[u8], change: &FolderChange) {
        if let Some(sum) = self.folders.get_mut(folder) {
            sum.created += change.created;
            sum.updated += change.updated;
            sum.deleted += change.deleted;
            sum.revision = sum.revision.max(change.revision);
        } else if self.folders.len() < MAX_FOLDERS {
            let change = FolderChange {
                prefix: folder.into(),
                ..change.clone()
            };
            self.folders.insert(folder.to_vec(), change);
        } else {
            self.unlisted += change.created + change.updated + change.deleted;
        }
    }

    fn is_empty(&self) -> bool {
        self.folders.is_empty() && self.unlisted == 0
    }
}

/// The changes in closed folders that have not been delivered yet.
#[derive(Debug)]
pub(super) struct Folders {
    collapse: Arc<Collapse>,
    /// Of the revision that is being read: after an interruption etcd re-sends all of it.
    current: Counts,
    /// Of complete revisions.
    complete: Counts,
}

impl Folders {
    pub(super) fn new(collapse: Arc<Collapse>) -> Self {
        Self {
            collapse,
            current: Counts::default(),
            complete: Counts::default(),
        }
    }

    /// Counts an event of the current revision, if its key is in a closed folder.
    pub(super) fn count(&mut self, event: &Event) -> bool {
        let Some(folder) = self.collapse.closed_folder_of(&event.key().0) else {
            return false;
        };
        let (created, updated, deleted) = match event {
            Event::Put { entry, .. } if entry.version == 1 => (1, 0, 0),
            Event::Put { .. } => (0, 1, 0),
            Event::Delete { .. } => (0, 0, 1),
        };
        let change = FolderChange {
            prefix: shared::Bytes::default(),
            created,
            updated,
            deleted,
            revision: event.mod_revision(),
        };
        self.current.add(folder, &change);
        true
    }

    /// The current revision is complete.
    pub(super) fn complete_revision(&mut self) {
        let current = std::mem::take(&mut self.current);
        for (folder, change) in &current.folders {
            self.complete.add(folder, change);
        }
        self.complete.unlisted += current.unlisted;
    }

    /// The stream was interrupted inside the current revision.
    pub(super) fn interrupt(&mut self) {
        self.current = Counts::default();
    }

    /// Whether no complete revision waits to be delivered.
    pub(super) fn is_empty(&self) -> bool {
        self.complete.is_empty()
    }

    /// Takes the changes of complete revisions as members of a message: `,"folders":[…]`, empty if there are none.
    pub(super) fn take(&mut self) -> Vec<u8> {
        let counts = std::mem::take(&mut self.complete);
        let mut members = Vec::new();
        if !counts.folders.is_empty() {
            let folders: Vec<&FolderChange> = counts.folders.values().collect();
            members.extend_from_slice(br#","folders":"#);
            serde_json::to_writer(&mut members, &folders).expect("plain members serialise");
        }
        if counts.unlisted > 0 {
            members.extend_from_slice(format!(r#","unlisted":{}"#, counts.unlisted).as_bytes());
        }
        members
    }
}

#[cfg(test)]
mod tests;
