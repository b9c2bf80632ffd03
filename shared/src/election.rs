//! Elections: candidates, campaigns, proclamations.

use serde::{Deserialize, Serialize};

use crate::{Bytes, Header, LeaseId};

/// A candidate of an election: one key of its queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Candidate {
    /// The candidate's key.
    pub key: Bytes,
    /// Its proclaimed value.
    pub value: Bytes,
    /// The lease that the key is attached to.
    pub lease: LeaseId,
    /// The key's create revision: proclaiming and resigning require it and the key.
    pub revision: i64,
    /// Remaining seconds of the lease; absent until etcd has reported them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
}

/// Response of `GET /elections/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Election {
    /// etcd's response header.
    pub header: Header,
    /// The election's name.
    pub name: Bytes,
    /// The leader; `null` while an older key of another kind blocks the queue.
    pub leader: Option<Candidate>,
    /// The waiting candidates, in order.
    pub candidates: Vec<Candidate>,
}

/// Body of `POST /elections/{name}/campaign`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CampaignRequest {
    /// The value to proclaim.
    pub value: Bytes,
    /// TTL in seconds of the lease that the gateway grants, 1 to 9,000,000,000; 60 by default. Not with `lease`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 9_000_000_000_i64))]
    pub ttl: Option<i64>,
    /// An existing lease of the caller.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseId>,
    /// Seconds to wait, at most 3,600, which is also the default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<u64>,
}

/// Body of `POST /elections/{name}/hold`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CandidacyRequest {
    /// The value to proclaim.
    pub value: Bytes,
    /// TTL in seconds of the candidacy's lease, 1 to 9,000,000,000; 60 by default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 9_000_000_000_i64))]
    pub ttl: Option<i64>,
}

/// Body of `POST /elections/{name}/proclaim`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ProclaimRequest {
    /// The leader's key.
    pub key: Bytes,
    /// Its create revision.
    pub revision: i64,
    /// The value to proclaim.
    pub value: Bytes,
}

/// Body of `POST /elections/{name}/resign`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct ResignRequest {
    /// The leader's key.
    pub key: Bytes,
    /// Its create revision.
    pub revision: i64,
}

/// Response of a campaign that was won, of a proclamation and of a resignation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Leadership {
    /// etcd's response header.
    pub header: Header,
    /// The election's name.
    pub name: Bytes,
    /// The leader's key.
    pub key: Bytes,
    /// Its create revision.
    pub revision: i64,
    /// The key's lease; the caller must renew it, unless the gateway holds it.
    pub lease: LeaseId,
}
