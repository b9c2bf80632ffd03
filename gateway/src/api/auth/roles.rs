//! `/auth/roles`: list, get, add, delete; permissions.

use axum::response::Response;
use http::StatusCode;
use serde::{Deserialize, Serialize};
use shared::{Access, Done, Problem, RangeSpec, RoleAddRequest, RoleList, RoleResponse};

use super::{ChangeReply, DryRunParams, RolePath, respond_done, respond_loss};
use crate::api::call::Call;
use crate::api::params::RangeParams;
use crate::api::response::respond;
use crate::api::{body, range};
use crate::etcd::Range;
use crate::failure::Result;

const ROUTE: &str = "/auth/roles";

/// Body of `POST /auth/roles/{role}/permissions`: a kind of access and a range.
#[derive(Debug, Deserialize, Serialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GrantBody {
    access: Access,
    key: Option<shared::Bytes>,
    prefix: Option<shared::Bytes>,
    start: Option<shared::Bytes>,
    end: Option<shared::Bytes>,
    from: Option<shared::Bytes>,
}

/// The names of all roles.
#[utoipa::path(
    operation_id = "list_roles",
    get, path = "/auth/roles", tag = "access",
    responses((status = 200, body = RoleList))
)]
pub async fn list(mut call: Call) -> Result<Response> {
    call.finish_query()?;
    let roles = call.cluster.access.roles(&call.caller()).await?;
    Ok(respond(StatusCode::OK, roles.header.revision, &roles))
}

/// A role with its permissions.
#[utoipa::path(
    operation_id = "get_role",
    get, path = "/auth/roles/{role}", tag = "access",
    params(RolePath),
    responses((status = 200, body = RoleResponse))
)]
pub async fn get(mut call: Call) -> Result<Response> {
    let name = call.segment(ROUTE)?;
    call.finish_query()?;
    let role = call.cluster.access.role(&call.caller(), name).await?;
    Ok(respond(StatusCode::OK, role.header.revision, &role))
}

/// Add a role without permissions.
#[utoipa::path(
    operation_id = "add_role",
    post, path = "/auth/roles", tag = "access",
    request_body(content = RoleAddRequest, example = json!({"name": "jobs"})),
    responses(
        (status = 201, body = RoleResponse),
        (status = 409, description = "The role exists already", body = Problem),
    )
)]
pub async fn add(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    call.finish_query()?;
    let request: RoleAddRequest = body::json(&call.headers, &bytes)?;
    let caller = call.caller();
    let role = call.cluster.access.add_role(&caller, request.name).await?;
    Ok(respond(StatusCode::CREATED, role.header.revision, &role))
}

/// Delete a role, also from its users.
///
/// With `dry_run` nothing is changed: the response has its users, each with the ranges that it would lose (a read-only
/// gateway allows it).
#[utoipa::path(
    operation_id = "delete_role",
    delete, path = "/auth/roles/{role}", tag = "access",
    params(RolePath, DryRunParams),
    responses(
        (status = 200, body = ChangeReply),
        (status = 409, description = "`root` cannot be deleted while authentication is enabled", body = Problem),
    )
)]
pub async fn delete(mut call: Call) -> Result<Response> {
    let name = call.segment(ROUTE)?;
    let dry_run = call.query.flag("dry_run")?;
    call.finish_query()?;
    if dry_run {
        let (caller, access) = (call.caller(), &call.cluster.access);
        return Ok(respond_loss(
            &access.delete_role_preview(&caller, &name).await?,
        ));
    }
    call.ensure_writable()?;
    let deleted = call.cluster.access.delete_role(&call.caller(), &name).await;
    Ok(respond_done(deleted?))
}

/// Grant a permission to a role.
///
/// `read`, `write` or `readwrite` for a `key`, a `prefix` (empty means all keys), the range from `start` to `end`, or
/// all keys `from` a key on. An existing permission for exactly this range is replaced.
#[utoipa::path(
    operation_id = "grant_permission",
    post, path = "/auth/roles/{role}/permissions", tag = "access",
    params(RolePath),
    request_body(content = GrantBody, example = json!({"access": "readwrite", "prefix": "/jobs/"})),
    responses((status = 200, body = Done))
)]
pub async fn grant(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    let role = call.segment(ROUTE)?;
    call.finish_query()?;
    let body: GrantBody = body::json(&call.headers, &bytes)?;
    let keys = Range::try_from(RangeSpec {
        key: body.key,
        prefix: body.prefix,
        start: body.start,
        end: body.end,
        from: body.from,
    })?;
    let (caller, access) = (call.caller(), &call.cluster.access);
    let granted = access.grant_permission(&caller, &role, body.access, keys);
    Ok(respond_done(granted.await?))
}

/// Revoke a role's permission for exactly this range.
///
/// With `dry_run` nothing is changed: the response has the role's users, each with the ranges that it would lose (a
/// read-only gateway allows it).
#[utoipa::path(
    operation_id = "revoke_permission",
    delete, path = "/auth/roles/{role}/permissions", tag = "access",
    params(
        RolePath,
        ("key" = Option<String>, Query, description = "This key alone"),
        RangeParams, DryRunParams,
    ),
    responses(
        (status = 200, body = ChangeReply),
        (status = 422, description = "The role has no permission for this range", body = Problem),
    )
)]
pub async fn revoke(mut call: Call) -> Result<Response> {
    let role = call.segment(ROUTE)?;
    let dry_run = call.query.flag("dry_run")?;
    let keys = range::from_query(&mut call.query, true)?.ok_or_else(Range::required)?;
    call.finish_query()?;
    let caller = call.caller();
    if dry_run {
        let access = &call.cluster.access;
        let loss = access.revoke_permission_preview(&caller, &role, &keys);
        return Ok(respond_loss(&loss.await?));
    }
    call.ensure_writable()?;
    let revoked = call.cluster.access.revoke_permission(&caller, &role, keys);
    Ok(respond_done(revoked.await?))
}
