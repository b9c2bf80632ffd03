//! Samples of a cluster's numbers over the last hour, for charts.

use serde::{Deserialize, Serialize};

use crate::MemberId;

/// Response of `GET /cluster/samples`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SamplesResponse {
    /// The cluster's name at this gateway.
    pub cluster: String,
    /// The gateway's clock, in milliseconds since 1970 (UTC), as are all times here.
    pub now: i64,
    /// Milliseconds from one sample to the next.
    pub interval_ms: i64,
    /// How long samples are kept, in milliseconds.
    pub window_ms: i64,
    /// The members in the newest sample, by id.
    pub members: Vec<SampledMember>,
    /// The samples, the oldest first; with `since` only later ones. None are taken while nobody has
    /// looked for an hour, so times can be missing.
    pub samples: Vec<Sample>,
    /// When the quota is reached at the present trend; absent if the trend is flat, negative or not
    /// known yet, or if the quota is unknown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forecast: Option<Forecast>,
    /// Why the newest attempt gave no sample.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<SamplingProblem>,
}

/// A member in the samples.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SampledMember {
    /// The member.
    pub id: MemberId,
    /// Its name; empty before it has started.
    pub name: String,
    /// Whether it is a learner, without a vote.
    pub learner: bool,
}

/// The cluster's numbers at one time. A number that could not be read is absent.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Sample {
    /// When it was taken, in milliseconds since 1970 by the gateway's clock.
    pub at: i64,
    /// The store's revision: the newest that a member reports.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<i64>,
    /// Revisions per second since the sample before; absent in the first one, after a gap of more than
    /// three intervals, and where the revision went back (wiped data).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revisions_per_second: Option<f64>,
    /// Keys in the store, by the members' metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<u64>,
    /// Leases. With more than 50,000 they are counted once a minute, and absent in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leases: Option<u64>,
    /// Watches of all members that could be read, by their metrics: this gateway's own included.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watches: Option<u64>,
    /// The leader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub leader: Option<MemberId>,
    /// The members that responded, by id.
    pub members: Vec<MemberSample>,
}

/// One member's numbers at one time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MemberSample {
    /// The member.
    pub id: MemberId,
    /// Backend size in bytes, free pages included.
    pub db_size: i64,
    /// Backend size in bytes, in use.
    pub db_size_in_use: i64,
    /// Backend quota in bytes: by its status (etcd 3.6 and later) or its metrics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db_quota: Option<i64>,
    /// The committed raft index.
    pub raft_index: u64,
    /// How many entries its applied index is behind the highest committed index of any member.
    pub raft_lag: u64,
    /// Watches of this member; absent if its metrics could not be read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watches: Option<u64>,
}

/// When a member's quota is reached if the bytes in use grow as they did in the samples.
///
/// A line through the member's `db_size_in_use` by least squares: `bytes_per_hour` is its slope. There
/// is no forecast for less than two minutes, nor unless the line rises by more than a page (4 KiB) and by
/// more than the samples scatter around it (standard deviation), nor beyond a year. Of several members
/// it is the one whose quota is reached first.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Forecast {
    /// The member.
    pub member: MemberId,
    /// Its quota in bytes.
    pub quota: i64,
    /// The trend, in bytes per hour.
    pub bytes_per_hour: f64,
    /// When the quota is reached, in milliseconds since 1970.
    pub quota_reached_at: i64,
    /// The time that the samples span, in milliseconds.
    pub based_on_ms: i64,
}

/// Why samples cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SamplingProblem {
    /// `no_account`: etcd refuses the gateway's own account, or the gateway has none. `unreachable`:
    /// no member responds.
    pub code: SamplingProblemCode,
    /// What happened, as text.
    pub detail: String,
    /// How to fix it, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// Stable codes of [`SamplingProblem`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SamplingProblemCode {
    /// etcd refuses the gateway's own account, or the gateway has none.
    NoAccount,
    /// No member responds.
    Unreachable,
}
