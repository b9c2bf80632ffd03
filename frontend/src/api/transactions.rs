//! `/txn`, `/do` and `/stm`.

use shared::{
    DoResponse, Explanation, GetOp, LeaseId, LeaseResponse, OpRequest, OpResult, RangeSpec,
    StmCommitRequest, StmCommitResponse, StmReadRequest, StmReadResponse, TxnRequest, TxnResponse,
};

use super::{ApiError, Call, Method};

/// Runs a transaction.
pub(crate) async fn txn(request: &TxnRequest) -> Result<TxnResponse, ApiError> {
    Call::new(Method::Post, "txn").json(request).send().await
}

/// Runs a single op.
pub(crate) async fn single(request: &OpRequest) -> Result<DoResponse, ApiError> {
    Call::new(Method::Post, "do").json(request).send().await
}

/// What a transaction would do now. Changes nothing.
pub(crate) async fn explain(request: &TxnRequest) -> Result<Explanation, ApiError> {
    Call::new(Method::Post, "txn?explain")
        .json(request)
        .send()
        .await
}

/// The number of keys in a range.
pub(crate) async fn count(range: RangeSpec) -> Result<i64, ApiError> {
    let get = GetOp {
        key: range.key,
        prefix: range.prefix,
        start: range.start,
        end: range.end,
        from: range.from,
        count_only: true,
        ..GetOp::default()
    };
    let request = OpRequest {
        get: Some(get),
        ..OpRequest::default()
    };
    match single(&request).await?.result {
        OpResult::Get(result) => Ok(result.count),
        _ => Err(ApiError::Unreadable(200)),
    }
}

/// Reads keys for an STM transaction.
pub(crate) async fn stm_read(request: &StmReadRequest) -> Result<StmReadResponse, ApiError> {
    Call::new(Method::Post, "stm/read")
        .json(request)
        .send()
        .await
}

/// Commits an STM transaction.
pub(crate) async fn stm_commit(request: &StmCommitRequest) -> Result<StmCommitResponse, ApiError> {
    Call::new(Method::Post, "stm/commit")
        .json(request)
        .send()
        .await
}

/// Renews a lease once.
pub(crate) async fn keep_alive(id: LeaseId) -> Result<LeaseResponse, ApiError> {
    Call::new(Method::Post, &format!("leases/{id}/keepalive"))
        .send()
        .await
}
