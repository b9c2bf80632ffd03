//! `/clusters` and `/cluster`.

use axum::response::Response;
use http::StatusCode;
use shared::{ClusterAnswer, ClusterRef, Clusters, Problem};

use super::call::Call;
use super::reply::{answer, json};
use crate::failure::Result;

/// The clusters that this gateway serves.
#[utoipa::path(
    operation_id = "list_clusters",
    get, path = "/clusters", tag = "cluster",
    responses((status = 200, body = Clusters))
)]
pub async fn clusters(mut call: Call) -> Result<Response> {
    std::mem::take(&mut call.query).finish()?;
    let mut default = true;
    let clusters = call
        .app
        .clusters
        .iter()
        .map(|cluster| ClusterRef {
            name: cluster.name.clone(),
            default: std::mem::take(&mut default),
            endpoints: cluster.endpoints.clone(),
        })
        .collect();
    Ok(json(StatusCode::OK, &Clusters { clusters }))
}

/// Members, leader, health, alarms.
#[utoipa::path(
    operation_id = "get_cluster",
    get, path = "/cluster", tag = "cluster",
    responses((status = 200, body = ClusterAnswer), (status = 503, body = Problem))
)]
pub async fn cluster(mut call: Call) -> Result<Response> {
    std::mem::take(&mut call.query).finish()?;
    let cluster = call.cluster.info.cluster(&call.caller()).await?;
    Ok(answer(StatusCode::OK, cluster.header.revision, &cluster))
}
