//! `/locks`: list, get, acquire, hold, release.

use std::time::Duration;

use axum::response::Response;
use http::StatusCode;
use shared::{
    Acquired, LeaseId, LockHoldRequest, LockList, LockRequest, LockResponse, Problem, Released,
    ServerMessage,
};

use super::call::Call;
use super::params::{CursorParams, NameParams, QueueTimeoutParams, TtlParams};
use super::response::respond;
use super::{body, claim, hold};
use crate::failure::{Failure, Result};
use crate::live::stream::{self, Transport};
use crate::service::lock::{Release, Which};
use crate::service::lock_index::{Filter, LockPage};

const ROUTE: &str = "/locks";
/// The most locks on a page.
const MAX_PAGE: i64 = 1_000;

/// All locks, detected automatically.
///
/// With `live` a stream: `lock` for each existing lock and then for each that changes, with `holder` null once it no
/// longer exists; `locks_progress` after all existing locks were sent and then at least every ten seconds.
#[utoipa::path(
    operation_id = "list_locks",
    get, path = "/locks", tag = "locks",
    params(
        ("prefix" = Option<String>, Query, description = "Only names with this prefix"),
        ("limit" = Option<i64>, Query, description = "Locks per page, 1 to 1,000; default 100"),
        CursorParams,
        ("live" = Option<bool>, Query, description = "Return a stream instead of a page"),
    ),
    responses(
        (status = 200, content(
            (LockList = "application/json"),
            (ServerMessage = "application/x-ndjson"),
            (ServerMessage = "text/event-stream"),
        )),
    )
)]
pub async fn list(mut call: Call, transport: Transport) -> Result<Response> {
    let prefix = call.query.bytes("prefix")?;
    if call.query.flag("live")? {
        let filter = Filter::Prefix(prefix.unwrap_or_default());
        return follow(call, transport, filter).await;
    }
    let page = LockPage {
        limit: call
            .query
            .number("limit", 1..=MAX_PAGE)?
            .map(|limit| limit as usize),
        cursor: call.query.text("cursor")?,
        prefix,
    };
    if page.cursor.is_some() && page.prefix.is_some() {
        return Err(Failure::bad_request(
            "a cursor contains the prefix: only `limit` may be given with it",
        ));
    }
    call.finish_query()?;
    let locks = call.cluster.locks.list(&call.caller(), page).await?;
    Ok(respond(StatusCode::OK, locks.header.revision, &locks))
}

async fn follow(mut call: Call, transport: Transport, filter: Filter) -> Result<Response> {
    let caller = call.streaming_caller()?;
    call.finish_query()?;
    let mut locks = call.cluster.locks.follow(&caller, filter).await?;
    Ok(stream::respond(
        &call.app.tasks,
        transport,
        move |out, ops| {
            // This stream takes no operations.
            drop(ops);
            async move {
                while let Some(message) = locks.next().await {
                    if out.send(&message).await.is_err() {
                        return;
                    }
                }
            }
        },
    ))
}

/// A lock with its holder and its waiters. With `live` a stream of its states, which stays open while it has no holder.
#[utoipa::path(
    operation_id = "get_lock",
    get, path = "/locks/{name}", tag = "locks",
    params(
        NameParams,
        ("live" = Option<bool>, Query, description = "Return a stream, which stays open while the lock has no holder"),
    ),
    responses(
        (status = 200, content(
            (LockResponse = "application/json"),
            (ServerMessage = "application/x-ndjson"),
            (ServerMessage = "text/event-stream"),
        )),
    )
)]
pub async fn get(mut call: Call, transport: Transport) -> Result<Response> {
    let name = call.name(ROUTE)?;
    if call.query.flag("live")? {
        return follow(call, transport, Filter::Name(name)).await;
    }
    call.finish_query()?;
    let lock = call.cluster.locks.get(&call.caller(), &name).await?;
    Ok(respond(StatusCode::OK, lock.header.revision, &lock))
}

/// Acquire a lock.
///
/// The queue is etcd's own, shared with `concurrency.Mutex` and `etcdctl lock`. From the response on the client must
/// renew the lease. If it disconnects before the response was sent, it holds nothing.
#[utoipa::path(
    operation_id = "acquire_lock",
    post, path = "/locks/{name}", tag = "locks",
    params(NameParams, QueueTimeoutParams),
    request_body(content = LockRequest),
    responses(
        (status = 201, description = "Acquired", body = Acquired),
        (status = 200, description = "The lease already held it", body = Acquired),
        (status = 410, description = "The lease ended while waiting", body = Problem),
        (status = 423, description = "Not acquired in time; `lock` has the queue", body = Problem),
    )
)]
pub async fn acquire(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    let name = call.name(ROUTE)?;
    call.finish_query()?;
    let request: LockRequest = body::json(&call.headers, &bytes)?;
    let caller = call.queueing_caller(Duration::from_secs(request.wait.min(3_600)));
    let acquired = call.cluster.locks.acquire(&caller, name, request).await?;
    let status = if acquired.held_before {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let response = respond(
        status,
        acquired.response.header.revision,
        &acquired.response,
    );
    Ok(claim::keep_when_sent(
        response,
        acquired.claim,
        call.flushes,
    ))
}

/// Hold a lock for as long as this stream is open.
///
/// Joins the queue, sends `acquired` once acquired, then `renewed` after each third of the TTL, and
/// `lost` when the lease ends or the lock is released. When the client disconnects, the lock or the
/// place in the queue is released: `curl -N -X POST` holds a lock for as long as curl runs.
#[utoipa::path(
    operation_id = "hold_lock",
    post, path = "/locks/{name}/hold", tag = "locks",
    params(NameParams),
    request_body(content = LockHoldRequest, example = json!({"ttl": 30, "holder": "api-7"})),
    responses(
        (status = 200, description = "Messages, one per event or line", content(
            (ServerMessage = "application/x-ndjson"),
            (ServerMessage = "text/event-stream"),
        )),
    )
)]
pub async fn hold(mut call: Call, transport: Transport, bytes: body::Buffered) -> Result<Response> {
    let name = call.name(ROUTE)?;
    call.finish_query()?;
    let request: LockHoldRequest = body::json(&call.headers, &bytes)?;
    start_hold(call, transport, name, request).await
}

/// Like POST, over a WebSocket: its pings detect a disconnected client even through a proxy.
#[utoipa::path(
    operation_id = "hold_lock_socket",
    get, path = "/locks/{name}/hold", tag = "locks",
    params(
        NameParams,
        TtlParams,
        ("holder" = Option<String>, Query, description = "The holder's name, shown to others"),
    ),
    responses(
        (status = 101, description = "A WebSocket; each message is one of these", body = ServerMessage),
        (status = 405, description = "Not a WebSocket upgrade", body = Problem),
    )
)]
pub async fn hold_socket(mut call: Call, transport: Transport) -> Result<Response> {
    hold::require_websocket(&transport)?;
    let name = call.name(ROUTE)?;
    let request = LockHoldRequest {
        ttl: call.query.number("ttl", i64::MIN..=i64::MAX)?,
        holder: call.query.text("holder")?,
    };
    call.finish_query()?;
    start_hold(call, transport, name, request).await
}

async fn start_hold(
    call: Call,
    transport: Transport,
    name: Vec<u8>,
    request: LockHoldRequest,
) -> Result<Response> {
    call.ensure_writable()?;
    call.streaming_caller()?;
    let held = call
        .cluster
        .locks
        .hold(&call.caller(), name, request)
        .await?;
    Ok(hold::respond(&call, transport, held))
}

/// Release one claim of a lock: the holder's or a waiter's.
#[utoipa::path(
    operation_id = "release_lock",
    delete, path = "/locks/{name}", tag = "locks",
    params(
        NameParams,
        ("lease" = Option<LeaseId>, Query, description = "The claim of this lease"),
        ("fencing_token" = Option<i64>, Query, description = "The claim with this token"),
        ("revoke" = Option<bool>, Query, description = "Revoke the claim's lease afterwards"),
        ("dry_run" = Option<bool>, Query, description = "Change nothing; return what would be deleted"),
    ),
    responses(
        (status = 200, body = Released),
        (status = 412, description = "No such claim in the queue", body = Problem),
    )
)]
pub async fn release(mut call: Call) -> Result<Response> {
    let name = call.name(ROUTE)?;
    let lease = call.query.parsed::<LeaseId>("lease")?;
    let token = call.query.revision("fencing_token")?;
    let release = Release {
        which: match (lease, token) {
            (Some(lease), None) => Which::Lease(lease),
            (None, Some(token)) => Which::Token(token),
            _ => {
                return Err(Failure::bad_request(
                    "exactly one of `lease`, `fencing_token` is required",
                ));
            }
        },
        revoke: call.query.flag("revoke")?,
        dry_run: call.query.flag("dry_run")?,
    };
    if !release.dry_run {
        call.ensure_writable()?;
    }
    call.finish_query()?;
    let released = call
        .cluster
        .locks
        .release(&call.caller(), name, release)
        .await?;
    Ok(respond(StatusCode::OK, released.header.revision, &released))
}
