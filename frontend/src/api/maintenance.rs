//! Members and maintenance of the cluster.

use shared::{
    AlarmKind, AlarmRequest, AlarmsResponse, CompactPreview, CompactRequest, CompactResponse,
    DefragmentLine, DefragmentRequest, DisarmResponse, DowngradeAction, DowngradeRequest,
    DowngradeResponse, HashResponse, MemberAddRequest, MemberId, MemberUpdateRequest,
    MembersResponse, MoveLeaderRequest, MoveLeaderResponse, SnapshotProgress,
};

use super::base::api_url;
use super::{ApiError, Call, Method};

/// Adds a member, which must then be started.
pub(crate) async fn add_member(
    peer_urls: Vec<String>,
    learner: bool,
) -> Result<MembersResponse, ApiError> {
    let request = MemberAddRequest { peer_urls, learner };
    Call::new(Method::Post, "cluster/members")
        .json(&request)
        .send()
        .await
}

/// Removes a member permanently.
pub(crate) async fn remove_member(id: MemberId) -> Result<MembersResponse, ApiError> {
    Call::new(Method::Delete, &format!("cluster/members/{id}"))
        .send()
        .await
}

/// Replaces the URLs at which the other members reach a member.
pub(crate) async fn update_member(
    id: MemberId,
    peer_urls: Vec<String>,
) -> Result<MembersResponse, ApiError> {
    Call::new(Method::Put, &format!("cluster/members/{id}"))
        .json(&MemberUpdateRequest { peer_urls })
        .send()
        .await
}

/// Gives a learner a vote.
pub(crate) async fn promote_member(id: MemberId) -> Result<MembersResponse, ApiError> {
    Call::new(Method::Post, &format!("cluster/members/{id}/promote"))
        .send()
        .await
}

/// Transfers the leadership to a member.
pub(crate) async fn move_leader(member_id: MemberId) -> Result<MoveLeaderResponse, ApiError> {
    Call::new(Method::Post, "cluster/move-leader")
        .json(&MoveLeaderRequest { member_id })
        .send()
        .await
}

/// Raises an alarm for a member.
pub(crate) async fn raise_alarm(
    member_id: MemberId,
    alarm: AlarmKind,
) -> Result<AlarmsResponse, ApiError> {
    Call::new(Method::Post, "cluster/alarms")
        .json(&AlarmRequest { member_id, alarm })
        .send()
        .await
}

/// Disarms one alarm of one member.
pub(crate) async fn disarm(member: MemberId, alarm: &str) -> Result<DisarmResponse, ApiError> {
    let path = format!("cluster/alarms?member={member}&alarm={alarm}");
    Call::new(Method::Delete, &path).send().await
}

/// Which revisions a compaction would remove.
pub(crate) async fn compact_preview(revision: i64) -> Result<CompactPreview, ApiError> {
    let physical = false;
    Call::new(Method::Post, "cluster/compact?dry_run")
        .json(&CompactRequest { revision, physical })
        .send()
        .await
}

/// Discards the history before a revision.
pub(crate) async fn compact(revision: i64, physical: bool) -> Result<CompactResponse, ApiError> {
    Call::new(Method::Post, "cluster/compact")
        .json(&CompactRequest { revision, physical })
        .send()
        .await
}

/// Defragments members one at a time, by default all that vote. Dropping the future starts no further member.
pub(crate) async fn defragment(
    members: Option<Vec<MemberId>>,
    on_line: impl FnMut(DefragmentLine),
) -> Result<(), ApiError> {
    Call::new(Method::Post, "cluster/defragment")
        .header("Accept", "application/x-ndjson")
        .json(&DefragmentRequest { members })
        .lines(on_line)
        .await
}

/// Validates, enables or cancels a downgrade.
pub(crate) async fn downgrade(
    action: DowngradeAction,
    version: Option<String>,
) -> Result<DowngradeResponse, ApiError> {
    Call::new(Method::Post, "cluster/downgrade")
        .json(&DowngradeRequest { action, version })
        .send()
        .await
}

/// Compares the data of all voting members.
pub(crate) async fn compare_hashes() -> Result<HashResponse, ApiError> {
    Call::new(Method::Get, "cluster/hash").send().await
}

/// The URL of a snapshot as a browser's download; `id` identifies the download.
pub(crate) fn snapshot_url(member: Option<MemberId>, id: &str) -> String {
    let member = member.map_or_else(String::new, |member| format!("&member={member}"));
    api_url(&format!("cluster/snapshot?id={id}{member}"))
}

/// How a snapshot's download goes.
pub(crate) async fn snapshot_progress(id: &str) -> Result<SnapshotProgress, ApiError> {
    Call::new(Method::Get, &format!("cluster/snapshot/{id}"))
        .send()
        .await
}
