//! `/leases`: granted, listed, looked at, renewed once, revoked.

use axum::body::Bytes;
use axum::response::Response;
use http::StatusCode;
use shared::{GrantRequest, LeaseAnswer, LeaseId, LeaseList, Problem};

use super::body;
use super::call::Call;
use super::reply::answer;
use crate::failure::{Failure, Result};
use crate::service::lease::LeasePage;

const ROUTE: &str = "/leases";
/// Leases on a page at most: each is a question to etcd.
const PAGE_AT_MOST: i64 = 1_000;

fn lease_id(call: &Call) -> Result<LeaseId> {
    let id = call.segment(ROUTE)?.parse::<LeaseId>();
    id.map_err(|error| Failure::bad_request(error.to_string()))
}

/// Grant a lease.
///
/// `ttl` of the answer is what etcd granted: at least 2 by default. It runs out up to a second later.
#[utoipa::path(
    operation_id = "grant_lease",
    post, path = "/leases", tag = "leases",
    request_body(content = GrantRequest),
    responses(
        (status = 201, body = LeaseAnswer), (status = 409, body = Problem),
        (status = 422, description = "etcd refuses the TTL", body = Problem),
    )
)]
pub async fn grant(mut call: Call, bytes: Bytes) -> Result<Response> {
    call.writable()?;
    std::mem::take(&mut call.query).finish()?;
    let request: GrantRequest = body::json(&call.headers, &bytes)?;
    let lease = call.cluster.leases.grant(&call.caller(), request).await?;
    Ok(answer(StatusCode::CREATED, lease.header.revision, &lease))
}

/// List leases by id, without their keys.
#[utoipa::path(
    operation_id = "list_leases",
    get, path = "/leases", tag = "leases",
    params(
        ("limit" = Option<i64>, Query, description = "Leases on a page; default 100, at most 1,000"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("timeout" = Option<String>, Query, description = "500ms, 5s, 2m; default 10s"),
    ),
    responses((status = 200, body = LeaseList), (status = 403, body = Problem))
)]
pub async fn list(mut call: Call) -> Result<Response> {
    let page = LeasePage {
        limit: call
            .query
            .number("limit", 1..=PAGE_AT_MOST)?
            .map(|limit| limit as usize),
        cursor: call.query.text("cursor")?,
    };
    std::mem::take(&mut call.query).finish()?;
    let leases = call.cluster.leases.list(&call.caller(), page).await?;
    Ok(answer(StatusCode::OK, leases.header.revision, &leases))
}

/// A lease with the keys attached to it.
#[utoipa::path(
    operation_id = "get_lease",
    get, path = "/leases/{id}", tag = "leases",
    params(("id" = LeaseId, Path, description = "Hexadecimal, or `dec:` and decimal")),
    responses((status = 200, body = LeaseAnswer), (status = 404, body = Problem))
)]
pub async fn one(mut call: Call) -> Result<Response> {
    let id = lease_id(&call)?;
    std::mem::take(&mut call.query).finish()?;
    let lease = call.cluster.leases.one(&call.caller(), id).await?;
    Ok(answer(StatusCode::OK, lease.header.revision, &lease))
}

/// Renew a lease once.
#[utoipa::path(
    operation_id = "keep_lease_alive",
    post, path = "/leases/{id}/keepalive", tag = "leases",
    params(("id" = LeaseId, Path, description = "Hexadecimal, or `dec:` and decimal")),
    responses((status = 200, body = LeaseAnswer), (status = 404, body = Problem))
)]
pub async fn keep_alive(mut call: Call, bytes: Bytes) -> Result<Response> {
    call.writable()?;
    let id = lease_id(&call)?;
    std::mem::take(&mut call.query).finish()?;
    body::nothing(&call.headers, &bytes)?;
    let lease = call.cluster.leases.keep_alive(&call.caller(), id).await?;
    Ok(answer(StatusCode::OK, lease.header.revision, &lease))
}

/// Revoke a lease: its keys go with it.
#[utoipa::path(
    operation_id = "revoke_lease",
    delete, path = "/leases/{id}", tag = "leases",
    params(
        ("id" = LeaseId, Path, description = "Hexadecimal, or `dec:` and decimal"),
        ("dry_run" = Option<bool>, Query, description = "Only show the keys that would die"),
    ),
    responses((status = 200, body = LeaseAnswer), (status = 404, body = Problem))
)]
pub async fn revoke(mut call: Call) -> Result<Response> {
    let id = lease_id(&call)?;
    let dry_run = call.query.flag("dry_run")?;
    if !dry_run {
        call.writable()?;
    }
    std::mem::take(&mut call.query).finish()?;
    let lease = call
        .cluster
        .leases
        .revoke(&call.caller(), id, dry_run)
        .await?;
    Ok(answer(StatusCode::OK, lease.header.revision, &lease))
}
