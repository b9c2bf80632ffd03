//! `/cluster/compact`, `/cluster/defragment`, `/cluster/move-leader`, `/cluster/downgrade`,
//! `/cluster/hash`.

use std::time::Duration;

use axum::response::Response;
use http::StatusCode;
use shared::{
    CompactRequest, CompactResponse, DefragmentRequest, DefragmentResponse, DowngradeRequest,
    DowngradeResponse, HashResponse, MoveLeaderRequest, MoveLeaderResponse, Problem,
};

use crate::api::body;
use crate::api::call::Call;
use crate::api::response::respond;
use crate::failure::Result;

/// The time limit of a defragmentation without `?timeout=`.
const DEFRAGMENT_TIMEOUT: Duration = Duration::from_mins(10);

/// Discard the history before a revision.
#[utoipa::path(
    operation_id = "compact",
    post, path = "/cluster/compact", tag = "cluster",
    request_body(content = CompactRequest, example = json!({"revision": 1041, "physical": true})),
    responses(
        (status = 200, body = CompactResponse),
        (status = 410, description = "The revision was compacted already", body = Problem),
        (status = 416, description = "The revision does not exist yet", body = Problem),
    )
)]
pub async fn compact(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    call.finish_query()?;
    let request: CompactRequest = body::json(&call.headers, &bytes)?;
    let response = call.cluster.info.compact(&call.caller(), request).await?;
    Ok(respond(StatusCode::OK, response.header.revision, &response))
}

/// Return the space of deleted data to the file system.
///
/// One member at a time, the leader last, stopping at the first failure: a member serves no other request
/// meanwhile. Without `members` every voting member must be reachable (409 or 503), since the loss of
/// another one could cost the majority. Learners, which etcd does not defragment, are then skipped:
/// each is listed after the others with this reason as its `error`, and does not affect `complete`.
#[utoipa::path(
    operation_id = "defragment",
    post, path = "/cluster/defragment", tag = "cluster",
    params(("timeout" = Option<String>, Query, description = "Time limit of the call: 500ms, 5s, 2m; default and maximum 10m")),
    request_body(content = DefragmentRequest, example = json!({"members": ["8e9e05c52164694d"]})),
    responses(
        (status = 200, description = "`complete` says whether all members were defragmented", body = DefragmentResponse),
        (status = 422, description = "No such member", body = Problem),
        (status = 501, description = "`members` names learners only", body = Problem),
    )
)]
pub async fn defragment(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    call.finish_query()?;
    let request: DefragmentRequest = body::json(&call.headers, &bytes)?;
    let caller = call.caller_with_limit(DEFRAGMENT_TIMEOUT);
    let response = call.cluster.info.defragment(&caller, request.members);
    let response = response.await?;
    Ok(respond(StatusCode::OK, response.header.revision, &response))
}

/// Transfer the leadership to a member.
#[utoipa::path(
    operation_id = "move_leader",
    post, path = "/cluster/move-leader", tag = "cluster",
    request_body(content = MoveLeaderRequest, example = json!({"member_id": "8e9e05c52164694d"})),
    responses(
        (status = 200, body = MoveLeaderResponse),
        (status = 409, description = "A learner cannot lead", body = Problem),
        (status = 422, description = "No such member", body = Problem),
    )
)]
pub async fn move_leader(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    call.finish_query()?;
    let request: MoveLeaderRequest = body::json(&call.headers, &bytes)?;
    let caller = call.caller();
    let moved = call.cluster.info.move_leader(&caller, request.member_id);
    let moved = moved.await?;
    Ok(respond(StatusCode::OK, moved.header.revision, &moved))
}

/// Validate, enable or cancel a downgrade to the previous minor version.
///
/// `validate` changes nothing. After `enable` the members can be replaced by the older version, one by one.
#[utoipa::path(
    operation_id = "downgrade",
    post, path = "/cluster/downgrade", tag = "cluster",
    request_body(content = DowngradeRequest, example = json!({"action": "validate", "version": "3.6"})),
    responses(
        (status = 200, body = DowngradeResponse),
        (status = 400, description = "etcd cannot be downgraded to this version", body = Problem),
        (status = 409, description = "A downgrade is in progress already, or there is none to cancel", body = Problem),
        (status = 501, description = "Not supported by etcd before 3.5", body = Problem),
    )
)]
pub async fn downgrade(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    call.finish_query()?;
    let request: DowngradeRequest = body::json(&call.headers, &bytes)?;
    let response = call.cluster.info.downgrade(&call.caller(), request).await?;
    Ok(respond(StatusCode::OK, response.header.revision, &response))
}

/// Compare the data of all voting members.
///
/// Each member hashes its keys with their history up to one revision. Hashes are comparable if the
/// same history was compacted before; `differ` has the members whose data differs from the majority's.
/// Learners, whose data etcd does not hash, are excluded from the verdict, with the warning
/// `learner_left_out`.
#[utoipa::path(
    operation_id = "get_hash",
    get, path = "/cluster/hash", tag = "cluster",
    params(
        ("revision" = Option<i64>, Query, description = "Hash up to this revision; default the newest that all members have"),
    ),
    responses(
        (status = 200, body = HashResponse),
        (status = 410, body = Problem), (status = 416, body = Problem),
    )
)]
pub async fn hash(mut call: Call) -> Result<Response> {
    let revision = call.query.revision("revision")?;
    call.finish_query()?;
    let hash = call.cluster.info.hash(&call.caller(), revision).await?;
    Ok(respond(StatusCode::OK, hash.header.revision, &hash))
}
