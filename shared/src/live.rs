//! What both sides say on a live connection; the same messages on all three transports.

use serde::{Deserialize, Serialize};

use crate::{
    Acquired, Bytes, Candidate, Code, Entry, Leadership, LeaseId, Lock, MemberId, RangeSpec,
    nullable,
};

/// What a client says on a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum ClientOp {
    /// Opens a watch.
    Watch(WatchRequest),
    /// Ends a watch; answered by `closed`.
    Cancel {
        /// The watch.
        id: String,
    },
    /// Holds a watch's events back; nothing is lost that history still holds.
    Pause {
        /// The watch.
        id: String,
    },
    /// Lets them flow again.
    Resume {
        /// The watch.
        id: String,
    },
}

/// A watch to open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WatchRequest {
    /// The client's own name for it, unique on the socket.
    pub id: String,
    /// What to watch.
    #[serde(flatten)]
    pub range: RangeSpec,
    /// The first revision wanted; the next one without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// Send the entry before each change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prev: bool,
    /// The types to deliver; both without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<EventType>>,
    /// Send the range's entries first, and again after `compacted` and `reset`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub snapshot: bool,
    /// With `"wait"`, a revision of the future is waited for instead of a `reset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub future: Option<Future>,
}

/// What to do about a revision of the future.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum Future {
    /// Wait for it.
    Wait,
}

/// The kinds of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum EventType {
    /// A key was written.
    Put,
    /// A key was deleted, by hand or with its lease.
    Delete,
}

/// One change of one key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The key was written.
    Put {
        /// The key as it is now.
        #[serde(flatten)]
        entry: Entry,
        /// With `prev`: the entry before; `null` for a creation and for compacted history.
        #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schema(value_type = Option<Entry>))]
        prev: Option<Option<Entry>>,
    },
    /// The key was deleted.
    Delete {
        /// The key.
        key: Bytes,
        /// The revision of the deletion.
        mod_revision: i64,
        /// With `prev`: the entry before; `null` for compacted history.
        #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
        #[cfg_attr(feature = "schema", schema(value_type = Option<Entry>))]
        prev: Option<Option<Entry>>,
    },
}

impl Event {
    /// The key that changed.
    pub fn key(&self) -> &Bytes {
        match self {
            Self::Put { entry, .. } => &entry.key,
            Self::Delete { key, .. } => key,
        }
    }

    /// The revision of the change.
    pub fn mod_revision(&self) -> i64 {
        match self {
            Self::Put { entry, .. } => entry.mod_revision,
            Self::Delete { mod_revision, .. } => *mod_revision,
        }
    }

    /// The kind of change.
    pub fn kind(&self) -> EventType {
        match self {
            Self::Put { .. } => EventType::Put,
            Self::Delete { .. } => EventType::Delete,
        }
    }

    /// The entry before, where it was asked for and is known.
    pub fn prev(&self) -> Option<&Entry> {
        match self {
            Self::Put { prev, .. } | Self::Delete { prev, .. } => prev.as_ref()?.as_ref(),
        }
    }
}

/// What the gateway says on a stream, whatever its transport.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ServerMessage {
    /// The watch is open and complete from `revision`, inclusive.
    Opened {
        /// The watch.
        id: String,
        /// The cluster it follows.
        cluster_id: MemberId,
        /// The first revision that can come.
        revision: i64,
    },
    /// Entries of the range, all at one revision.
    Snapshot {
        /// The watch.
        id: String,
        /// The revision they were read at.
        revision: i64,
        /// The entries, in key order.
        entries: Vec<Entry>,
        /// Another piece follows.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        more: bool,
    },
    /// Changes: whole revisions, one or several, in order.
    Events {
        /// The watch.
        id: String,
        /// The last revision of these.
        revision: i64,
        /// The changes.
        events: Vec<Event>,
        /// The revision goes on in the next piece.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        more: bool,
    },
    /// Everything up to `revision` has been sent. Never before a snapshot's last piece: resuming from
    /// there would skip the rest of it.
    Progress {
        /// The watch.
        id: String,
        /// The last revision that is complete.
        revision: i64,
    },
    /// Nothing to report; the stream is alive. Sent when nothing else was sent for 9 s: while nothing is
    /// watched, and within a snapshot that etcd holds up. Belongs to no watch, and a server-sent event of
    /// this type has no id: it is no place to resume from.
    Idle,
    /// The watch holds its events back.
    Paused {
        /// The watch.
        id: String,
        /// The last revision sent.
        revision: i64,
    },
    /// The client is slow; events are replayed from history.
    Lagged {
        /// The watch.
        id: String,
        /// The revision the replay begins at.
        resume_from: i64,
    },
    /// History from `from` to `to` − 1 is gone. It goes on at `to`, or with a snapshot if the watch
    /// asked for snapshots. Pieces of an unfinished snapshot or revision are void.
    Compacted {
        /// The watch.
        id: String,
        /// The first revision missed.
        from: i64,
        /// The first revision that is left.
        to: i64,
    },
    /// The revision asked for is not this cluster's past. It goes on at `revision` (inclusive), or
    /// with a snapshot if the watch asked for snapshots. Pieces of an unfinished snapshot or revision
    /// are void.
    Reset {
        /// The watch.
        id: String,
        /// Why, for people.
        reason: String,
        /// The store's revision now.
        revision: i64,
        /// The cluster now.
        cluster_id: MemberId,
    },
    /// What cannot be done; closes nothing.
    Error {
        /// The watch, where one is meant.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// For programs.
        code: Code,
        /// For people.
        detail: String,
    },
    /// The watch has ended.
    Closed {
        /// The watch.
        id: String,
        /// `cancelled`, or a code of the error table.
        code: String,
        /// For people.
        detail: String,
    },
    /// A lock as it is now (`GET /locks?live`); without holder and waiters it is gone.
    Lock(Lock),
    /// Locks: everything up to `revision` has been sent.
    LocksProgress {
        /// The last revision that is complete.
        revision: i64,
        /// Some leases have not been asked about yet.
        partial: bool,
    },
    /// The lock is held (holds of locks).
    Acquired(Acquired),
    /// The candidate leads (holds of candidacies).
    Elected(Leadership),
    /// Who leads an election, and what it proclaims (`GET /elections/{name}/observe`).
    Leader {
        /// The leader.
        #[serde(flatten)]
        leader: Candidate,
        /// The revision of what it proclaims.
        mod_revision: i64,
    },
    /// A lease was granted or taken up (holds).
    Granted {
        /// The lease.
        lease: LeaseId,
        /// Seconds granted.
        ttl: i64,
    },
    /// The lease was renewed (holds).
    Renewed {
        /// Seconds left.
        ttl: i64,
    },
    /// The lease is gone (holds).
    Lost {
        /// Why, for people.
        reason: String,
    },
}
