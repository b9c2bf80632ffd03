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
