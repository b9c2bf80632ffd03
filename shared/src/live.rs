//! The messages of a live connection, in both directions; they are the same on all three transports.

use serde::{Deserialize, Serialize};

use crate::{
    Acquired, Bytes, Candidate, Code, Entry, Leadership, LeaseChanges, LeaseId, LeasesProgress,
    Lock, MemberId, RangeSpec, nullable,
};

/// A message of a client on a socket.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(
        clippy::large_enum_variant,
        reason = "an operation is decoded, handled and dropped; there is one at a time"
    )
)]
pub enum ClientOp {
    /// Opens a watch.
    Watch(WatchRequest),
    /// Ends a watch; the gateway responds with `closed`.
    Cancel {
        /// The watch.
        id: String,
    },
    /// Pauses a watch's events; none are lost unless history is compacted meanwhile.
    Pause {
        /// The watch.
        id: String,
    },
    /// Resumes a paused watch.
    Resume {
        /// The watch.
        id: String,
    },
}

/// A watch to open.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct WatchRequest {
    /// The id chosen by the client, unique on the socket.
    pub id: String,
    /// The keys to watch.
    #[serde(flatten)]
    pub range: RangeSpec,
    /// The first revision to deliver; by default the next one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// Send the previous entry with each change.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub prev: bool,
    /// Send no values: entries, previous ones included, have only their other members.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub keys_only: bool,
    /// The separator of folders. Only keys directly in the watched prefix and in `open` folders are delivered; changes
    /// of keys in closed folders are counted, folder by folder ([`FolderChange`]).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub collapse: Option<Bytes>,
    /// With `collapse`: open folders, each with its trailing separator. A folder counts as open only if all folders
    /// above it are open.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub open: Vec<Bytes>,
    /// The types to deliver; both by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub only: Option<Vec<EventType>>,
    /// Send the range's entries first, and again after `compacted` and `reset`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub snapshot: bool,
    /// With `"wait"`, the watch waits for a future revision instead of sending `reset`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub future: Option<Future>,
}

/// How to handle a future revision.
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
    /// A key was deleted, by a request or with its lease.
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
        /// With `keys_only`: the size of the value in bytes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        size: Option<i64>,
        /// With `prev`: the previous entry; `null` for a creation and for compacted history.
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
        /// With `prev`: the previous entry; `null` for compacted history.
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

    /// The previous entry, if it was requested and is known.
    pub fn prev(&self) -> Option<&Entry> {
        match self {
            Self::Put { prev, .. } | Self::Delete { prev, .. } => prev.as_ref()?.as_ref(),
        }
    }
}

/// Changes of keys in a closed folder, or in folders below it, since the last message about it (`collapse`).
///
/// `created` − `deleted` is the change of the number of its keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct FolderChange {
    /// The prefix of its keys, with the trailing separator.
    pub prefix: Bytes,
    /// Keys created, a key that was deleted and created again each time. Absent: 0, as in the next two.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub created: i64,
    /// Changes of existing keys.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub updated: i64,
    /// Keys deleted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub deleted: i64,
    /// The revision of the last of these changes.
    pub revision: i64,
}

#[cfg_attr(
    not(target_arch = "wasm32"),
    expect(
        clippy::trivially_copy_pass_by_ref,
        reason = "serde gives fields by reference"
    )
)]
fn is_zero(number: &i64) -> bool {
    *number == 0
}

/// A message of the gateway on a stream, on any transport.
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
        /// The first revision that can be delivered.
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
        /// With `collapse`: the changes in closed folders, in the same revisions.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        folders: Vec<FolderChange>,
        /// With `collapse`: the number of changes in further closed folders, which are not listed because too many
        /// changed at once; re-read what depends on them.
        #[serde(default, skip_serializing_if = "is_zero")]
        unlisted: i64,
        /// The revision continues in the next piece.
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
    /// Nothing to report; the stream is alive. Sent after 9 s without other messages: while nothing is
    /// watched, and within a snapshot that etcd delays. It belongs to no watch, and a server-sent event of
    /// this type has no id, since it is not a point to resume from.
    Idle,
    /// The watch is paused.
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
        /// The first revision of the replay.
        resume_from: i64,
    },
    /// History from `from` to `to` − 1 is lost to compaction. The watch resumes from `to`, or with a snapshot
    /// if it requested snapshots. Pieces of an unfinished snapshot or revision are void.
    Compacted {
        /// The watch.
        id: String,
        /// The first revision missed.
        from: i64,
        /// The first remaining revision.
        to: i64,
    },
    /// The requested revision is not in this cluster's past. The watch resumes from `revision` (inclusive), or
    /// with a snapshot if it requested snapshots. Pieces of an unfinished snapshot or revision are void.
    Reset {
        /// The watch.
        id: String,
        /// The reason, as text.
        reason: String,
        /// The store's current revision.
        revision: i64,
        /// The current cluster.
        cluster_id: MemberId,
    },
    /// A request that cannot be served; it closes nothing.
    Error {
        /// The watch, if the error concerns one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// The code, for programs.
        code: Code,
        /// The details, as text.
        detail: String,
    },
    /// The watch has ended. With the code `unauthenticated` the whole stream ends after it, since the
    /// session that opened the stream has ended; sockets are closed with 4401 instead.
    Closed {
        /// The watch.
        id: String,
        /// `cancelled`, or a code of the error table.
        code: String,
        /// The details, as text.
        detail: String,
    },
    /// The current state of a lock (`GET /locks?live`); without holder and waiters it no longer exists.
    Lock(Lock),
    /// Locks: everything up to `revision` has been sent.
    LocksProgress {
        /// The last revision that is complete.
        revision: i64,
        /// Whether some leases have not been read yet.
        partial: bool,
    },
    /// Leases that are new, have changed, or have ended (`GET /leases?live`).
    Leases(LeaseChanges),
    /// Leases: the state of the stream, at least every ten seconds.
    LeasesProgress(LeasesProgress),
    /// The lock is held (holds of locks).
    Acquired(Acquired),
    /// The candidate leads (holds of candidacies).
    Elected(Leadership),
    /// The leader of an election and its proclaimed value (`GET /elections/{name}/observe`).
    Leader {
        /// The leader.
        #[serde(flatten)]
        leader: Candidate,
        /// The revision of the proclaimed value.
        mod_revision: i64,
    },
    /// A lease is held: newly granted, or the one of the request (holds).
    Granted {
        /// The lease.
        lease: LeaseId,
        /// The granted TTL in seconds.
        ttl: i64,
    },
    /// The lease was renewed (holds).
    Renewed {
        /// Remaining seconds.
        ttl: i64,
    },
    /// The lease is lost (holds).
    Lost {
        /// The reason, as text.
        reason: String,
    },
}
