//! `/stm`: software transactional memory. Read keys at one revision, compute, commit unless a key changed meanwhile.

use axum::response::Response;
use http::StatusCode;
use shared::{Problem, StmCommitRequest, StmCommitResponse, StmReadRequest, StmReadResponse};

use super::call::Call;
use super::response::respond;
use super::{body, txn};
use crate::failure::{Failure, Result};
use crate::service::stm::{Commit, Write};

fn negative(path: &str) -> Failure {
    Failure::bad_request(format!("{path}: must not be negative"))
}

/// Read keys for a transaction.
///
/// All at one revision, the newest or `revision`. Changes nothing: a read-only gateway allows it.
#[utoipa::path(
    operation_id = "stm_read",
    post, path = "/stm/read", tag = "transactions",
    request_body(content = StmReadRequest, example = json!({"keys": ["accts/0", "accts/3"]})),
    responses(
        (status = 200, body = StmReadResponse, example = json!({
            "header": {"cluster_id": "cdf818194e3a8c32", "member_id": "8e9e05c52164694d", "revision": 42, "raft_term": 2},
            "reads": [{"key": "accts/0", "mod_revision": 40, "value": "100"}, {"key": "accts/3", "mod_revision": 0}],
        })),
        (status = 410, description = "The revision was compacted", body = Problem),
        (status = 416, description = "The revision does not exist yet", body = Problem),
        (status = 422, description = "More than 128 keys", body = Problem),
    )
)]
pub async fn read(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.finish_query()?;
    let request: StmReadRequest = body::json(&call.headers, &bytes)?;
    if request.revision.is_some_and(|revision| revision < 1) {
        return Err(Failure::bad_request("revision: must be at least 1"));
    }
    if let Some(n) = request.keys.iter().position(shared::Bytes::is_empty) {
        return Err(Failure::bad_request(format!(
            "keys[{n}]: must not be empty: etcd has no empty key"
        )));
    }
    let keys = request.keys.into_iter().map(|key| key.0).collect();
    let stm = &call.cluster.stm;
    let read = stm.read(&call.caller(), keys, request.revision).await?;
    Ok(respond(StatusCode::OK, read.header.revision, &read))
}

/// Commit a transaction.
///
/// 409 `stm_conflict` if a key changed meanwhile: nothing was written, and the problem has
/// `conflicts`, `revision` and `reads`, from which the next attempt is computed.
#[utoipa::path(
    operation_id = "stm_commit",
    post, path = "/stm/commit", tag = "transactions",
    request_body(content = StmCommitRequest, example = json!({
        "isolation": "serializable_snapshot", "revision": 42,
        "reads": [{"key": "accts/0", "mod_revision": 40}, {"key": "accts/3", "mod_revision": 41}],
        "writes": [{"put": {"key": "accts/0", "value": "90"}}, {"put": {"key": "accts/3", "value": "110"}}],
    })),
    responses(
        (status = 200, body = StmCommitResponse),
        (status = 409, description = "A key changed meanwhile, or is written twice", body = Problem),
        (status = 422, description = "More than 128 reads or writes; no such lease; or no such key, with lease keep", body = Problem),
    )
)]
pub async fn commit(mut call: Call, bytes: body::Buffered) -> Result<Response> {
    call.ensure_writable()?;
    call.finish_query()?;
    let request: StmCommitRequest = body::json(&call.headers, &bytes)?;
    let commit = decode_commit(request)?;
    let stm = &call.cluster.stm;
    let committed = stm.commit(&call.caller(), commit).await?;
    Ok(respond(
        StatusCode::OK,
        committed.header.revision,
        &committed,
    ))
}

fn decode_commit(request: StmCommitRequest) -> Result<Commit> {
    if request.revision.is_some_and(|revision| revision < 1) {
        return Err(Failure::bad_request("revision: must be at least 1"));
    }
    let mut reads = Vec::with_capacity(request.reads.len());
    for (n, read) in request.reads.into_iter().enumerate() {
        txn::decode::require_key(&read.key, &format!("reads[{n}]"))?;
        if read.mod_revision < 0 {
            return Err(negative(&format!("reads[{n}].mod_revision")));
        }
        reads.push((read.key.0, read.mod_revision));
    }
    let mut writes = Vec::with_capacity(request.writes.len());
    for (n, write) in request.writes.into_iter().enumerate() {
        let path = format!("writes[{n}]");
        writes.push(match (write.put, write.delete) {
            (Some(put), None) => Write::Put(txn::decode::put(put, &format!("{path}.put"))?),
            (None, Some(delete)) => {
                txn::decode::require_key(&delete.key, &format!("{path}.delete"))?;
                Write::Delete(delete.key.0)
            }
            _ => {
                let detail = format!("{path}: must have exactly one of put, delete");
                return Err(Failure::bad_request(detail));
            }
        });
    }
    Ok(Commit {
        isolation: request.isolation,
        revision: request.revision,
        reads,
        writes,
    })
}
