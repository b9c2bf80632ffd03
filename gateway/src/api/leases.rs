//! `/leases`: granted, listed, looked at, renewed once, revoked, held.

use axum::response::Response;
use http::StatusCode;
use shared::{
    GrantRequest, HoldRequest, LeaseAnswer, LeaseId, LeaseList, OnClose, Problem, ServerMessage,
};

use super::call::Call;
use super::params::{CursorParams, TtlParams};
use super::query::Query;
use super::response::respond;
use super::{body, hold};
use crate::failure::{Failure, Result};
use crate::live::stream::Transport;
use crate::service::lease::{LeaseKeys, LeasePage};

const ROUTE: &str = "/leases";
/// Leases on a page at most: each is a question to etcd.
const PAGE_AT_MOST: i64 = 1_000;

/// Keys of a lease on a page at most.
const KEYS_AT_MOST: i64 = 10_000;

/// A lease in the path.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Path)]
pub struct LeasePath {
    /// The lease's id: hexadecimal, or `dec:` and decimal
    pub id: LeaseId,
}

/// What happens to a held lease when the client disconnects.
#[derive(Debug, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
pub struct OnCloseParams {
    /// `orphan` (default): the lease runs until its TTL ends; `revoke`: it is revoked
    pub on_close: Option<String>,
}

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
    responses((status = 201, body = LeaseAnswer))
)]
pub async fn grant(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    call.finish_query()?;
    let request: GrantRequest = body::json(&call.headers, &bytes)?;
    let lease = call.cluster.leases.grant(&call.caller(), request).await?;
    Ok(respond(StatusCode::CREATED, lease.header.revision, &lease))
}

/// List leases by id, without their keys.
///
/// etcd lists all leases or none: an account that may not see one of them gets those of the keys it may
/// read, with `partial`.
#[utoipa::path(
    operation_id = "list_leases",
    get, path = "/leases", tag = "leases",
    params(
        ("limit" = Option<i64>, Query, description = "Leases on a page; default 100, at most 1,000"),
        CursorParams,
    ),
    responses((status = 200, body = LeaseList))
)]
pub async fn list(mut call: Call) -> Result<Response> {
    let page = LeasePage {
        limit: call
            .query
            .number("limit", 1..=PAGE_AT_MOST)?
            .map(|limit| limit as usize),
        cursor: call.query.text("cursor")?,
    };
    call.finish_query()?;
    let leases = call.cluster.leases.list(&call.caller(), page).await?;
    Ok(respond(StatusCode::OK, leases.header.revision, &leases))
}

/// A lease with the keys attached to it: all of them, unless `keys` asks for less.
///
/// To follow the time to live alone, ask with `keys=none`: etcd then makes no list of the keys. All keys, and a
/// page of them, are 403 where the account may not read every key of the lease.
#[utoipa::path(
    operation_id = "get_lease",
    get, path = "/leases/{id}", tag = "leases",
    params(
        LeasePath,
        ("keys" = Option<String>, Query, example = "count", description = "none; count: `key_count` alone, absent where the account \
            may not read all keys; page: `limit` keys in byte order, and `key_count`. All keys without it"),
        ("limit" = Option<i64>, Query, description = "With `keys=page`: keys on a page; default 1,000, at most 10,000"),
        ("cursor" = Option<String>, Query, description = "With `keys=page`: `next` of the page before"),
    ),
    responses((status = 200, body = LeaseAnswer))
)]
pub async fn one(mut call: Call) -> Result<Response> {
    let id = lease_id(&call)?;
    let keys = lease_keys(&mut call.query)?;
    call.finish_query()?;
    let lease = call.cluster.leases.one(&call.caller(), id, keys).await?;
    Ok(respond(StatusCode::OK, lease.header.revision, &lease))
}

fn lease_keys(query: &mut Query) -> Result<LeaseKeys> {
    let keys = query.text("keys")?;
    let limit = query.number("limit", 1..=KEYS_AT_MOST)?;
    let cursor = query.text("cursor")?;
    // As in other listings the cursor stands for what was asked.
    if keys.as_deref() == Some("page") || (keys.is_none() && cursor.is_some()) {
        let limit = limit.map(|limit| limit as usize);
        return Ok(LeaseKeys::Page { limit, cursor });
    }
    if limit.is_some() || cursor.is_some() {
        return Err(Failure::bad_request(
            "`limit` and `cursor` are for `keys=page`",
        ));
    }
    match keys.as_deref() {
        None => Ok(LeaseKeys::All),
        Some("none") => Ok(LeaseKeys::None),
        Some("count") => Ok(LeaseKeys::Count),
        Some(other) => Err(Failure::bad_request(format!(
            "unknown `keys` value `{other}`; one of none, count, page"
        ))),
    }
}

/// Renew a lease once.
#[utoipa::path(
    operation_id = "keep_lease_alive",
    post, path = "/leases/{id}/keepalive", tag = "leases",
    params(LeasePath),
    responses((status = 200, body = LeaseAnswer))
)]
pub async fn keep_alive(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    let id = lease_id(&call)?;
    call.finish_query()?;
    body::empty(&call.headers, &bytes)?;
    let lease = call.cluster.leases.keep_alive(&call.caller(), id).await?;
    Ok(respond(StatusCode::OK, lease.header.revision, &lease))
}

/// Revoke a lease: its keys go with it.
#[utoipa::path(
    operation_id = "revoke_lease",
    delete, path = "/leases/{id}", tag = "leases",
    params(
        LeasePath,
        ("dry_run" = Option<bool>, Query, description = "Only show the keys that would die"),
    ),
    responses((status = 200, body = LeaseAnswer))
)]
pub async fn revoke(mut call: Call) -> Result<Response> {
    let id = lease_id(&call)?;
    let dry_run = call.query.flag("dry_run")?;
    if !dry_run {
        call.ensure_writable()?;
    }
    call.finish_query()?;
    let lease = call
        .cluster
        .leases
        .revoke(&call.caller(), id, dry_run)
        .await?;
    Ok(respond(StatusCode::OK, lease.header.revision, &lease))
}

/// Keep a lease alive for as long as this stream is open (etcd's KeepAlive).
///
/// `granted`, then `renewed` each third of its TTL, then `lost` and the end. When the client goes, the
/// lease is left to its TTL, or revoked with `on_close=revoke`.
#[utoipa::path(
    operation_id = "hold_lease",
    post, path = "/leases/{id}/hold", tag = "leases",
    params(LeasePath, OnCloseParams),
    responses(
        (status = 200, description = "Messages, one per event or line", content(
            (ServerMessage = "application/x-ndjson"),
            (ServerMessage = "text/event-stream"),
        )),
    )
)]
pub async fn hold(mut call: Call, transport: Transport, bytes: body::Buffered) -> Result<Response> {
    let on_close = on_close(&mut call.query)?;
    call.finish_query()?;
    body::empty(&call.headers, &bytes)?;
    start_hold(call, transport, on_close).await
}

/// Like POST, over a WebSocket: by its pings the gateway notices even behind a proxy that the client is disconnected.
#[utoipa::path(
    operation_id = "hold_lease_socket",
    get, path = "/leases/{id}/hold", tag = "leases",
    params(LeasePath, OnCloseParams),
    responses(
        (status = 101, description = "A WebSocket; each message is one of these", body = ServerMessage),
        (status = 405, description = "The request is no WebSocket upgrade", body = Problem),
    )
)]
pub async fn hold_socket(mut call: Call, transport: Transport) -> Result<Response> {
    hold::require_websocket(&transport)?;
    let on_close = on_close(&mut call.query)?;
    call.finish_query()?;
    start_hold(call, transport, on_close).await
}

async fn start_hold(
    call: Call,
    transport: Transport,
    on_close: Option<OnClose>,
) -> Result<Response> {
    call.ensure_writable()?;
    let id = lease_id(&call)?;
    call.streaming_caller()?;
    let on_close = on_close.unwrap_or(OnClose::Orphan);
    let held = call
        .cluster
        .leases
        .hold(&call.caller(), id, on_close)
        .await?;
    Ok(hold::respond(&call, transport, held))
}

/// A session: a lease that lives as long as this stream is open.
///
/// Grants one, or takes up `lease`. `granted`, then `renewed` each third of its TTL, then `lost` and
/// the end. When the client goes, the lease is revoked, or left to its TTL with `"on_close":"orphan"`.
#[utoipa::path(
    operation_id = "hold_session",
    post, path = "/leases/hold", tag = "leases",
    request_body(content = HoldRequest, example = json!({"ttl": 30})),
    responses(
        (status = 200, description = "Messages, one per event or line", content(
            (ServerMessage = "application/x-ndjson"),
            (ServerMessage = "text/event-stream"),
        )),
        (status = 422, description = "No such lease", body = Problem),
    )
)]
pub async fn session(
    mut call: Call,
    transport: Transport,
    bytes: body::Buffered,
) -> Result<Response> {
    call.finish_query()?;
    let request: HoldRequest = body::json(&call.headers, &bytes)?;
    start_session(call, transport, request).await
}

/// As the POST, as a WebSocket.
#[utoipa::path(
    operation_id = "hold_session_socket",
    get, path = "/leases/hold", tag = "leases",
    params(
        TtlParams,
        ("lease" = Option<LeaseId>, Query, description = "A lease to take up instead"),
        ("on_close" = Option<String>, Query, description = "revoke or orphan; default revoke"),
    ),
    responses(
        (status = 101, description = "A WebSocket; each message is one of these", body = ServerMessage),
        (status = 405, description = "The request is no WebSocket upgrade", body = Problem),
        (status = 422, description = "No such lease", body = Problem),
    )
)]
pub async fn session_socket(mut call: Call, transport: Transport) -> Result<Response> {
    hold::require_websocket(&transport)?;
    let request = HoldRequest {
        ttl: call.query.number("ttl", i64::MIN..=i64::MAX)?,
        lease: call.query.parsed("lease")?,
        on_close: on_close(&mut call.query)?,
    };
    call.finish_query()?;
    start_session(call, transport, request).await
}

async fn start_session(call: Call, transport: Transport, request: HoldRequest) -> Result<Response> {
    call.ensure_writable()?;
    call.streaming_caller()?;
    let held = call.cluster.leases.session(&call.caller(), request).await?;
    Ok(hold::respond(&call, transport, held))
}

fn on_close(query: &mut Query) -> Result<Option<OnClose>> {
    match query.text("on_close")?.as_deref() {
        None => Ok(None),
        Some("orphan") => Ok(Some(OnClose::Orphan)),
        Some("revoke") => Ok(Some(OnClose::Revoke)),
        Some(_) => Err(Failure::bad_request("`on_close` is `orphan` or `revoke`")),
    }
}
