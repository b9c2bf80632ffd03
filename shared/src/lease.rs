//! Leases: granted, looked at, listed, kept alive and revoked.

use serde::{Deserialize, Serialize};

use crate::{Bytes, Header, LeaseId};

/// Body of `POST /leases`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct GrantRequest {
    /// Seconds asked for, 1 to 9,000,000,000; etcd raises what is below its minimum (2 by default).
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 9_000_000_000_i64))]
    pub ttl: i64,
    /// An id of the caller's own; one is chosen without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub id: Option<LeaseId>,
}

/// A lease.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Lease {
    /// The lease.
    pub id: LeaseId,
    /// Seconds left.
    pub ttl: i64,
    /// Seconds granted. Absent on the answer of a keep-alive, which does not carry it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub granted_ttl: Option<i64>,
    /// Attached keys, where they were read: all of them, or a page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<Vec<Bytes>>,
    /// How many keys are attached, with `keys=count` and `keys=page`. Absent with `count` where the account
    /// may not read all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_count: Option<i64>,
}

/// A lease as an answer of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LeaseAnswer {
    /// etcd's response header.
    pub header: Header,
    /// The lease's members stand beside the header.
    #[serde(flatten)]
    pub lease: Lease,
    /// The cursor of the next page of keys; absent on the last one, and without `keys=page`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Answer of `GET /leases`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct LeaseList {
    /// etcd's response header.
    pub header: Header,
    /// The leases, by id.
    pub leases: Vec<Lease>,
    /// Some leases could not be read.
    pub partial: bool,
    /// The cursor of the next page; `null` on the last.
    pub next: Option<String>,
}

/// What becomes of a held lease when the client goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum OnClose {
    /// It is revoked, and its keys go with it.
    Revoke,
    /// It is left to its time to live.
    Orphan,
}

/// Body of `POST /leases/hold`: a session.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct HoldRequest {
    /// Seconds of the lease that the gateway grants, 1 to 9,000,000,000; 60 without it. Not beside `lease`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 9_000_000_000_i64))]
    pub ttl: Option<i64>,
    /// A lease to take up; one is granted without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseId>,
    /// What becomes of the lease when the client goes; `revoke` without it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_close: Option<OnClose>,
}
