//! `GET /cluster`.

use shared::ClusterAnswer;

use super::{ApiError, Call, Method};

/// Members, leader, versions.
pub(crate) async fn cluster() -> Result<ClusterAnswer, ApiError> {
    Call::new(Method::Get, "cluster").send().await
}
