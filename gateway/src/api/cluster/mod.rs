//! `/clusters` and `/cluster`. Members, alarms, maintenance and snapshots are in the modules below.

pub mod alarms;
pub mod list;
pub mod maintenance;
pub mod members;
pub mod samples;
pub mod snapshot;

use axum::response::Response;
use http::StatusCode;
use shared::ClusterResponse;

use super::call::Call;
use super::response::respond;
use crate::failure::Result;

/// Members, leader, health, alarms, warnings.
///
/// Each member is reached at the configured endpoint that belongs to it, else at the client URL that it
/// advertises: `reached_by` has the address. An advertised URL that does not work (0.0.0.0, loopback on
/// another machine, unreachable, another member's) is a warning. What the caller may not see is reported
/// in the `error` of each member, or as a warning. Without a majority the list of members is one member's
/// own, with the warning `members_stale`.
///
/// Codes of warnings: `advertised_url`, `version_end_of_life`, `version_mixed`, `watch_bug`,
/// `access_bug`, `read_bug`, `lease_bug`, `member_bug`, `tls_bug` (known bugs of this release, with the release
/// that fixes them), `no_quorum_margin`, `quorum_lost`, `alarm_raised`, `near_quota`, `members_unknown`,
/// `members_stale`, `alarms_unknown`.
#[utoipa::path(
    operation_id = "get_cluster",
    get, path = "/cluster", tag = "cluster",
    responses(
        (status = 200, body = ClusterResponse, example = json!({
            "header": {"cluster_id": "cdf818194e3a8c32", "member_id": "8e9e05c52164694d", "revision": 7, "raft_term": 2},
            "name": "default", "version": "3.7.3", "leader": "8e9e05c52164694d", "quorum": 1, "tolerates": 0,
            "members": [{
                "id": "8e9e05c52164694d", "name": "m1", "learner": false, "healthy": true,
                "client_urls": ["http://0.0.0.0:2379"], "peer_urls": ["http://10.0.0.5:2380"],
                "reached_by": "http://10.0.0.5:2379", "version": "3.7.3", "db_size": 24576,
                "db_size_in_use": 24576, "db_quota": 2_147_483_648_i64, "raft_index": 9, "raft_lag": 0
            }],
            "alarms": [],
            "warnings": [{"code": "advertised_url", "detail": "member m1 advertises what clients cannot use: http://0.0.0.0:2379 is not an address that can be dialled; it responds at http://10.0.0.5:2379"}]
        })),
    )
)]
pub async fn cluster(mut call: Call) -> Result<Response> {
    call.finish_query()?;
    let cluster = call.cluster.info.cluster(&call.caller()).await?;
    Ok(respond(StatusCode::OK, cluster.header.revision, &cluster))
}
