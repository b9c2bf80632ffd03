//! The client side of the live protocol as a state machine: many watches over one socket.
//!
//! [`Dialer`] decides when to connect and when a silent socket is dead. [`Session`] decides what to request (a watch
//! resumes from its last complete revision + 1) and what is delivered to pages. Knows no browser: its input
//! is times and messages, its output [`DialAction`]s and [`SessionAction`]s, which `crate::live` performs.

mod dialer;
mod session;
mod watch;

#[cfg(test)]
mod tests;

use shared::{ClientOp, Code, Entry, Event, FolderChange};

pub(crate) use dialer::{DialAction, Dialer, LinkState};
pub(crate) use session::Session;
pub(crate) use watch::WatchPhase;

/// Milliseconds since the Unix epoch, as browsers count them.
pub(crate) type Millis = f64;

/// Identifies a watch from its opening to its cancellation, across reconnects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WatchKey(pub(crate) u64);

/// An action for the caller to perform.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SessionAction {
    /// Send a message on the socket.
    Send(ClientOp),
    /// Deliver an update to the watch's page.
    Deliver(WatchKey, WatchUpdate),
}

/// An update of a watch, for its page.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WatchUpdate {
    /// The watch is open: complete from `from`, inclusive.
    Opened {
        /// The first revision that can be delivered.
        from: i64,
    },
    /// The cluster's revision when the watch opened, for a watch that starts in the past: events up to it
    /// are history.
    Head {
        /// The revision.
        revision: i64,
    },
    /// The connection was lost; the watch resumes automatically.
    Lost,
    /// The watch resumed after [`WatchUpdate::Lost`].
    Resumed {
        /// The first revision that can be delivered.
        from: i64,
        /// Milliseconds without a connection.
        outage: Millis,
        /// Whether every revision in between will be delivered.
        complete: bool,
    },
    /// A piece of a snapshot of the range.
    Snapshot {
        /// The revision of all pieces.
        revision: i64,
        /// The entries of this piece.
        entries: Vec<Entry>,
        /// Whether this is the first piece: earlier entries are void.
        first: bool,
        /// Whether this is the last piece.
        last: bool,
    },
    /// Changes in order, without duplicates.
    Events {
        /// The revision of the last change.
        revision: i64,
        /// The changes.
        events: Vec<Event>,
    },
    /// Changes in closed folders, which are only counted: those after `after`, up to `revision`.
    Folders {
        /// Everything up to this revision was delivered before.
        after: i64,
        /// The revision of the last change.
        revision: i64,
        /// The changes, by folder.
        folders: Vec<FolderChange>,
        /// The number of changes in further folders.
        unlisted: i64,
    },
    /// Everything up to `revision` was delivered.
    Progress {
        /// The revision.
        revision: i64,
    },
    /// The gateway replays from history because this page was slow.
    Lagged {
        /// Where the replay begins.
        resume_from: i64,
    },
    /// Revisions `from` to `to` − 1 are compacted: lost for this watch.
    Compacted {
        /// The first revision missed.
        from: i64,
        /// The first revision that is still available.
        to: i64,
    },
    /// The data is not what was watched before: another cluster, or restored or wiped data.
    Reset {
        /// The reason, as human-readable text.
        reason: String,
        /// The store's current revision.
        revision: i64,
    },
    /// An error.
    Error {
        /// The machine-readable code.
        code: Code,
        /// The human-readable detail.
        detail: String,
        /// Whether the watch will not open.
        fatal: bool,
    },
    /// The gateway ended the watch.
    Closed {
        /// The machine-readable code.
        code: String,
        /// The human-readable detail.
        detail: String,
    },
}
