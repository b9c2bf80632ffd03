//! `/txn` and `/do`: transactions and single ops from JSON.

pub(super) mod decode;

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use shared::{DoAnswer, Explanation, OpRequest, Problem, TxnAnswer, TxnRequest};

use super::body;
use super::call::Call;
use super::response::respond;
use crate::failure::Result;
use crate::service::txn::writes;

/// If / then / else in one revision.
///
/// Every member of `compare` must hold for `then` to run, else `else` runs; both are 200. Ops may be
/// transactions again; all comparisons look at the keys as they were before the first op. etcd takes
/// 128 ops or comparisons a transaction, and inside another as many as that one leaves.
///
/// With `?explain` nothing is changed (a read-only gateway allows it): the answer says of every
/// comparison whether it holds now, and what is there.
#[utoipa::path(
    post, path = "/txn", tag = "transactions",
    params(
        ("explain" = Option<bool>, Query, description = "Change nothing; answer an Explanation"),
    ),
    request_body(content = TxnRequest, examples(
        ("lock" = (summary = "Take a key that nobody has", value = json!({
            "compare": [{"key": "/cron/lock/ado", "target": "create_revision", "op": "=", "value": 0}],
            "then": [{"put": {"key": "/cron/lock/ado", "value": "duzhenxun", "lease": "694d604f1cc13e0f"}}],
            "else": [{"get": {"key": "/cron/lock/ado"}}],
        }))),
        ("nested" = (summary = "A choice inside a choice", value = json!({
            "compare": [{"prefix": "/jobs/", "target": "version", "op": ">", "value": 0}],
            "then": [{"txn": {
                "compare": [{"key": "/mode", "target": "value", "op": "=", "value": "drain"}],
                "then": [{"delete": {"prefix": "/jobs/", "prev": true}}],
            }}],
        }))),
    )),
    responses(
        (status = 200, description = "Which branch ran, and its results; with explain an Explanation",
            body = TxnReply),
        (status = 400, description = "The detail names the place, as then[3].put.key", body = Problem),
        (status = 409, description = "A key is written twice", body = Problem),
        (status = 410, description = "A get's revision was compacted", body = Problem),
        (status = 416, description = "A get's revision is still to come", body = Problem),
        (status = 422, description = "Too many ops; a lease or, with lease keep, a key that does not exist", body = Problem),
    )
)]
pub async fn txn(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    let explain = call.query.flag("explain")?;
    call.finish_query()?;
    let request: TxnRequest = body::json(&call.headers, &bytes)?;
    let txn = decode::txn(request, "")?;
    let caller = call.caller();
    if explain {
        let explanation = call.cluster.txn.explain(&caller, &txn).await?;
        let revision = explanation.header.revision;
        let reply = TxnReply::Explained(explanation);
        return Ok(respond(StatusCode::OK, revision, &reply));
    }
    if writes(&txn.then) || writes(&txn.or_else) {
        call.ensure_writable()?;
    }
    let result = call.cluster.txn.run(&caller, txn).await?;
    let revision = result.header.revision;
    Ok(respond(StatusCode::OK, revision, &TxnReply::Ran(result)))
}

/// Answer of `POST /txn`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum TxnReply {
    /// It ran.
    Ran(TxnAnswer),
    /// With `?explain`: it did not.
    Explained(Explanation),
}

/// One put, get, delete or transaction.
#[utoipa::path(
    operation_id = "do",
    post, path = "/do", tag = "transactions",
    request_body(content = OpRequest, examples(
        ("put" = (value = json!({"put": {"key": "/cron/jobs/ado", "value": "duzhenxun"}}))),
        ("get" = (value = json!({"get": {"prefix": "/cron/jobs/", "sort": "mod_revision", "order": "desc"}}))),
    )),
    responses(
        (status = 200, body = DoAnswer),
        (status = 410, description = "The get's revision was compacted", body = Problem),
        (status = 416, description = "The get's revision is still to come", body = Problem),
    )
)]
pub async fn single(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.finish_query()?;
    let request: OpRequest = body::json(&call.headers, &bytes)?;
    let op = decode::op(request, "op")?;
    if writes(std::slice::from_ref(&op)) {
        call.ensure_writable()?;
    }
    let result = call.cluster.txn.single(&call.caller(), op).await?;
    Ok(respond(StatusCode::OK, result.header.revision, &result))
}
