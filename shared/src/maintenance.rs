//! The work on a cluster: members, alarms, compaction, defragmentation, hashes.

use serde::{Deserialize, Serialize};

use crate::{Alarm, Header, MemberId, Warning};

/// A member as the cluster lists it, without a word of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ListedMember {
    /// The member.
    pub id: MemberId,
    /// Its name; empty before it has started.
    pub name: String,
    /// Whether it is a learner, without a vote.
    pub learner: bool,
    /// Advertised client URLs; none before it has started.
    pub client_urls: Vec<String>,
    /// Advertised peer URLs.
    pub peer_urls: Vec<String>,
}

/// Answer of the routes at `/cluster/members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MembersAnswer {
    /// etcd's response header.
    pub header: Header,
    /// The member that was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<ListedMember>,
    /// The members as they are now, by id.
    pub members: Vec<ListedMember>,
}

/// Body of `POST /cluster/members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MemberAddRequest {
    /// Where the other members will reach it.
    pub peer_urls: Vec<String>,
    /// Without a vote until it is promoted: it cannot cost the cluster its majority.
    #[serde(default)]
    pub learner: bool,
}

/// Body of `PUT /cluster/members/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MemberUpdateRequest {
    /// Where the other members reach it from now on.
    pub peer_urls: Vec<String>,
}

/// An alarm that etcd knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum AlarmKind {
    /// The quota is exceeded: the cluster takes no more writes.
    NoSpace,
    /// Members hold different data.
    Corrupt,
}

/// Body of `POST /cluster/alarms`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct AlarmRequest {
    /// The member that it is raised for.
    pub member_id: MemberId,
    /// The alarm.
    pub alarm: AlarmKind,
}

/// Answer of `GET` and `POST /cluster/alarms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AlarmsAnswer {
    /// etcd's response header.
    pub header: Header,
    /// Alarms raised.
    pub alarms: Vec<Alarm>,
}

/// Answer of `DELETE /cluster/alarms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DisarmAnswer {
    /// etcd's response header.
    pub header: Header,
    /// Alarms that were raised and are no more.
    pub disarmed: Vec<Alarm>,
}

/// Body of `POST /cluster/compact`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CompactRequest {
    /// History before this revision goes.
    pub revision: i64,
    /// Answer only when the space has been given back within the files too.
    #[serde(default)]
    pub physical: bool,
}

/// Answer of `POST /cluster/compact`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CompactAnswer {
    /// etcd's response header.
    pub header: Header,
    /// The oldest revision left.
    pub compacted_revision: i64,
}

/// Body of `POST /cluster/defragment`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DefragmentRequest {
    /// These members; every voting member without it, and then each must be reachable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<MemberId>>,
}

/// Answer of `POST /cluster/defragment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DefragmentAnswer {
    /// etcd's response header.
    pub header: Header,
    /// Whether every member asked for was defragmented.
    pub complete: bool,
    /// The members in the order they were taken, the leader last.
    pub members: Vec<Defragmented>,
}

/// What became of one member's defragmentation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Defragmented {
    /// The member.
    pub id: MemberId,
    /// Its name.
    pub name: String,
    /// The URL it was reached at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached_by: Option<String>,
    /// Backend size in bytes before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db_size_before: Option<i64>,
    /// Backend size in bytes afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub db_size: Option<i64>,
    /// Why it failed, that it was not begun after another had failed, or that it is a learner and was
    /// left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Body of `POST /cluster/move-leader`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MoveLeaderRequest {
    /// The member that shall lead.
    pub member_id: MemberId,
}

/// Answer of `POST /cluster/move-leader`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MoveLeaderAnswer {
    /// etcd's response header.
    pub header: Header,
    /// The member that leads now.
    pub leader: MemberId,
}

/// What is asked about a downgrade.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DowngradeAction {
    /// Whether the cluster could go to the version; changes nothing.
    Validate,
    /// Prepare to: the members can then be replaced one by one.
    Enable,
    /// Stay after all.
    Cancel,
}

/// Body of `POST /cluster/downgrade`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DowngradeRequest {
    /// What to do.
    pub action: DowngradeAction,
    /// The version to go to, such as `3.6`; not with `cancel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Answer of `POST /cluster/downgrade`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DowngradeAnswer {
    /// etcd's response header.
    pub header: Header,
    /// The version that the cluster has now.
    pub version: String,
}

/// Answer of `GET /cluster/hash`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HashAnswer {
    /// etcd's response header.
    pub header: Header,
    /// The revision that every voting member hashed up to.
    pub revision: i64,
    /// What the hashes say together.
    pub verdict: HashVerdict,
    /// The members that hold other data than most do; all that were compared, where there is no
    /// majority.
    pub differ: Vec<MemberId>,
    /// The members' hashes, by id.
    pub members: Vec<MemberHash>,
    /// What the comparison could not see, with stable codes.
    pub warnings: Vec<Warning>,
}

/// What hashes of several members say together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HashVerdict {
    /// Every voting member was asked, and all hashes are the same.
    Same,
    /// Members with the same history have different hashes.
    Different,
    /// Some could not be asked or have another compaction, and the rest are the same.
    Incomplete,
}

/// The hash of one member's keys and their history.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MemberHash {
    /// The member.
    pub id: MemberId,
    /// Its name.
    pub name: String,
    /// The URL it was reached at.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reached_by: Option<String>,
    /// The hash; comparable where `compact_revision` is the same.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<u32>,
    /// History before this revision was gone already; −1 is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compact_revision: Option<i64>,
    /// The revision hashed up to, as the member says it (etcd 3.6 and later do).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_revision: Option<i64>,
    /// Why there is no hash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
