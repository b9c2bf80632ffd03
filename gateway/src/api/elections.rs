//! `/elections`: who leads, campaigns, proclamations, resignations, observers.

use std::time::Duration;

use axum::response::Response;
use http::StatusCode;
use shared::{
    CampaignRequest, CandidacyRequest, Election, Leadership, Problem, ProclaimRequest,
    ResignRequest, ServerMessage,
};

use super::call::Call;
use super::reply::answer;
use super::{body, holds, standing};
use crate::failure::{Failure, Result};
use crate::live::stream::{self, Transport};

const ROUTE: &str = "/elections";
/// Longest wait of a campaign, and the usual one, seconds.
const MAX_WAIT: u64 = 3_600;

/// Who leads, and who stands behind, in order.
#[utoipa::path(
    operation_id = "get_election",
    get, path = "/elections/{name}", tag = "elections",
    params(
        ("name" = String, Path, description = "One percent-encoded segment, or - with ?name="),
        ("name" = Option<String>, Query, description = "The name, where the path has -"),
    ),
    responses((status = 200, body = Election), (status = 404, body = Problem))
)]
pub async fn one(mut call: Call) -> Result<Response> {
    let name = call.name(ROUTE)?;
    std::mem::take(&mut call.query).finish()?;
    let election = call.cluster.elections.one(&call.caller(), &name).await?;
    Ok(answer(StatusCode::OK, election.header.revision, &election))
}

/// Stand in an election until it is won.
///
/// `concurrency.Election` and `etcdctl elect` stand in it too. The same lease again with another value
/// proclaims that. Renew the lease yourself from the answer on; a client that is gone before the whole
/// answer was written stands no more.
#[utoipa::path(
    operation_id = "campaign",
    post, path = "/elections/{name}/campaign", tag = "elections",
    params(
        ("name" = String, Path, description = "One percent-encoded segment, or - with ?name="),
        ("name" = Option<String>, Query, description = "The name, where the path has -"),
        ("timeout" = Option<String>, Query, description = "Of etcd's answers; at least wait + 5s"),
    ),
    request_body(content = CampaignRequest, example = json!({"value": "node-1", "ttl": 30})),
    responses(
        (status = 201, description = "Elected", body = Leadership),
        (status = 410, description = "The lease ended while waiting", body = Problem),
        (status = 422, description = "There is no such lease", body = Problem),
        (status = 423, description = "Not elected in time; `lock` says who is before", body = Problem),
    )
)]
pub async fn campaign(mut call: Call, bytes: body::Whole) -> Result<Response> {
    call.writable()?;
    let name = call.name(ROUTE)?;
    std::mem::take(&mut call.query).finish()?;
    let request: CampaignRequest = body::json(&call.headers, &bytes)?;
    let wait = request.wait.unwrap_or(MAX_WAIT).min(MAX_WAIT);
    let caller = call.waiting_caller(Duration::from_secs(wait));
    let won = call.cluster.elections.campaign(&caller, name, request);
    let won = won.await?;
    let response = answer(
        StatusCode::CREATED,
        won.response.header.revision,
        &won.response,
    );
    Ok(standing::kept_when_written(
        response,
        won.claim,
        call.flushes,
    ))
}

/// Announce another value. Needs the leader's key and its revision alone, from any connection.
#[utoipa::path(
    operation_id = "proclaim",
    post, path = "/elections/{name}/proclaim", tag = "elections",
    params(
        ("name" = String, Path, description = "One percent-encoded segment, or - with ?name="),
        ("name" = Option<String>, Query, description = "The name, where the path has -"),
    ),
    request_body(content = ProclaimRequest),
    responses(
        (status = 200, body = Leadership),
        (status = 412, description = "The candidacy has ended", body = Problem),
    )
)]
pub async fn proclaim(mut call: Call, bytes: body::Whole) -> Result<Response> {
    call.writable()?;
    let name = call.name(ROUTE)?;
    std::mem::take(&mut call.query).finish()?;
    let request: ProclaimRequest = body::json(&call.headers, &bytes)?;
    let done = call
        .cluster
        .elections
        .proclaim(&call.caller(), name, request)
        .await?;
    Ok(answer(StatusCode::OK, done.header.revision, &done))
}

/// Give leadership or candidacy up. Needs the key and its revision alone; the lease stays.
#[utoipa::path(
    operation_id = "resign",
    post, path = "/elections/{name}/resign", tag = "elections",
    params(
        ("name" = String, Path, description = "One percent-encoded segment, or - with ?name="),
        ("name" = Option<String>, Query, description = "The name, where the path has -"),
    ),
    request_body(content = ResignRequest),
    responses(
        (status = 200, body = Leadership),
        (status = 412, description = "The candidacy has ended", body = Problem),
    )
)]
pub async fn resign(mut call: Call, bytes: body::Whole) -> Result<Response> {
    call.writable()?;
    let name = call.name(ROUTE)?;
    std::mem::take(&mut call.query).finish()?;
    let request: ResignRequest = body::json(&call.headers, &bytes)?;
    let done = call
        .cluster
        .elections
        .resign(&call.caller(), name, request)
        .await?;
    Ok(answer(StatusCode::OK, done.header.revision, &done))
}

/// Follow who leads: `leader` with every value of every leader, waiting while there is none.
#[utoipa::path(
    operation_id = "observe_election",
    get, path = "/elections/{name}/observe", tag = "elections",
    params(
        ("name" = String, Path, description = "One percent-encoded segment, or - with ?name="),
        ("name" = Option<String>, Query, description = "The name, where the path has -"),
    ),
    responses(
        (status = 101, description = "A WebSocket; every message is one of these", body = ServerMessage),
        (status = 200, description = "Messages, one an event or a line", content(
            (ServerMessage = "application/x-ndjson"),
            (ServerMessage = "text/event-stream"),
        )),
        (status = 400, body = Problem), (status = 403, body = Problem),
    )
)]
pub async fn observe(mut call: Call, transport: Transport) -> Result<Response> {
    let name = call.name(ROUTE)?;
    let caller = call.streaming_caller()?;
    std::mem::take(&mut call.query).finish()?;
    let mut observer = call.cluster.elections.observe(&caller, name).await?;
    Ok(stream::respond(
        &call.app.tasks,
        transport,
        move |out, ops| {
            // Nothing can be said on this stream.
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
    params(
        ("name" = String, Path, description = "One percent-encoded segment, or - with ?name="),
        ("name" = Option<String>, Query, description = "The name, where the path has -"),
    ),
    request_body(content = CandidacyRequest, example = json!({"value": "node-1", "ttl": 30})),
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
    let request: CandidacyRequest = body::json(&call.headers, &bytes)?;
    begin_hold(call, transport, name, request).await
}

/// As the POST, as a WebSocket: the gateway's pings show it also through a proxy when the client is
/// gone.
#[utoipa::path(
    operation_id = "hold_candidacy_socket",
    get, path = "/elections/{name}/hold", tag = "elections",
    params(
        ("name" = String, Path, description = "One percent-encoded segment, or - with ?name="),
        ("name" = Option<String>, Query, description = "The name, where the path has -"),
        ("value" = String, Query, description = "What to proclaim"),
        ("ttl" = Option<i64>, Query, description = "Seconds of the lease; default 60, at most 9,000,000,000"),
    ),
    responses(
        (status = 101, description = "A WebSocket; every message is one of these", body = ServerMessage),
        (status = 405, description = "No WebSocket was asked for", body = Problem),
    )
)]
pub async fn hold_socket(mut call: Call, transport: Transport) -> Result<Response> {
    holds::only_socket(&transport)?;
    let name = call.name(ROUTE)?;
    let value = call.query.bytes("value")?;
    let value = value.ok_or_else(|| Failure::bad_request("a candidate proclaims a `value`"))?;
    let request = CandidacyRequest {
        value: value.into(),
        ttl: call.query.number("ttl", i64::MIN..=i64::MAX)?,
    };
    std::mem::take(&mut call.query).finish()?;
    begin_hold(call, transport, name, request).await
}

async fn begin_hold(
    call: Call,
    transport: Transport,
    name: Vec<u8>,
    request: CandidacyRequest,
) -> Result<Response> {
    call.writable()?;
    call.streaming_caller()?;
    let held = call
        .cluster
        .elections
        .hold(&call.caller(), name, request)
        .await?;
    Ok(holds::respond(&call, transport, held))
}
