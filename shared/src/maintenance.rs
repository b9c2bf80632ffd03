//! Cluster maintenance: members, alarms, compaction, defragmentation, hashes.

use serde::{Deserialize, Serialize};

use crate::{Alarm, Header, MemberId, Problem, Warning};

/// A member as the cluster lists it, without its own status.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ListedMember {
    /// The member.
    pub id: MemberId,
    /// Its name; empty before it has started.
    pub name: String,
    /// Whether it is a learner, without a vote.
    pub learner: bool,
    /// Advertised client URLs; empty before it has started.
    pub client_urls: Vec<String>,
    /// Advertised peer URLs.
    pub peer_urls: Vec<String>,
}

/// Response of the routes at `/cluster/members`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MembersResponse {
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
    /// The URLs at which the other members will reach it.
    pub peer_urls: Vec<String>,
    /// A learner, without a vote until it is promoted, cannot cost the cluster its majority.
    #[serde(default)]
    pub learner: bool,
}

/// Body of `PUT /cluster/members/{id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MemberUpdateRequest {
    /// The URLs at which the other members reach it from now on.
    pub peer_urls: Vec<String>,
}

/// A kind of alarm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "UPPERCASE")]
pub enum AlarmKind {
    /// The quota is exceeded: the cluster accepts no more writes.
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

/// Response of `GET` and `POST /cluster/alarms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct AlarmsResponse {
    /// etcd's response header.
    pub header: Header,
    /// The raised alarms.
    pub alarms: Vec<Alarm>,
}

/// Response of `DELETE /cluster/alarms`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DisarmResponse {
    /// etcd's response header.
    pub header: Header,
    /// The alarms that were disarmed.
    pub disarmed: Vec<Alarm>,
}

/// Body of `POST /cluster/compact`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CompactRequest {
    /// History before this revision is discarded.
    pub revision: i64,
    /// Respond only after the space has been freed in the database too.
    #[serde(default)]
    pub physical: bool,
}

/// Response of `POST /cluster/compact`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CompactResponse {
    /// etcd's response header.
    pub header: Header,
    /// The oldest remaining revision.
    pub compacted_revision: i64,
}

/// Response of `POST /cluster/compact?dry_run`: what the compaction would remove.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct CompactPreview {
    /// etcd's response header; `revision` is the newest revision.
    pub header: Header,
    /// The oldest revision that can be read now: 1 if nothing was compacted yet.
    pub oldest_revision: i64,
    /// The oldest revision that could be read afterwards.
    pub oldest_kept: i64,
    /// How many revisions could no longer be read, watched or restored: those from `oldest_revision` to
    /// `oldest_kept` − 1. Keys keep the value that they have at `oldest_kept`.
    pub removed: i64,
}

/// Body of `POST /cluster/defragment`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DefragmentRequest {
    /// The members to defragment; by default every voting member, each of which must be reachable.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members: Option<Vec<MemberId>>,
}

/// Response of `POST /cluster/defragment`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DefragmentResponse {
    /// etcd's response header.
    pub header: Header,
    /// Whether every requested member was defragmented.
    pub complete: bool,
    /// The members in the order in which they were defragmented, the leader last.
    pub members: Vec<Defragmented>,
}

/// The result of one member's defragmentation.
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
    /// Why it failed, that it was not started because another failed, or that it is a learner and was
    /// skipped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A line of `POST /cluster/defragment` with `Accept: application/x-ndjson`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DefragmentLine {
    /// The first line: the members in the expected order; the leader, if it is among them, is last.
    Members(Vec<ListedMember>),
    /// A member's defragmentation begins: it serves no other request until it ends.
    Started(MemberId),
    /// A member's defragmentation ended.
    Finished(Defragmented),
    /// The last line: the response of the request without progress.
    End(DefragmentResponse),
    /// The last line if no member was defragmented.
    Error(Box<Problem>),
}

/// The state of a snapshot's download.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SnapshotState {
    /// It is being sent.
    Running,
    /// All of it was sent, and its SHA-256 was correct.
    Complete,
    /// It ended early, or its SHA-256 was wrong: the file is not usable.
    Failed,
    /// The client ended the download early.
    Cancelled,
}

/// Response of `GET /cluster/snapshot/{id}`: a download that was started with `?id=`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct SnapshotProgress {
    /// The id that the download was started with.
    pub id: String,
    /// The member that it is from.
    pub member: MemberId,
    /// The store's revision just before the snapshot.
    pub revision: i64,
    /// The state.
    pub state: SnapshotState,
    /// Bytes passed on to the client's connection.
    pub sent: u64,
    /// Bytes of the whole file.
    pub length: u64,
    /// The SHA-256 that etcd sent and the gateway verified, in hexadecimal; only once it is verified. It
    /// is of the database, which is the file without its last 32 bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// Body of `POST /cluster/move-leader`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct MoveLeaderRequest {
    /// The member to become leader.
    pub member_id: MemberId,
}

/// Response of `POST /cluster/move-leader`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct MoveLeaderResponse {
    /// etcd's response header.
    pub header: Header,
    /// The member that leads now.
    pub leader: MemberId,
}

/// The action of a downgrade request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum DowngradeAction {
    /// Check whether the cluster can be downgraded to the version; changes nothing.
    Validate,
    /// Start the downgrade: the members can then be replaced one by one.
    Enable,
    /// Cancel the downgrade.
    Cancel,
}

/// Body of `POST /cluster/downgrade`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct DowngradeRequest {
    /// What to do.
    pub action: DowngradeAction,
    /// The target version, such as `3.6`; not with `cancel`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

/// Response of `POST /cluster/downgrade`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct DowngradeResponse {
    /// etcd's response header.
    pub header: Header,
    /// The version that the cluster has now.
    pub version: String,
}

/// Response of `GET /cluster/hash`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct HashResponse {
    /// etcd's response header.
    pub header: Header,
    /// The revision that every voting member hashed up to.
    pub revision: i64,
    /// The verdict on the hashes.
    pub verdict: HashVerdict,
    /// The members whose data differs from the majority's; all compared members if there is no
    /// majority.
    pub differ: Vec<MemberId>,
    /// The members' hashes, by id.
    pub members: Vec<MemberHash>,
    /// Warnings about what could not be compared, with stable codes.
    pub warnings: Vec<Warning>,
}

/// The verdict on the hashes of several members.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum HashVerdict {
    /// Every voting member responded, and all hashes are equal.
    Same,
    /// Members with the same history have different hashes.
    Different,
    /// Some did not respond or have another compact revision; the rest are equal.
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
    /// The hash; comparable only if `compact_revision` is equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash: Option<u32>,
    /// The compact revision: history before it was discarded; −1 means none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub compact_revision: Option<i64>,
    /// The revision hashed up to, as the member reports it (etcd 3.6 and later).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hash_revision: Option<i64>,
    /// Why the hash is missing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}
