//! Leases.

use shared::{GrantRequest, LeaseAnswer, LeaseId};

use super::{ApiError, Call, Method};

/// A lease with its seconds left.
pub(crate) async fn lease(id: LeaseId) -> Result<LeaseAnswer, ApiError> {
    Call::new(Method::Get, &format!("leases/{id}")).send().await
}

/// A new lease.
pub(crate) async fn grant(ttl: i64) -> Result<LeaseAnswer, ApiError> {
    Call::new(Method::Post, "leases")
        .json(&GrantRequest { ttl, id: None })
        .send()
        .await
}

/// Revokes a lease; `dry_run` only shows the keys that would die.
pub(crate) async fn revoke(id: LeaseId, dry_run: bool) -> Result<LeaseAnswer, ApiError> {
    let more = if dry_run { "?dry_run" } else { "" };
    Call::new(Method::Delete, &format!("leases/{id}{more}"))
        .send()
        .await
}
