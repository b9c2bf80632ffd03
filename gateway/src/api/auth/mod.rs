//! `/auth`: enabling and disabling etcd's authentication. Users and roles are in the modules below.

pub mod roles;
pub mod users;

use axum::response::Response;
use http::StatusCode;
use shared::{AuthCheckResponse, AuthResponse, Done, LossResponse, Problem, SelfResponse};

use super::body;
use super::call::Call;
use super::response::respond;
use crate::failure::Result;

/// A user in the path.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct UserPath {
    /// The user's name, percent-encoded
    pub user: String,
}

/// A role in the path.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct RolePath {
    /// The role's name, percent-encoded
    pub role: String,
}

/// A change that can be tried first.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct DryRunParams {
    /// Change nothing; return what would be lost
    pub dry_run: Option<bool>,
}

/// The two forms of the response to enabling or disabling authentication.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the response in the OpenAPI document")]
enum AuthReply {
    /// With `?dry_run`.
    Checks(AuthCheckResponse),
    /// It was done.
    Done(AuthResponse),
}

/// The two forms of the response to a change that takes something from users.
#[derive(Debug, serde::Serialize, utoipa::ToSchema)]
#[serde(untagged)]
#[expect(dead_code, reason = "describes the response in the OpenAPI document")]
enum ChangeReply {
    /// With `?dry_run`.
    Loss(LossResponse),
    /// It was done.
    Done(Done),
}

fn respond_loss(loss: &LossResponse) -> Response {
    respond(StatusCode::OK, loss.header.revision, loss)
}

fn respond_done(done: Done) -> Response {
    respond(StatusCode::OK, done.header.revision, &done)
}

/// Whether authentication is enabled.
#[utoipa::path(
    operation_id = "get_auth_status",
    get, path = "/auth/status", tag = "access",
    responses((status = 200, body = AuthResponse))
)]
pub async fn status(mut call: Call) -> Result<Response> {
    call.finish_query()?;
    let status = call.cluster.access.status(&call.caller()).await?;
    Ok(respond(StatusCode::OK, status.header.revision, &status))
}

/// The caller's name, and the ranges that the caller may read and write.
///
/// Every caller may get this, about itself only: the user who signed in, or the gateway's own account for a
/// request without credentials. If a list or a tree of all keys is 403, `read` has the ranges to request
/// instead. For a caller with a token neither the name nor the ranges are known, since a token does not
/// name its user.
#[utoipa::path(
    operation_id = "get_self",
    get, path = "/auth/self", tag = "access",
    responses((status = 200, body = SelfResponse))
)]
pub async fn get_self(mut call: Call) -> Result<Response> {
    call.finish_query()?;
    let caller = call.cluster.access.own_reach(&call.caller()).await?;
    Ok(respond(StatusCode::OK, caller.header.revision, &caller))
}

/// Enable authentication.
///
/// Requires a user `root` with the role `root` (409 otherwise). From then on callers without an account are refused,
/// and so is this gateway: give it an account first. Enabling it again succeeds.
///
/// With `dry_run` nothing is changed: the response has the checks that keep one from locking oneself out. A failed one means
/// that etcd would refuse, a warning that somebody would be locked out.
#[utoipa::path(
    operation_id = "enable_auth",
    post, path = "/auth/enable", tag = "access",
    params(("dry_run" = Option<bool>, Query, description = "Change nothing; return the checks")),
    responses(
        (status = 200, body = AuthReply),
        (status = 415, body = Problem),
    )
)]
pub async fn enable(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    let dry_run = call.query.flag("dry_run")?;
    call.finish_query()?;
    body::empty(&call.headers, &bytes)?;
    if dry_run {
        let checks = call.cluster.access.enable_preview(&call.caller()).await?;
        return Ok(respond(StatusCode::OK, checks.header.revision, &checks));
    }
    call.ensure_writable()?;
    let status = call.cluster.access.enable(&call.caller()).await?;
    Ok(respond(StatusCode::OK, status.header.revision, &status))
}

/// Disable authentication: from then on every caller may do everything.
///
/// With `dry_run` nothing is changed: the response has the checks, such as whether this gateway would still serve anybody.
#[utoipa::path(
    operation_id = "disable_auth",
    post, path = "/auth/disable", tag = "access",
    params(("dry_run" = Option<bool>, Query, description = "Change nothing; return the checks")),
    responses(
        (status = 200, body = AuthReply), (status = 415, body = Problem),
    )
)]
pub async fn disable(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    let dry_run = call.query.flag("dry_run")?;
    call.finish_query()?;
    body::empty(&call.headers, &bytes)?;
    if dry_run {
        let sign_in_required = call.cluster.sign_in.is_required(&call.app.config);
        let (caller, access) = (call.caller(), &call.cluster.access);
        let checks = access.disable_preview(&caller, sign_in_required).await?;
        return Ok(respond(StatusCode::OK, checks.header.revision, &checks));
    }
    call.ensure_writable()?;
    let status = call.cluster.access.disable(&call.caller()).await?;
    Ok(respond(StatusCode::OK, status.header.revision, &status))
}
