//! The client side of the live protocol as a state machine: many watches over one socket.
//!
//! Owns when to connect and when a silent socket is dead ([`Dialer`]), what to ask for – a watch goes on at
//! its last complete revision + 1 – and what a page is told ([`Session`]). Knows no browser: it takes
//! times and messages and answers with [`DialAction`]s and [`SessionAction`]s, which `crate::live` carries out.

mod dialer;
mod session;
mod watch;

#[cfg(test)]
mod tests;

use shared::{ClientOp, Code, Entry, Event};

pub(crate) use dialer::{DialAction, Dialer, LinkState};
pub(crate) use session::Session;
pub(crate) use watch::WatchPhase;

/// Milliseconds since the Unix epoch, as browsers count them.
pub(crate) type Millis = f64;

/// Names a watch for as long as the page wants it, across reconnects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct WatchKey(pub(crate) u64);

/// What has to be done.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum SessionAction {
    /// Send this on the socket.
    Send(ClientOp),
    /// Tell the watch's page.
    Deliver(WatchKey, WatchUpdate),
}

/// What a page is told about its watch.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum WatchUpdate {
    /// Open: complete from `from`, inclusive.
    Opened {
        /// The first revision that can come.
        from: i64,
    },
    /// The cluster's revision at the time of opening, for a watch that began in the past: events up to
    /// here are history, not news.
    Head {
        /// The revision.
        revision: i64,
    },
    /// The connection is gone; the watch will go on by itself.
    Lost,
    /// The watch goes on after [`WatchUpdate::Lost`].
    Resumed {
        /// The first revision that can come.
        from: i64,
        /// Milliseconds without a connection.
        outage: Millis,
        /// Whether every revision in between will come.
        complete: bool,
    },
    /// A piece of the range's entries.
    Snapshot {
        /// The revision of all pieces.
        revision: i64,
        /// The entries of this piece.
        entries: Vec<Entry>,
        /// Whether this is the first piece: what came before is void.
        first: bool,
        /// Whether this is the last piece.
        last: bool,
    },
    /// Changes, in order, none twice.
    Events {
        /// The last revision of these.
        revision: i64,
        /// The changes.
        events: Vec<Event>,
    },
    /// Everything up to `revision` has come.
    Progress {
        /// The revision.
        revision: i64,
    },
    /// The gateway replays from history because this page was slow.
    Lagged {
        /// Where the replay begins.
        resume_from: i64,
    },
    /// `from` to `to` − 1 is gone for good.
    Compacted {
        /// The first revision missed.
        from: i64,
        /// The first revision that is left.
        to: i64,
    },
    /// The data are not those watched before: another cluster, or restored or wiped.
    Reset {
        /// Why, for people.
        reason: String,
        /// The store's revision now.
        revision: i64,
    },
    /// Something could not be done. `fatal`: the watch will not open.
    Error {
        /// For programs.
        code: Code,
        /// For people.
        detail: String,
        /// Whether the watch stays shut.
        fatal: bool,
    },
    /// The gateway ended the watch.
    Closed {
        /// For programs.
        code: String,
        /// For people.
        detail: String,
    },
}
