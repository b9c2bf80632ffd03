//! `/locks`: found, acquired, released.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::Response;
use futures_util::{StreamExt as _, stream};
use http::StatusCode;
use shared::{Acquired, LeaseId, LockAnswer, LockRequest, Problem, Released};

use super::body;
use super::call::Call;
use super::reply::answer;
use crate::failure::{Failure, Result};
use crate::service::lock::{Release, Standing, Which};

const ROUTE: &str = "/locks";

/// One lock: who holds it, who waits.
#[utoipa::path(
    get, path = "/locks/{name}", tag = "locks",
    params(
        ("name" = String, Path, description = "One percent-encoded segment, or - with ?name="),
        ("name" = Option<String>, Query, description = "The name, where the path has -"),
    ),
    responses((status = 200, body = LockAnswer), (status = 404, body = Problem))
)]
pub async fn one(mut call: Call) -> Result<Response> {
    let name = call.name(ROUTE)?;
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
pub async fn acquire(mut call: Call, bytes: Bytes) -> Result<Response> {
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
    let response = answer(status, acquired.answer.header.revision, &acquired.answer);
    Ok(kept_when_written(response, acquired.standing))
}

/// Keeps the place only when the answer was written: until then dropping the body gives it up.
fn kept_when_written(response: Response, standing: Standing) -> Response {
    response.map(|body| {
        let written = async move {
            // Lets the server write what it has, and notice a connection that is closed.
            tokio::task::yield_now().await;
            standing.keep();
        };
        let end = stream::once(written).filter_map(|()| async { None });
        Body::from_stream(body.into_data_stream().chain(end))
    })
}

/// Release one claim of a lock, the holder's or a waiter's, and nothing else.
#[utoipa::path(
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
