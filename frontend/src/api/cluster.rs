//! `GET /cluster`.

use shared::ClusterResponse;

use super::{ApiError, Call, Method};

/// Members, leader, versions.
pub(crate) async fn cluster() -> Result<ClusterResponse, ApiError> {
    Call::new(Method::Get, "cluster").send().await
}
