//! `/elections`: who leads, campaigns, proclamations, resignations, observers.

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
/// Longest wait of a campaign, and the usual one, seconds.
const MAX_WAIT: u64 = 3_600;

/// Who leads, and who stands behind, in order.
#[utoipa::path(
    operation_id = "get_election",
    get, path = "/elections/{name}", tag = "elections",
    params(NameParams),
    responses((status = 200, body = Election))
)]
pub async fn one(mut call: Call) -> Result<Response> {
    let name = call.name(ROUTE)?;
    call.finish_query()?;
    let election = call.cluster.elections.one(&call.caller(), &name).await?;
    Ok(respond(StatusCode::OK, election.header.revision, &election))
}

/// Stand in an election until it is won.
///
/// `concurrency.Election` and `etcdctl elect` stand in it too. The same lease again with another value
/// proclaims that. Renew the lease yourself from the answer on; a client that is gone before the whole
/// answer was written stands no more.
#[utoipa::path(
    operation_id = "campaign",
    post, path = "/elections/{name}/campaign", tag = "elections",
    params(NameParams, QueueTimeoutParams),
    request_body(content = CampaignRequest, example = json!({"value": "node-1", "ttl": 30})),
    responses(
        (status = 201, description = "Elected", body = Leadership),
        (status = 410, description = "The lease ended while waiting", body = Problem),
        (status = 422, description = "No such lease", body = Problem),
        (status = 423, description = "Not elected in time; `lock` says who is before", body = Problem),
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
    let response = respond(StatusCode::CREATED, won.answer.header.revision, &won.answer);
    Ok(claim::keep_when_sent(response, won.standing, call.flushes))
}

/// Announce another value. Needs the leader's key and its revision alone, from any connection.
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
    let done = call
        .cluster
        .elections
        .proclaim(&call.caller(), name, request)
        .await?;
    Ok(respond(StatusCode::OK, done.header.revision, &done))
}

/// Give leadership or candidacy up. Needs the key and its revision alone; the lease stays.
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
    let done = call
        .cluster
        .elections
        .resign(&call.caller(), name, request)
        .await?;
    Ok(respond(StatusCode::OK, done.header.revision, &done))
}

/// Follow who leads: `leader` with every value of every leader, waiting while there is none.
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

/// Stand in an election for as long as this stream is open.
///
/// Says `elected` once it is won, then `renewed` each third of the TTL, and `lost` when the lease ends
/// or somebody removes the key. When the client goes, so does the candidacy.
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

/// Like POST, over a WebSocket: by its pings the gateway notices even behind a proxy that the client is disconnected.
#[utoipa::path(
    operation_id = "hold_candidacy_socket",
    get, path = "/elections/{name}/hold", tag = "elections",
    params(
        NameParams,
        ("value" = String, Query, description = "What to proclaim"),
        TtlParams,
    ),
    responses(
        (status = 101, description = "A WebSocket; each message is one of these", body = ServerMessage),
        (status = 405, description = "The request is no WebSocket upgrade", body = Problem),
    )
)]
pub async fn hold_socket(mut call: Call, transport: Transport) -> Result<Response> {
    hold::require_websocket(&transport)?;
    let name = call.name(ROUTE)?;
    let value = call.query.bytes("value")?;
    let value = value.ok_or_else(|| Failure::bad_request("a candidate proclaims a `value`"))?;
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
