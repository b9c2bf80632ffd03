//! Leases: granted, read, listed, kept alive, held and revoked.

use serde::{Deserialize, Serialize};

use crate::{Bytes, Header, LeaseId};

/// Body of `POST /leases`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GrantRequest {
    /// The requested TTL in seconds, 1 to 9,000,000,000; etcd raises a TTL below its minimum (2 by default).
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 9_000_000_000_i64))]
    pub ttl: i64,
    /// The id; etcd chooses one by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<LeaseId>,
}

/// A lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Lease {
    /// The lease.
    pub id: LeaseId,
    /// Remaining seconds.
    pub ttl: i64,
    /// The granted TTL in seconds. Absent in the response of a keep-alive, which does not carry it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_ttl: Option<i64>,
    /// The attached keys, if they were read: all of them, or a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<Bytes>>,
    /// The number of attached keys, with `keys=count` and `keys=page`. Absent with `count` if the account
    /// may not read all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_count: Option<i64>,
}

/// Response of `POST /leases` and of the routes at `/leases/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LeaseResponse {
    /// etcd's response header.
    pub header: Header,
    /// The lease's members, flattened next to the header.
    #[serde(flatten)]
    pub lease: Lease,
    /// The cursor of the next page of keys; absent on the last page, and without `keys=page`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Response of `GET /leases`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LeaseList {
    /// etcd's response header.
    pub header: Header,
    /// The leases, by id.
    pub leases: Vec<Lease>,
    /// Whether some leases could not be read.
    pub partial: bool,
    /// The cursor of the next page; `null` on the last.
    pub next: Option<String>,
}

/// What a lease is used for, as its keys show. A lease can be several of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum LeaseKind {
    /// It holds a lock, or waits for one: one of its keys is a claim of a mutex or of a readers-writer lock, or a
    /// single-key lock.
    Lock,
    /// It is a candidate of an election: one of its keys is a claim with a proclaimed value.
    Election,
    /// It registers an instance of a service: one of its keys is named after an address or names one in its value.
    Service,
    /// It has other keys.
    Plain,
}

/// A lease as `GET /leases?live` reports it. A client counts `ttl` down from `read_at`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LiveLease {
    /// The lease.
    pub id: LeaseId,
    /// Remaining whole seconds when the TTL was read. Absent, with the next two, until it was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
    /// The granted TTL in seconds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_ttl: Option<i64>,
    /// When the TTL was read: milliseconds since the Unix epoch by the gateway's clock, as `now` of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_at: Option<i64>,
    /// The number of keys that the account may read. Absent while it is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_count: Option<i64>,
    /// What the lease is, as its keys show; empty for a lease without keys. Absent while the keys are unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kinds: Option<Vec<LeaseKind>>,
    /// Its first key in byte order; that of a lock, an election or a service where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub first_key: Option<Bytes>,
    /// The name of the lock or election that `first_key` is a claim of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub queue: Option<Bytes>,
    /// The owner's name, where `first_key` names one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
}

/// Changes of the leases of a stream (`GET /leases?live`). A new stream starts with every lease.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LeaseChanges {
    /// The gateway's clock: milliseconds since the Unix epoch.
    pub now: i64,
    /// Leases that are new or have changed, in no order.
    pub leases: Vec<LiveLease>,
    /// Leases that have ended, by etcd's own response to a read of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gone: Vec<LeaseId>,
    /// Leases that may still exist but are no longer visible to the account: it may read none of their keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hidden: Vec<LeaseId>,
}

/// The progress of a stream of leases.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LeasesProgress {
    /// The gateway's clock: milliseconds since the Unix epoch.
    pub now: i64,
    /// The number of leases, those beyond the stream's limit included.
    pub total: i64,
    /// Whether the keys or the TTLs of some leases have not been read yet.
    pub partial: bool,
    /// Whether the account may not list leases: only those of keys that it may read are visible to it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub limited: bool,
    /// Whether the stream has only the first leases by id, since there are more than its limit of 10,000.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
}

/// An operation of a client on the socket of `GET /leases?live`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum LeaseOp {
    /// The leases that the client shows now, at most 256, instead of those named before: their TTLs are read often,
    /// and those of the rest rarely.
    Visible {
        /// The leases.
        ids: Vec<LeaseId>,
    },
}

/// What happens to a held lease when the client disconnects.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnClose {
    /// The lease is revoked, which deletes its keys.
    Revoke,
    /// The lease remains until its TTL runs out.
    Orphan,
}

/// Body of `POST /leases/hold`: a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    /// TTL in seconds of the lease that the gateway grants, 1 to 9,000,000,000; 60 by default. Not with `lease`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 9_000_000_000_i64))]
    pub ttl: Option<i64>,
    /// An existing lease to hold; by default a new one is granted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseId>,
    /// What happens to the lease when the client disconnects; `revoke` by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_close: Option<OnClose>,
}
