//! `/auth/users`: list, get, add, delete; passwords, roles and the keys within a user's reach.

use axum::response::Response;
use http::StatusCode;
use shared::{
    Done, PasswordRequest, Problem, ReachResponse, UserAddRequest, UserList, UserResponse,
};

use super::{ChangeReply, DryRunParams, RolePath, UserPath, respond_done, respond_loss};
use crate::api::call::Call;
use crate::api::params::RangeParams;
use crate::api::response::respond;
use crate::api::{body, range};
use crate::failure::Result;

const ROUTE: &str = "/auth/users";

/// The names of all users.
#[utoipa::path(
    operation_id = "list_users",
    get, path = "/auth/users", tag = "access",
    responses((status = 200, body = UserList))
)]
pub async fn list(mut call: Call) -> Result<Response> {
    call.finish_query()?;
    let users = call.cluster.access.users(&call.caller()).await?;
    Ok(respond(StatusCode::OK, users.header.revision, &users))
}

/// A user with its roles.
#[utoipa::path(
    operation_id = "get_user",
    get, path = "/auth/users/{user}", tag = "access",
    params(UserPath),
    responses((status = 200, body = UserResponse))
)]
pub async fn get(mut call: Call) -> Result<Response> {
    let name = call.segment(ROUTE)?;
    call.finish_query()?;
    let user = call.cluster.access.user(&call.caller(), name).await?;
    Ok(respond(StatusCode::OK, user.header.revision, &user))
}

/// Add a user.
///
/// With a password, or with `no_password` for a user who can only be authenticated by a client certificate.
#[utoipa::path(
    operation_id = "add_user",
    post, path = "/auth/users", tag = "access",
    request_body(content = UserAddRequest, example = json!({"name": "ci", "password": "…"})),
    responses(
        (status = 201, body = UserResponse),
        (status = 409, description = "The user exists already", body = Problem),
    )
)]
pub async fn add(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    call.finish_query()?;
    let request: UserAddRequest = body::json(&call.headers, &bytes)?;
    let user = call
        .cluster
        .access
        .add_user(&call.caller(), request)
        .await?;
    Ok(respond(StatusCode::CREATED, user.header.revision, &user))
}

/// Set a user's password.
///
/// Tokens that were issued for the old password become invalid.
#[utoipa::path(
    operation_id = "set_password",
    put, path = "/auth/users/{user}/password", tag = "access",
    params(UserPath),
    request_body(content = PasswordRequest, example = json!({"password": "…"})),
    responses((status = 200, body = Done))
)]
pub async fn set_password(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    let name = call.segment(ROUTE)?;
    call.finish_query()?;
    let request: PasswordRequest = body::json(&call.headers, &bytes)?;
    let caller = call.caller();
    let changed = call.cluster.access.set_password(&caller, &name, request);
    Ok(respond_done(changed.await?))
}

/// Delete a user.
///
/// With `dry_run` nothing is changed: the response has what the user would lose (a read-only gateway allows it).
#[utoipa::path(
    operation_id = "delete_user",
    delete, path = "/auth/users/{user}", tag = "access",
    params(UserPath, DryRunParams),
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
            &access.delete_user_preview(&caller, &name).await?,
        ));
    }
    call.ensure_writable()?;
    let deleted = call.cluster.access.delete_user(&call.caller(), &name).await;
    Ok(respond_done(deleted?))
}

/// Grant a role to a user. Granting it again succeeds.
#[utoipa::path(
    operation_id = "grant_role",
    put, path = "/auth/users/{user}/roles/{role}", tag = "access",
    params(UserPath, RolePath),
    responses(
        (status = 200, body = Done),
        (status = 404, description = "`user_not_found` or `role_not_found`", body = Problem),
        (status = 415, body = Problem),
    )
)]
pub async fn grant(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    let (user, role) = (call.segment(ROUTE)?, call.segment_at(ROUTE, 2)?);
    call.finish_query()?;
    body::empty(&call.headers, &bytes)?;
    let caller = call.caller();
    let granted = call.cluster.access.grant_role(&caller, &user, &role);
    Ok(respond_done(granted.await?))
}

/// Revoke a role from a user.
///
/// With `dry_run` nothing is changed: the response has what the user would lose (a read-only gateway allows it).
#[utoipa::path(
    operation_id = "revoke_role",
    delete, path = "/auth/users/{user}/roles/{role}", tag = "access",
    params(UserPath, RolePath, DryRunParams),
    responses(
        (status = 200, body = ChangeReply),
        (status = 404, description = "`user_not_found`, or `role_not_found` if the user does not have the role", body = Problem),
        (status = 409, description = "`root` keeps its role while authentication is enabled", body = Problem),
    )
)]
pub async fn revoke(mut call: Call) -> Result<Response> {
    let (user, role) = (call.segment(ROUTE)?, call.segment_at(ROUTE, 2)?);
    let dry_run = call.query.flag("dry_run")?;
    call.finish_query()?;
    let caller = call.caller();
    if dry_run {
        let access = &call.cluster.access;
        let loss = access.revoke_role_preview(&caller, &user, &role).await?;
        return Ok(respond_loss(&loss));
    }
    call.ensure_writable()?;
    let revoked = call.cluster.access.revoke_role(&caller, &user, &role);
    Ok(respond_done(revoked.await?))
}

/// The ranges that a user may read and write: the union of its roles.
///
/// Adjacent ranges are merged. The result is what the roles allow, whether or not authentication is enabled. With a
/// `key` or a range, `answer` says whether the user may read and write that: `all` of it, `part` or `nothing`, and by which
/// roles' permissions.
#[utoipa::path(
    operation_id = "get_reach",
    get, path = "/auth/users/{user}/reach", tag = "access",
    params(
        UserPath,
        ("key" = Option<String>, Query, description = "Answer for this key"),
        RangeParams,
    ),
    responses((status = 200, body = ReachResponse))
)]
pub async fn reach(mut call: Call) -> Result<Response> {
    let name = call.segment(ROUTE)?;
    let range = range::from_query(&mut call.query, true)?;
    call.finish_query()?;
    let (caller, access) = (call.caller(), &call.cluster.access);
    let reach = access.reach(&caller, name, range).await?;
    Ok(respond(StatusCode::OK, reach.header.revision, &reach))
}
