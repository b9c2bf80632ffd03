//! `/locks`: found, acquired, held, released.

use std::time::Duration;

use axum::response::Response;
use http::StatusCode;
use shared::{
    Acquired, LeaseId, LockAnswer, LockHoldRequest, LockList, LockRequest, Problem, Released,
    ServerMessage,
};

use super::call::Call;
use super::reply::answer;
use super::{body, holds, standing};
use crate::failure::{Failure, Result};
use crate::live::stream::{self, Transport};
use crate::service::lock::{Release, Which};
use crate::service::lock_index::{Filter, LockPage};

const ROUTE: &str = "/locks";
/// Locks on a page at most.
const PAGE_AT_MOST: i64 = 1_000;

/// All locks, found by themselves.
///
/// With `live` a stream: `lock` for each lock there is and then for each that changes, with `holder`
/// null when it is gone; `locks_progress` once all are said and then at least every ten seconds.
#[utoipa::path(
    operation_id = "list_locks",
    get, path = "/locks", tag = "locks",
    params(
        ("prefix" = Option<String>, Query, description = "Names that begin so"),
        ("limit" = Option<i64>, Query, description = "Locks on a page; default 100, at most 1,000"),
        ("cursor" = Option<String>, Query, description = "`next` of the page before"),
        ("live" = Option<bool>, Query, description = "A stream instead of a page"),
    ),
    responses(
        (status = 200, content(
            (LockList = "application/json"),
            (ServerMessage = "application/x-ndjson"),
            (ServerMessage = "text/event-stream"),
        )),
        (status = 403, body = Problem),
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
            .number("limit", 1..=PAGE_AT_MOST)?
            .map(|limit| limit as usize),
        cursor: call.query.text("cursor")?,
        prefix,
    };
    if page.cursor.is_some() && page.prefix.is_some() {
        return Err(Failure::bad_request(
            "a cursor carries the prefix: only `limit` goes with it",
        ));
    }
    std::mem::take(&mut call.query).finish()?;
    let locks = call.cluster.locks.list(&call.caller(), page).await?;
    Ok(answer(StatusCode::OK, locks.header.revision, &locks))
}

async fn follow(mut call: Call, transport: Transport, filter: Filter) -> Result<Response> {
    let caller = call.streaming_caller()?;
    std::mem::take(&mut call.query).finish()?;
    let mut locks = call.cluster.locks.follow(&caller, filter).await?;
    Ok(stream::respond(
        &call.app.tasks,
        transport,
        move |out, ops| {
            // Nothing can be said on this stream.
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

/// One lock: who holds it, who waits. With `live` a stream of its states, also when nobody holds it.
#[utoipa::path(
    operation_id = "get_lock",
    get, path = "/locks/{name}", tag = "locks",
    params(
        ("name" = String, Path, description = "One percent-encoded segment, or - with ?name="),
        ("name" = Option<String>, Query, description = "The name, where the path has -"),
        ("live" = Option<bool>, Query, description = "A stream; stays open when nobody holds it"),
    ),
    responses(
        (status = 200, content(
            (LockAnswer = "application/json"),
            (ServerMessage = "application/x-ndjson"),
            (ServerMessage = "text/event-stream"),
        )),
        (status = 404, body = Problem),
    )
)]
pub async fn one(mut call: Call, transport: Transport) -> Result<Response> {
    let name = call.name(ROUTE)?;
    if call.query.flag("live")? {
        return follow(call, transport, Filter::Name(name)).await;
    }
    std::mem::take(&mut call.query).finish()?;
    let lock = call.cluster.locks.one(&call.caller(), &name).await?;
    Ok(answer(StatusCode::OK, lock.header.revision, &lock))
}

/// Acquire a lock.
///
/// The queue is etcd's own: `concurrency.Mutex` and `etcdctl lock` stand in it too. Renew the lease
/// yourself from the answer on. A client that is gone before the whole answer was written holds
/// nothing.
#[utoipa::path(
    operation_id = "acquire_lock",
    post, path = "/locks/{name}", tag = "locks",
    params(
        ("name" = String, Path, description = "One percent-encoded segment, or - with ?name="),
        ("name" = Option<String>, Query, description = "The name, where the path has -"),
        ("timeout" = Option<String>, Query, description = "Of etcd's answers; at least wait + 5s"),
    ),
    request_body(content = LockRequest),
    responses(
        (status = 201, description = "Acquired", body = Acquired),
        (status = 200, description = "That lease held it already", body = Acquired),
        (status = 410, description = "The lease ended while waiting", body = Problem),
        (status = 423, description = "Not got in time; `lock` says who is before", body = Problem),
    )
)]
pub async fn acquire(mut call: Call, bytes: body::Whole) -> Result<Response> {
    call.writable()?;
    let name = call.name(ROUTE)?;
    std::mem::take(&mut call.query).finish()?;
    let request: LockRequest = body::json(&call.headers, &bytes)?;
    let caller = call.waiting_caller(Duration::from_secs(request.wait.min(3_600)));
    let acquired = call.cluster.locks.acquire(&caller, name, request).await?;
    let status = if acquired.held_before {
        StatusCode::OK
    } else {
        StatusCode::CREATED
    };
    let response = answer(
        status,
        acquired.response.header.revision,
        &acquired.response,
    );
    Ok(standing::kept_when_written(
        response,
        acquired.claim,
        call.flushes,
    ))
}

/// Hold a lock for as long as this stream is open.
///
/// Stands in the queue, says `acquired` once it is its turn, then `renewed` each third of the TTL, and
/// `lost` when the lease ends or somebody releases it. When the client goes it is released, and its
/// place in the queue given up: `curl -N -X POST` is a lock for as long as curl runs.
#[utoipa::path(
    operation_id = "hold_lock",
    post, path = "/locks/{name}/hold", tag = "locks",
    params(
        ("name" = String, Path, description = "One percent-encoded segment, or - with ?name="),
        ("name" = Option<String>, Query, description = "The name, where the path has -"),
    ),
    request_body(content = LockHoldRequest, example = json!({"ttl": 30, "holder": "api-7"})),
    responses(
        (status = 200, description = "Messages, one an event or a line", content(
            (ServerMessage = "application/x-ndjson"),
            (ServerMessage = "text/event-stream"),
        )),
        (status = 400, body = Problem), (status = 403, body = Problem),
    )
)]
pub async fn hold(mut call: Call, transport: Transport, bytes: body::Whole) -> Result<Response> {
    let name = call.name(ROUTE)?;
    std::mem::take(&mut call.query).finish()?;
    let request: LockHoldRequest = body::json(&call.headers, &bytes)?;
    begin_hold(call, transport, name, request).await
}

/// As the POST, as a WebSocket: the gateway's pings show it also through a proxy when the client is
/// gone.
#[utoipa::path(
    operation_id = "hold_lock_socket",
    get, path = "/locks/{name}/hold", tag = "locks",
    params(
        ("name" = String, Path, description = "One percent-encoded segment, or - with ?name="),
        ("name" = Option<String>, Query, description = "The name, where the path has -"),
        ("ttl" = Option<i64>, Query, description = "Seconds of the lease; default 60, at most 9,000,000,000"),
        ("holder" = Option<String>, Query, description = "The owner's name"),
    ),
    responses(
        (status = 101, description = "A WebSocket; every message is one of these", body = ServerMessage),
        (status = 405, description = "No WebSocket was asked for", body = Problem),
    )
)]
pub async fn hold_socket(mut call: Call, transport: Transport) -> Result<Response> {
    holds::only_socket(&transport)?;
    let name = call.name(ROUTE)?;
    let request = LockHoldRequest {
        ttl: call.query.number("ttl", i64::MIN..=i64::MAX)?,
        holder: call.query.text("holder")?,
    };
    std::mem::take(&mut call.query).finish()?;
    begin_hold(call, transport, name, request).await
}

async fn begin_hold(
    call: Call,
    transport: Transport,
    name: Vec<u8>,
    request: LockHoldRequest,
) -> Result<Response> {
    call.writable()?;
    call.streaming_caller()?;
    let held = call
        .cluster
        .locks
        .hold(&call.caller(), name, request)
        .await?;
    Ok(holds::respond(&call, transport, held))
}

/// Release one claim of a lock, the holder's or a waiter's, and nothing else.
#[utoipa::path(
    operation_id = "release_lock",
    delete, path = "/locks/{name}", tag = "locks",
    params(
        ("name" = String, Path, description = "One percent-encoded segment, or - with ?name="),
        ("name" = Option<String>, Query, description = "The name, where the path has -"),
        ("lease" = Option<LeaseId>, Query, description = "The claim of this lease"),
        ("fencing_token" = Option<i64>, Query, description = "The claim with this token"),
        ("revoke" = Option<bool>, Query, description = "Revoke the claim's lease afterwards"),
        ("dry_run" = Option<bool>, Query, description = "Only show what would die"),
    ),
    responses(
        (status = 200, body = Released), (status = 404, body = Problem),
        (status = 412, description = "Not in the queue", body = Problem),
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
                    "name the claim by ?lease= or by ?fencing_token=, one of them",
                ));
            }
        },
        revoke: call.query.flag("revoke")?,
        dry_run: call.query.flag("dry_run")?,
    };
    if !release.dry_run {
        call.writable()?;
    }
    std::mem::take(&mut call.query).finish()?;
    let released = call
        .cluster
        .locks
        .release(&call.caller(), name, release)
        .await?;
    Ok(answer(StatusCode::OK, released.header.revision, &released))
}
