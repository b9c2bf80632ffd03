//! `/cluster/compact`, `/cluster/defragment`, `/cluster/move-leader`, `/cluster/downgrade`,
//! `/cluster/hash`.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use futures_util::stream;
use http::{HeaderValue, StatusCode, header};
use shared::{
    CompactPreview, CompactRequest, CompactResponse, DefragmentLine, DefragmentRequest,
    DefragmentResponse, DowngradeRequest, DowngradeResponse, HashResponse, MoveLeaderRequest,
    MoveLeaderResponse, Problem,
};

use crate::api::body;
use crate::api::call::Call;
use crate::api::kv::ndjson::line;
use crate::api::response::respond;
use crate::failure::Result;
use crate::service::cluster::Progress;
use crate::web::problem::problem;

/// The time limit of a defragmentation without `?timeout=`.
const DEFRAGMENT_TIMEOUT: Duration = Duration::from_mins(10);

/// Discard the history before a revision.
///
/// First send `?dry_run`, which reports the revisions that it would remove and changes nothing. It fails as the
/// compaction would; a read-only gateway allows it.
#[utoipa::path(
    operation_id = "compact",
    post, path = "/cluster/compact", tag = "cluster",
    params(("dry_run" = Option<bool>, Query, description = "Change nothing; report what would be removed")),
    request_body(content = CompactRequest, example = json!({"revision": 1041, "physical": true})),
    responses(
        (status = 200, description = "Without `dry_run`: `compacted_revision`. With it: `oldest_revision`, `oldest_kept` and `removed`",
            body = CompactReply),
        (status = 410, description = "The revision was compacted already", body = Problem),
        (status = 416, description = "The revision does not exist yet", body = Problem),
    )
)]
pub async fn compact(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    let dry_run = call.query.flag("dry_run")?;
    if !dry_run {
        call.ensure_writable()?;
    }
    call.finish_query()?;
    let request: CompactRequest = body::json(&call.headers, &bytes)?;
    if dry_run {
        let caller = call.caller();
        let preview = call.cluster.info.compact_preview(&caller, request).await?;
        return Ok(respond(StatusCode::OK, preview.header.revision, &preview));
    }
    let response = call.cluster.info.compact(&call.caller(), request).await?;
    Ok(respond(StatusCode::OK, response.header.revision, &response))
}

/// The two forms of the response to a compaction.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the response in the OpenAPI document")]
enum CompactReply {
    /// The history was discarded.
    Done(CompactResponse),
    /// With `?dry_run`.
    Preview(CompactPreview),
}

/// Return the space of deleted data to the file system.
///
/// One member at a time, the leader last, stopping at the first failure: a member serves no other request
/// meanwhile. Without `members` every voting member must be reachable (409 or 503), since the loss of
/// another one could cost the majority. Learners, which etcd does not defragment, are then skipped:
/// each is listed after the others with this reason as its `error`, and does not affect `complete`.
///
/// With `Accept: application/x-ndjson` the response is a stream that reports each member when it is started and
/// finished, and ends with `{"end":…}`, which is the response of the other form, or with `{"error":…}` if no member was
/// defragmented. If the client disconnects, the member in progress is finished and no other one is started.
#[utoipa::path(
    operation_id = "defragment",
    post, path = "/cluster/defragment", tag = "cluster",
    params(("timeout" = Option<String>, Query, description = "Time limit of the call: 500ms, 5s, 2m; default and maximum 10m")),
    request_body(content = DefragmentRequest, example = json!({"members": ["8e9e05c52164694d"]})),
    responses(
        (status = 200, description = "`complete` says whether all members were defragmented",
            content((DefragmentResponse = "application/json"), (DefragmentLine = "application/x-ndjson"))),
        (status = 422, description = "No such member", body = Problem),
        (status = 501, description = "`members` names learners only", body = Problem),
    )
)]
pub async fn defragment(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    call.finish_query()?;
    let request: DefragmentRequest = body::json(&call.headers, &bytes)?;
    let caller = call.caller_with_limit(DEFRAGMENT_TIMEOUT);
    let info = &call.cluster.info;
    if call.accepts("application/x-ndjson") {
        let progress = info.defragment_with_progress(&caller, request.members);
        return Ok(progress_lines(progress.await?, call.request_id));
    }
    let response = info.defragment(&caller, request.members).await?;
    Ok(respond(StatusCode::OK, response.header.revision, &response))
}

fn progress_lines(progress: Progress, request_id: String) -> Response {
    let lines = stream::unfold(progress, move |mut progress| {
        let request_id = request_id.clone();
        async move {
            let bytes = line(&match progress.next().await? {
                Ok(line) => line,
                Err(failure) => DefragmentLine::Error(Box::new(problem(&failure, &request_id))),
            });
            Some((Ok::<_, Infallible>(bytes), progress))
        }
    });
    let mut response = Response::new(Body::from_stream(lines));
    let headers = response.headers_mut();
    let ndjson = HeaderValue::from_static("application/x-ndjson");
    headers.insert(header::CONTENT_TYPE, ndjson);
    headers.insert(header::VARY, HeaderValue::from_static("Accept"));
    response
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
