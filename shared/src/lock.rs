//! Locks, elections and single-key locks: their holders and their queues.

use serde::{Deserialize, Serialize};

use crate::{Bytes, Header, LeaseId};

/// The recipe that a queue of leased keys follows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LockKind {
    /// `concurrency.Mutex`, the Lock service, `POST /locks`.
    Mutex,
    /// `concurrency.Election`, the Election service.
    Election,
    /// A readers-writer lock.
    Rwmutex,
    /// One key created with a lease only if absent; etcd records no queue.
    SingleKey,
}

/// A holder or waiter: one key of the queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Claim {
    /// The lock key.
    pub key: Bytes,
    /// The owner's name, if the value contains one (`{"holder": "…"}`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The key's value, unless it is empty or only a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Bytes>,
    /// The lease that the key is attached to.
    pub lease: LeaseId,
    /// Remaining seconds when last read; absent before the first read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// The granted TTL in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_ttl: Option<i64>,
    /// The key's create revision: pass it to the resource that the lock protects.
    pub fencing_token: i64,
    /// When this gateway first saw the key, in RFC 3339 UTC, since etcd stores no times.
    pub first_seen: String,
}

/// A lock or an election as detected in the keyspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Lock {
    /// The name as passed to the recipe, without the separator that etcd adds.
    pub name: Bytes,
    /// The recipe.
    pub kind: LockKind,
    /// Whether the kind is known; otherwise it is guessed from the form of the keys.
    pub certain: bool,
    /// The holder; `null` if there is none.
    pub holder: Option<Claim>,
    /// When this gateway first saw `holder` hold it, in RFC 3339 UTC. It may be held for longer, since etcd
    /// stores no times. Absent without a holder, and if the gateway has not yet read all keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<String>,
    /// The waiters, in order; `null` if etcd does not record them (single keys).
    pub waiters: Option<Vec<Claim>>,
    /// With `rwmutex`: the other readers that hold it together with `holder`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<Claim>,
}

/// Response of `GET /locks/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LockResponse {
    /// etcd's response header.
    pub header: Header,
    /// The lock's members, flattened next to the header.
    #[serde(flatten)]
    pub lock: Lock,
}

/// Response of `GET /locks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LockList {
    /// etcd's response header.
    pub header: Header,
    /// The locks, by name.
    pub locks: Vec<Lock>,
    /// Whether some leases have not been read yet.
    pub partial: bool,
    /// The cursor of the next page; `null` on the last.
    pub next: Option<String>,
}

/// Body of `POST /locks/{name}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LockRequest {
    /// TTL in seconds of the lease that the gateway grants, 1 to 9,000,000,000; 60 by default. Not with `lease`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 9_000_000_000_i64))]
    pub ttl: Option<i64>,
    /// Seconds to wait in the queue, at most 3,600; with 0 (the default) the request does not wait.
    #[serde(default)]
    pub wait: u64,
    /// The owner's name, shown to those who read the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// An existing lease of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseId>,
}

/// Body of `POST /locks/{name}/hold`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LockHoldRequest {
    /// TTL in seconds of the lease of the key in the queue, 1 to 9,000,000,000; 60 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 9_000_000_000_i64))]
    pub ttl: Option<i64>,
    /// The owner's name, shown to those who read the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
}

/// Response of `POST /locks/{name}` once the lock is acquired.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Acquired {
    /// etcd's response header.
    pub header: Header,
    /// The lock's name.
    pub name: Bytes,
    /// The lock key.
    pub key: Bytes,
    /// The key's lease; the caller must renew it from now on.
    pub lease: LeaseId,
    /// The key's create revision.
    pub fencing_token: i64,
}

/// Response of `DELETE /locks/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Released {
    /// etcd's response header.
    pub header: Header,
    /// The lock's name.
    pub name: Bytes,
    /// The key that was deleted (with `?dry_run`: would be).
    pub key: Bytes,
    /// Its lease.
    pub lease: LeaseId,
    /// With `&revoke`: the keys that were (would be) deleted with the lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_keys: Option<Vec<Bytes>>,
}
