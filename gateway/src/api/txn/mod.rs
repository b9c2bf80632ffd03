//! `/txn` and `/do`: transactions and single operations in JSON.

pub(super) mod decode;

use axum::response::Response;
use http::StatusCode;
use serde::Serialize;
use shared::{DoResponse, Explanation, OpRequest, Problem, TxnRequest, TxnResponse};

use super::body;
use super::call::Call;
use super::response::respond;
use crate::failure::Result;
use crate::service::txn::writes;

/// If / then / else in one revision.
///
/// If every comparison in `compare` is true, `then` runs, otherwise `else`; both are 200. An op may be another
/// transaction; all comparisons see the keys as they were before the first op. etcd allows 128 ops or comparisons in a
/// transaction; a nested one shares what the outer one leaves.
///
/// With `?explain` nothing is changed (a read-only gateway allows it): the response says for each comparison whether it
/// is true now, and has the current state of its keys.
#[utoipa::path(
    post, path = "/txn", tag = "transactions",
    params(
        ("explain" = Option<bool>, Query, description = "Change nothing; return an Explanation"),
    ),
    request_body(content = TxnRequest, examples(
        ("lock" = (summary = "Create a key if it does not exist", value = json!({
            "compare": [{"key": "/cron/lock/ado", "target": "create_revision", "op": "=", "value": 0}],
            "then": [{"put": {"key": "/cron/lock/ado", "value": "duzhenxun", "lease": "694d604f1cc13e0f"}}],
            "else": [{"get": {"key": "/cron/lock/ado"}}],
        }))),
        ("nested" = (summary = "A nested transaction", value = json!({
            "compare": [{"prefix": "/jobs/", "target": "version", "op": ">", "value": 0}],
            "then": [{"txn": {
                "compare": [{"key": "/mode", "target": "value", "op": "=", "value": "drain"}],
                "then": [{"delete": {"prefix": "/jobs/", "prev": true}}],
            }}],
        }))),
    )),
    responses(
        (status = 200, description = "The branch that ran and its results; with `explain` an Explanation",
            body = TxnReply),
        (status = 400, description = "`detail` names the member, such as then[3].put.key", body = Problem),
        (status = 409, description = "A key is written twice", body = Problem),
        (status = 410, description = "The revision of a get was compacted", body = Problem),
        (status = 416, description = "The revision of a get does not exist yet", body = Problem),
        (status = 422, description = "Too many ops; no such lease; or no such key, with lease keep", body = Problem),
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
        let reply = TxnReply::Explanation(explanation);
        return Ok(respond(StatusCode::OK, revision, &reply));
    }
    if writes(&txn.then) || writes(&txn.or_else) {
        call.ensure_writable()?;
    }
    let result = call.cluster.txn.run(&caller, txn).await?;
    let revision = result.header.revision;
    Ok(respond(StatusCode::OK, revision, &TxnReply::Result(result)))
}

/// Response of `POST /txn`.
#[derive(Debug, Serialize, utoipa::ToSchema)]
#[serde(untagged)]
pub enum TxnReply {
    /// The result.
    Result(TxnResponse),
    /// With `?explain`: what it would do.
    Explanation(Explanation),
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
        (status = 200, body = DoResponse),
        (status = 410, description = "The revision of the get was compacted", body = Problem),
        (status = 416, description = "The revision of the get does not exist yet", body = Problem),
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
