//! Elections: candidates, campaigns, proclamations.

use serde::{Deserialize, Serialize};

use crate::{Bytes, Header, LeaseId};

/// Somebody who stands in an election: one key of its queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Candidate {
    /// The candidate's key.
    pub key: Bytes,
    /// What it proclaims.
    pub value: Bytes,
    /// The lease that keeps the key.
    pub lease: LeaseId,
    /// The key's create revision: with the key all that proclaiming and resigning need.
    pub revision: i64,
    /// Seconds left of the lease; absent until asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<i64>,
}

/// Answer of `GET /elections/{name}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Election {
    /// etcd's response header.
    pub header: Header,
    /// The election's name.
    pub name: Bytes,
    /// Who leads; `null` while an older key of another kind stands in the way.
    pub leader: Option<Candidate>,
    /// Who waits to lead, in order.
    pub candidates: Vec<Candidate>,
}

/// Body of `POST /elections/{name}/campaign`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CampaignRequest {
    /// What to proclaim.
    pub value: Bytes,
    /// Seconds of the lease that the gateway grants, 1 to 9,000,000,000; 60 without it. Not beside `lease`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "schema", schema(minimum = 1, maximum = 9_000_000_000_i64))]
    pub ttl: Option<i64>,
    /// A lease of the caller's own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<LeaseId>,
    /// Seconds to wait, at most 3,600, which is also what it is without this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wait: Option<u64>,
}

/// Body of `POST /elections/{name}/hold`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CandidacyRequest {
    /// What to proclaim.
    pub value: Bytes,
    /// Seconds of the lease that keeps the candidacy, 1 to 9,000,000,000; 60 without it.
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
    /// What to proclaim.
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

/// Answer of a campaign that was won, of a proclamation and of a resignation.
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
    /// The lease that keeps it; the caller renews it, unless the gateway holds it.
    pub lease: LeaseId,
}
