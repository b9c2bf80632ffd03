//! Information about a cluster and its members.

use serde::{Deserialize, Serialize};

use crate::{ActsAs, Header, MemberId};

/// Response of `GET /clusters`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Clusters {
    /// The clusters this gateway serves, the default one first.
    pub clusters: Vec<ClusterRef>,
}

/// A cluster's name, and for callers who may use it its endpoints and its state.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ClusterRef {
    /// The name in `/clusters/{cluster}/…`.
    pub name: String,
    /// Whether routes without a cluster mean this one.
    pub default: bool,
    /// Client URLs as configured, without credentials; absent for callers who may not use the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoints: Option<Vec<String>>,
    /// The state; absent for callers who may not use the cluster.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ClusterState>,
}

/// The state of a cluster in a list: what one member reports within two seconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ClusterState {
    /// Whether a member responded in time.
    pub reachable: bool,
    /// The version of the member that responded; null if it is unknown or hidden from this caller.
    pub version: Option<String>,
    /// The number of members; null if it is unknown or hidden from this caller.
    pub members: Option<usize>,
    /// Whether this gateway refuses every change.
    pub read_only: bool,
    /// Which account requests to this cluster act as.
    pub acts_as: ActsAs,
    /// The account's user in etcd; null if requests act as no user, or if a token hides its name.
    pub name: Option<String>,
    /// Why it is not reachable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Response of `GET /cluster`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ClusterResponse {
    /// etcd's response header.
    pub header: Header,
    /// The cluster's name at this gateway.
    pub name: String,
    /// The version of the member that responded.
    pub version: String,
    /// The leader; `null` while there is none.
    pub leader: Option<MemberId>,
    /// Voting members needed for a majority.
    pub quorum: usize,
    /// Voting members that may fail before the majority is lost.
    pub tolerates: usize,
    /// The members, by id.
    pub members: Vec<Member>,
    /// The version that a downgrade in progress leads to (reported by etcd 3.6 and later).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub downgrade_to: Option<String>,
    /// The raised alarms.
    pub alarms: Vec<Alarm>,
    /// Warnings for the operator, with stable codes.
    pub warnings: Vec<Warning>,
}

/// A member of the cluster and its status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Member {
    /// The member.
    pub id: MemberId,
    /// Its name; empty before it has started.
    pub name: String,
    /// Whether it is a learner, without a vote.
    pub learner: bool,
    /// Whether it responded and reports no error.
    pub healthy: bool,
    /// Advertised client URLs.
    pub client_urls: Vec<String>,
    /// Advertised peer URLs.
    pub peer_urls: Vec<String>,
    /// The URL it was reached at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached_by: Option<String>,
    /// Its version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Backend size in bytes, free pages included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db_size: Option<i64>,
    /// Backend size in bytes, in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db_size_in_use: Option<i64>,
    /// Backend quota in bytes (reported by etcd 3.6 and later).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db_quota: Option<i64>,
    /// The committed raft index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raft_index: Option<u64>,
    /// How many entries its applied index is behind the highest committed index of any member. The
    /// members are asked at slightly different times, so a busy cluster shows a few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raft_lag: Option<u64>,
    /// Why it is not healthy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// An alarm of a member.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Alarm {
    /// The member that raised it.
    pub member_id: MemberId,
    /// `NOSPACE`, `CORRUPT`, or etcd's number of an alarm unknown to this gateway.
    pub alarm: String,
}

/// A warning for the operator.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Warning {
    /// Stable code.
    pub code: String,
    /// One sentence about the cause, as text.
    pub detail: String,
    /// The releases that fix it, the lowest first: of the member's own minor version if that has a fix, else of
    /// later ones. For a minor version without further fixes, the first one that gets them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fixed_in: Vec<String>,
}
