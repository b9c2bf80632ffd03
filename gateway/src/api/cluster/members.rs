//! `/cluster/members`: list, add, remove, update, promote.

use axum::response::Response;
use http::StatusCode;
use shared::{MemberAddRequest, MemberId, MemberUpdateRequest, MembersResponse, Problem};

use crate::api::body;
use crate::api::call::Call;
use crate::api::response::respond;
use crate::failure::{Failure, Result};

const ROUTE: &str = "/cluster/members";

/// A member in the path.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct MemberPath {
    /// The member's id: hexadecimal, or `dec:` and decimal
    pub id: MemberId,
}

fn member_id(call: &Call) -> Result<MemberId> {
    let id = call.segment(ROUTE)?.parse::<MemberId>();
    id.map_err(|error| Failure::bad_request(error.to_string()))
}

fn members(status: StatusCode, members: MembersResponse) -> Response {
    respond(status, members.header.revision, &members)
}

/// The members as the cluster lists them, without contacting each.
///
/// A majority confirms the list; without a majority, use `serializable`.
#[utoipa::path(
    operation_id = "list_members",
    get, path = "/cluster/members", tag = "cluster",
    params(
        ("serializable" = Option<bool>, Query, description = "Read one member's list: possibly stale"),
    ),
    responses((status = 200, body = MembersResponse))
)]
pub async fn list(mut call: Call) -> Result<Response> {
    let serializable = call.query.flag("serializable")?;
    call.finish_query()?;
    let (caller, info) = (call.caller(), &call.cluster.info);
    let listed = info.members(&caller, serializable).await?;
    Ok(members(StatusCode::OK, listed))
}

/// Add a member, which must then be started.
///
/// A learner has no vote until it is promoted, so that it cannot cost the cluster its majority. etcd
/// refuses (409) while its members cannot reach each other, or while a member added before is not started.
#[utoipa::path(
    operation_id = "add_member",
    post, path = "/cluster/members", tag = "cluster",
    request_body(content = MemberAddRequest, example = json!({"peer_urls": ["http://10.0.0.8:2380"], "learner": true})),
    responses(
        (status = 201, description = "`member` is the new member", body = MembersResponse),
        (status = 400, description = "No peer URL, or one that etcd refuses", body = Problem),
        (status = 409, description = "The URL belongs to a member already, or the cluster is unhealthy", body = Problem),
    )
)]
pub async fn add(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    call.finish_query()?;
    let request: MemberAddRequest = body::json(&call.headers, &bytes)?;
    let added = call.cluster.info.add_member(&call.caller(), request).await;
    Ok(members(StatusCode::CREATED, added?))
}

/// Remove a member permanently.
#[utoipa::path(
    operation_id = "remove_member",
    delete, path = "/cluster/members/{id}", tag = "cluster",
    params(MemberPath),
    responses(
        (status = 200, description = "The remaining members", body = MembersResponse),
        (status = 409, description = "Too few members would remain", body = Problem),
    )
)]
pub async fn remove(mut call: Call) -> Result<Response> {
    call.ensure_writable()?;
    let id = member_id(&call)?;
    call.finish_query()?;
    let removed = call.cluster.info.remove_member(&call.caller(), id).await;
    Ok(members(StatusCode::OK, removed?))
}

/// Set a member's peer URLs.
#[utoipa::path(
    operation_id = "update_member",
    put, path = "/cluster/members/{id}", tag = "cluster",
    params(MemberPath),
    request_body(content = MemberUpdateRequest, example = json!({"peer_urls": ["http://10.0.0.9:2380"]})),
    responses(
        (status = 200, body = MembersResponse),
        (status = 409, description = "The URL belongs to another member", body = Problem),
    )
)]
pub async fn update(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    let id = member_id(&call)?;
    call.finish_query()?;
    let request: MemberUpdateRequest = body::json(&call.headers, &bytes)?;
    let (caller, info) = (call.caller(), &call.cluster.info);
    let updated = info.update_member(&caller, id, request.peer_urls);
    Ok(members(StatusCode::OK, updated.await?))
}

/// Promote a learner to a voting member.
///
/// Refused (409) until it has caught up with the leader.
#[utoipa::path(
    operation_id = "promote_member",
    post, path = "/cluster/members/{id}/promote", tag = "cluster",
    params(MemberPath),
    responses(
        (status = 200, body = MembersResponse),
        (status = 409, description = "Not a learner, or it has not caught up yet", body = Problem),
        (status = 415, body = Problem),
    )
)]
pub async fn promote(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    let id = member_id(&call)?;
    call.finish_query()?;
    body::empty(&call.headers, &bytes)?;
    let promoted = call.cluster.info.promote_member(&call.caller(), id).await;
    Ok(members(StatusCode::OK, promoted?))
}
