//! `GET /cluster` and `GET /clusters`.

use shared::{ClusterResponse, Clusters};

use super::{ApiError, Call, Method};

/// Members, leader, versions.
pub(crate) async fn cluster() -> Result<ClusterResponse, ApiError> {
    Call::new(Method::Get, "cluster").send().await
}

/// The gateway's clusters, and the state of those that the account may use.
pub(crate) async fn clusters() -> Result<Clusters, ApiError> {
    let call = Call::to_gateway(Method::Get, "clusters");
    call.without_refusal().send().await
}
