//! `/leases`: grant, list, get, keep alive, revoke, hold.

use axum::response::Response;
use http::StatusCode;
use shared::{
    GrantRequest, HoldRequest, LeaseId, LeaseList, LeaseOp, LeaseResponse, OnClose, Problem,
    ServerMessage,
};

use super::call::Call;
use super::params::{CursorParams, TtlParams};
use super::query::Query;
use super::response::respond;
use super::{body, hold};
use crate::failure::{Failure, Result};
use crate::live::stream::{self, Transport};
use crate::service::lease::{LeaseKeys, LeasePage};

const ROUTE: &str = "/leases";
/// The most leases on a page: each costs etcd a request.
const MAX_PAGE: i64 = 1_000;
/// The most keys of a lease on a page.
const MAX_KEYS: i64 = 10_000;

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
/// `ttl` in the response is what etcd granted: at least 2 by default. The lease ends up to a second after its TTL.
#[utoipa::path(
    operation_id = "grant_lease",
    post, path = "/leases", tag = "leases",
    request_body(content = GrantRequest),
    responses((status = 201, body = LeaseResponse))
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
/// etcd lists all leases or none. An account that may not see all of them gets the leases of the keys that it may
/// read, with `partial`.
///
/// With `live` a stream: `leases` for all leases and then for each that changes or ends, and `leases_progress` after
/// all were sent, when it changes, and at least every ten seconds. A client counts the TTLs down. On a WebSocket,
/// `{"op":"visible","ids":[…]}` names the leases that it shows: their TTLs are read often, those of the rest rarely.
#[utoipa::path(
    operation_id = "list_leases",
    get, path = "/leases", tag = "leases",
    params(
        ("limit" = Option<i64>, Query, description = "Leases per page, 1 to 1,000; default 100"),
        CursorParams,
        ("keys" = Option<String>, Query, example = "count", description = "`none` (default), or `count`: include `key_count`, which is \
            absent for a lease with keys that the account may not read. etcd then lists all keys of the page's leases"),
        ("live" = Option<bool>, Query, description = "Return a stream instead of a page"),
        ("visible" = Option<String>, Query, description = "With `live`: the leases that the client shows, comma-separated, at most 256"),
    ),
    responses(
        (status = 200, content(
            (LeaseList = "application/json"),
            (ServerMessage = "application/x-ndjson"),
            (ServerMessage = "text/event-stream"),
        )),
    )
)]
pub async fn list(mut call: Call, transport: Transport) -> Result<Response> {
    if call.query.flag("live")? {
        return follow(call, transport).await;
    }
    let page = LeasePage {
        limit: call
            .query
            .number("limit", 1..=MAX_PAGE)?
            .map(|limit| limit as usize),
        cursor: call.query.text("cursor")?,
        key_counts: match call.query.text("keys")?.as_deref() {
            None | Some("none") => false,
            Some("count") => true,
            Some(other) => {
                let detail = format!("unknown `keys` value `{other}`; one of none, count");
                return Err(Failure::bad_request(detail));
            }
        },
    };
    call.finish_query()?;
    let leases = call.cluster.leases.list(&call.caller(), page).await?;
    Ok(respond(StatusCode::OK, leases.header.revision, &leases))
}

async fn follow(mut call: Call, transport: Transport) -> Result<Response> {
    let visible = visible(&mut call.query)?;
    let caller = call.streaming_caller()?;
    call.finish_query()?;
    let mut leases = call.cluster.lease_board.follow(&caller, visible).await?;
    Ok(stream::respond(
        &call.app.tasks,
        transport,
        move |out, mut ops| async move {
            let mut accepts_ops = true;
            loop {
                let message = tokio::select! {
                    message = leases.next() => match message {
                        Some(message) => message,
                        None => return,
                    },
                    op = ops.next(), if accepts_ops => match op.as_deref().map(lease_op) {
                        None => {
                            accepts_ops = false;
                            continue;
                        }
                        Some(op) => match op.and_then(|LeaseOp::Visible { ids }| leases.show(&ids)) {
                            Ok(()) => continue,
                            Err(failure) => ServerMessage::Error {
                                id: None,
                                code: failure.code,
                                detail: failure.detail,
                            },
                        },
                    },
                };
                if out.send(&message).await.is_err() {
                    return;
                }
            }
        },
    ))
}

fn visible(query: &mut Query) -> Result<Vec<LeaseId>> {
    let ids = query.text("visible")?.unwrap_or_default();
    let ids = ids.split(',').filter(|id| !id.is_empty());
    ids.map(|id| {
        id.parse::<LeaseId>()
            .map_err(|error| Failure::bad_request(format!("`visible`: {error}")))
    })
    .collect()
}

fn lease_op(text: &str) -> Result<LeaseOp> {
    let op = serde_json::from_str(text);
    op.map_err(|error| Failure::bad_request(format!("invalid operation: {error}")))
}

/// A lease with the keys attached to it: all of them, unless `keys` requests less.
///
/// To poll the TTL alone, use `keys=none`: etcd then lists no keys. All keys, or a page of them, are 403 if the
/// account may not read every key of the lease.
#[utoipa::path(
    operation_id = "get_lease",
    get, path = "/leases/{id}", tag = "leases",
    params(
        LeasePath,
        ("keys" = Option<String>, Query, example = "count", description = "`none`; `count`: `key_count` alone, absent if the account \
            may not read all keys; `page`: `limit` keys in byte order, and `key_count`. Default: all keys"),
        ("limit" = Option<i64>, Query, description = "With `keys=page`: keys per page, 1 to 10,000; default 1,000"),
        ("cursor" = Option<String>, Query, description = "With `keys=page`: `next` of the previous page"),
    ),
    responses((status = 200, body = LeaseResponse))
)]
pub async fn get(mut call: Call) -> Result<Response> {
    let id = lease_id(&call)?;
    let keys = lease_keys(&mut call.query)?;
    call.finish_query()?;
    let lease = call.cluster.leases.get(&call.caller(), id, keys).await?;
    Ok(respond(StatusCode::OK, lease.header.revision, &lease))
}

fn lease_keys(query: &mut Query) -> Result<LeaseKeys> {
    let keys = query.text("keys")?;
    let limit = query.number("limit", 1..=MAX_KEYS)?;
    let cursor = query.text("cursor")?;
    // As in other listings, the cursor contains the query.
    if keys.as_deref() == Some("page") || (keys.is_none() && cursor.is_some()) {
        let limit = limit.map(|limit| limit as usize);
        return Ok(LeaseKeys::Page { limit, cursor });
    }
    if limit.is_some() || cursor.is_some() {
        return Err(Failure::bad_request(
            "`limit` and `cursor` require `keys=page`",
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
    responses((status = 200, body = LeaseResponse))
)]
pub async fn keep_alive(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    let id = lease_id(&call)?;
    call.finish_query()?;
    body::empty(&call.headers, &bytes)?;
    let lease = call.cluster.leases.keep_alive(&call.caller(), id).await?;
    Ok(respond(StatusCode::OK, lease.header.revision, &lease))
}

/// Revoke a lease, which deletes its keys.
#[utoipa::path(
    operation_id = "revoke_lease",
    delete, path = "/leases/{id}", tag = "leases",
    params(
        LeasePath,
        ("dry_run" = Option<bool>, Query, description = "Change nothing; return the keys that would be deleted"),
    ),
    responses((status = 200, body = LeaseResponse))
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
/// Sends `granted`, then `renewed` after each third of the TTL, and `lost` at the end. When the client disconnects,
/// the lease runs until its TTL ends, or is revoked with `on_close=revoke`.
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

/// Like POST, over a WebSocket: its pings detect a disconnected client even through a proxy.
#[utoipa::path(
    operation_id = "hold_lease_socket",
    get, path = "/leases/{id}/hold", tag = "leases",
    params(LeasePath, OnCloseParams),
    responses(
        (status = 101, description = "A WebSocket; each message is one of these", body = ServerMessage),
        (status = 405, description = "Not a WebSocket upgrade", body = Problem),
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

/// A session: a lease that is kept alive while this stream is open.
///
/// Grants a lease, or uses the existing `lease`. Sends `granted`, then `renewed` after each third of the TTL, and
/// `lost` at the end. When the client disconnects, the lease is revoked, or with `"on_close":"orphan"` runs until its
/// TTL ends.
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

/// Like POST, over a WebSocket.
#[utoipa::path(
    operation_id = "hold_session_socket",
    get, path = "/leases/hold", tag = "leases",
    params(
        TtlParams,
        ("lease" = Option<LeaseId>, Query, description = "Use this existing lease instead of granting one"),
        ("on_close" = Option<String>, Query, description = "`revoke` (default) or `orphan`"),
    ),
    responses(
        (status = 101, description = "A WebSocket; each message is one of these", body = ServerMessage),
        (status = 405, description = "Not a WebSocket upgrade", body = Problem),
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
        Some(other) => Err(Failure::bad_request(format!(
            "unknown `on_close` value `{other}`; one of orphan, revoke"
        ))),
    }
}
