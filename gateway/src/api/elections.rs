//! `/elections`: get, campaign, proclaim, resign, observe, hold.

use std::time::Duration;

use axum::response::Response;
use http::StatusCode;
use shared::{
    CampaignRequest, CandidacyRequest, Election, Leadership, Problem, ProclaimRequest,
    ResignRequest, ServerMessage,
};

use super::call::Call;
use super::params::{NameParams, QueueTimeoutParams, TtlParams};
use super::response::respond;
use super::{body, claim, hold};
use crate::failure::{Failure, Result};
use crate::live::stream::{self, Transport};

const ROUTE: &str = "/elections";
/// The longest wait of a campaign and its default, in seconds.
const MAX_WAIT: u64 = 3_600;

/// The leader, and the other candidates in the order of the queue.
#[utoipa::path(
    operation_id = "get_election",
    get, path = "/elections/{name}", tag = "elections",
    params(NameParams),
    responses((status = 200, body = Election))
)]
pub async fn get(mut call: Call) -> Result<Response> {
    let name = call.name(ROUTE)?;
    call.finish_query()?;
    let election = call.cluster.elections.get(&call.caller(), &name).await?;
    Ok(respond(StatusCode::OK, election.header.revision, &election))
}

/// Campaign in an election and wait to be elected.
///
/// The queue is shared with `concurrency.Election` and `etcdctl elect`. A second campaign with the same lease and
/// another value proclaims that value. From the response on the client must renew the lease. If it disconnects before
/// the response was sent, the candidacy ends.
#[utoipa::path(
    operation_id = "campaign",
    post, path = "/elections/{name}/campaign", tag = "elections",
    params(NameParams, QueueTimeoutParams),
    request_body(content = CampaignRequest, example = json!({"value": "node-1", "ttl": 30})),
    responses(
        (status = 201, description = "Elected", body = Leadership),
        (status = 410, description = "The lease ended while waiting", body = Problem),
        (status = 422, description = "No such lease", body = Problem),
        (status = 423, description = "Not elected in time; `lock` has the queue", body = Problem),
    )
)]
pub async fn campaign(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    let name = call.name(ROUTE)?;
    call.finish_query()?;
    let request: CampaignRequest = body::json(&call.headers, &bytes)?;
    let wait = request.wait.unwrap_or(MAX_WAIT).min(MAX_WAIT);
    let caller = call.queueing_caller(Duration::from_secs(wait));
    let won = call.cluster.elections.campaign(&caller, name, request);
    let won = won.await?;
    let response = respond(
        StatusCode::CREATED,
        won.response.header.revision,
        &won.response,
    );
    Ok(claim::keep_when_sent(response, won.claim, call.flushes))
}

/// Proclaim another value. Requires only the leader's key and its revision, from any connection.
#[utoipa::path(
    operation_id = "proclaim",
    post, path = "/elections/{name}/proclaim", tag = "elections",
    params(NameParams),
    request_body(content = ProclaimRequest),
    responses(
        (status = 200, body = Leadership),
        (status = 412, description = "The candidacy has ended", body = Problem),
    )
)]
pub async fn proclaim(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    let name = call.name(ROUTE)?;
    call.finish_query()?;
    let request: ProclaimRequest = body::json(&call.headers, &bytes)?;
    let response = call
        .cluster
        .elections
        .proclaim(&call.caller(), name, request)
        .await?;
    Ok(respond(StatusCode::OK, response.header.revision, &response))
}

/// Give up leadership or candidacy. Requires only the key and its revision; the lease remains.
#[utoipa::path(
    operation_id = "resign",
    post, path = "/elections/{name}/resign", tag = "elections",
    params(NameParams),
    request_body(content = ResignRequest),
    responses(
        (status = 200, body = Leadership),
        (status = 412, description = "The candidacy has ended", body = Problem),
    )
)]
pub async fn resign(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    let name = call.name(ROUTE)?;
    call.finish_query()?;
    let request: ResignRequest = body::json(&call.headers, &bytes)?;
    let response = call
        .cluster
        .elections
        .resign(&call.caller(), name, request)
        .await?;
    Ok(respond(StatusCode::OK, response.header.revision, &response))
}

/// Observe the leader: a `leader` message for each value of each leader, nothing while there is no leader.
#[utoipa::path(
    operation_id = "observe_election",
    get, path = "/elections/{name}/observe", tag = "elections",
    params(NameParams),
    responses(
        (status = 101, description = "A WebSocket; each message is one of these", body = ServerMessage),
        (status = 200, description = "Messages, one per event or line", content(
            (ServerMessage = "application/x-ndjson"),
            (ServerMessage = "text/event-stream"),
        )),
    )
)]
pub async fn observe(mut call: Call, transport: Transport) -> Result<Response> {
    let name = call.name(ROUTE)?;
    let caller = call.streaming_caller()?;
    call.finish_query()?;
    let mut observer = call.cluster.elections.observe(&caller, name).await?;
    Ok(stream::respond(
        &call.app.tasks,
        transport,
        move |out, ops| {
            // This stream takes no operations.
            drop(ops);
            async move {
                while let Some(message) = observer.next().await {
                    if out.send(&message).await.is_err() {
                        return;
                    }
                }
            }
        },
    ))
}

/// Be a candidate for as long as this stream is open.
///
/// Sends `elected` once elected, then `renewed` after each third of the TTL, and `lost` when the lease ends
/// or the key is removed. When the client disconnects, the candidacy ends.
#[utoipa::path(
    operation_id = "hold_candidacy",
    post, path = "/elections/{name}/hold", tag = "elections",
    params(NameParams),
    request_body(content = CandidacyRequest, example = json!({"value": "node-1", "ttl": 30})),
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
    let request: CandidacyRequest = body::json(&call.headers, &bytes)?;
    start_hold(call, transport, name, request).await
}

/// Like POST, over a WebSocket: its pings detect a disconnected client even through a proxy.
#[utoipa::path(
    operation_id = "hold_candidacy_socket",
    get, path = "/elections/{name}/hold", tag = "elections",
    params(
        NameParams,
        ("value" = String, Query, description = "The value to proclaim"),
        TtlParams,
    ),
    responses(
        (status = 101, description = "A WebSocket; each message is one of these", body = ServerMessage),
        (status = 405, description = "Not a WebSocket upgrade", body = Problem),
    )
)]
pub async fn hold_socket(mut call: Call, transport: Transport) -> Result<Response> {
    hold::require_websocket(&transport)?;
    let name = call.name(ROUTE)?;
    let value = call.query.bytes("value")?;
    let value = value.ok_or_else(|| Failure::bad_request("`value` is required"))?;
    let request = CandidacyRequest {
        value: value.into(),
        ttl: call.query.number("ttl", i64::MIN..=i64::MAX)?,
    };
    call.finish_query()?;
    start_hold(call, transport, name, request).await
}

async fn start_hold(
    call: Call,
    transport: Transport,
    name: Vec<u8>,
    request: CandidacyRequest,
) -> Result<Response> {
    call.ensure_writable()?;
    call.streaming_caller()?;
    let held = call
        .cluster
        .elections
        .hold(&call.caller(), name, request)
        .await?;
    Ok(hold::respond(&call, transport, held))
}
