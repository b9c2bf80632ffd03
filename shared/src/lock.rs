//! Locks, elections and single-key locks: their holders and their queues.

use serde::{Deserialize, Serialize};

use crate::{Bytes, Header, LeaseId};

/// What kind of recipe a queue of leased keys is.
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
    /// The owner's name, where the value gives one (`{"holder": "…"}`).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The key's value, where it is neither empty nor only a name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub value: Option<Bytes>,
    /// The lease that keeps the key.
    pub lease: LeaseId,
    /// Seconds left when last asked; absent until asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// Seconds granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_ttl: Option<i64>,
    /// The key's create revision: pass it to whatever the lock protects.
    pub fencing_token: i64,
    /// When this gateway first saw the key, RFC 3339 UTC. etcd stores no times.
    pub first_seen: String,
}

/// A lock or an election as found in the keyspace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Lock {
    /// The name as given to the recipe, without the separator etcd adds.
    pub name: Bytes,
    /// The recipe.
    pub kind: LockKind,
    /// Whether the kind is known or guessed from the shape of the keys.
    pub certain: bool,
    /// Who holds it; `null` for nobody.
    pub holder: Option<Claim>,
    /// When this gateway first saw `holder` hold it, RFC 3339 UTC: it holds at least since then, since
    /// etcd stores no times. Absent without a holder, and where the gateway has not yet read all keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub held_since: Option<String>,
    /// Who waits, in order; `null` where etcd does not record it (single keys).
    pub waiters: Option<Vec<Claim>>,
    /// With `rwmutex`: the other readers that hold it together with `holder`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub readers: Vec<Claim>,
}

/// A lock as an answer of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LockAnswer {
    /// etcd's response header.
    pub header: Header,
    /// The lock's members stand beside the header.
    #[serde(flatten)]
    pub lock: Lock,
}

/// Answer of `GET /locks`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LockList {
    /// etcd's response header.
    pub header: Header,
    /// The locks, by name.
    pub locks: Vec<Lock>,
    /// Some leases have not been asked about yet.
    pub partial: bool,
    /// The cursor of the next page; `null` on the last.
    pub next: Option<String>,
}

/// Body of `POST /locks/{name}`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LockRequest {
    /// Seconds of the lease that the gateway grants, 1 to 9,000,000,000; 60 without it. Not beside `lease`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 9_000_000_000_i64))]
    pub ttl: Option<i64>,
    /// Seconds to wait in the queue, at most 3,600; 0 is a try.
    #[serde(default)]
    pub wait: u64,
    /// The owner's name, for whoever looks at the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// A lease of the caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseId>,
}

/// Body of `POST /locks/{name}/hold`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct LockHoldRequest {
    /// Seconds of the lease that keeps the place in the queue, 1 to 9,000,000,000; 60 without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 9_000_000_000_i64))]
    pub ttl: Option<i64>,
    /// The owner's name, for whoever looks at the queue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
}

/// Answer of `POST /locks/{name}` when the lock is held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Acquired {
    /// etcd's response header.
    pub header: Header,
    /// The lock's name.
    pub name: Bytes,
    /// The lock key.
    pub key: Bytes,
    /// The lease that keeps it; the caller renews it from here on.
    pub lease: LeaseId,
    /// The key's create revision.
    pub fencing_token: i64,
}

/// Answer of `DELETE /locks/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Released {
    /// etcd's response header.
    pub header: Header,
    /// The lock's name.
    pub name: Bytes,
    /// The key that was removed (with `?dry_run`: would be).
    pub key: Bytes,
    /// Its lease.
    pub lease: LeaseId,
    /// With `&revoke`: the keys that died (would die) with the lease.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_keys: Option<Vec<Bytes>>,
}
