//! `GET /cluster/samples`: the cluster's numbers over the last hour.

use axum::response::Response;
use http::StatusCode;
use shared::SamplesResponse;

use crate::api::call::Call;
use crate::api::response::json;
use crate::failure::Result;

/// The cluster's numbers over the last hour, for charts.
///
/// One sample every 10 s: revisions per second, keys, leases, watches, and of each member the size of its database
/// and its raft lag; with a forecast of when the quota is reached. They are read with the gateway's own account from the
/// members' status and `/metrics`; `problem` says why there are none, such as a gateway without an account. The first
/// request starts the sampling and waits for the first sample; it stops an hour after the last request. Poll with
/// `since=<at of the last sample>`. Callers need the permission to see the members' status.
#[utoipa::path(
    operation_id = "list_samples",
    get, path = "/cluster/samples", tag = "cluster",
    params(("since" = Option<i64>, Query, description = "Only samples after this time, in milliseconds since 1970: the `at` of the last one known")),
    responses(
        (status = 200, body = SamplesResponse, example = json!({
            "cluster": "default", "now": 1_764_417_610_512_i64, "interval_ms": 10_000, "window_ms": 3_600_000,
            "members": [{"id": "8e9e05c52164694d", "name": "m1", "learner": false}],
            "samples": [{
                "at": 1_764_417_610_501_i64, "revision": 1041, "revisions_per_second": 12.5, "keys": 350, "leases": 4, "watches": 9,
                "leader": "8e9e05c52164694d",
                "members": [{"id": "8e9e05c52164694d", "db_size": 24_576, "db_size_in_use": 20_480, "db_quota": 2_147_483_648_i64,
                    "raft_index": 1200, "raft_lag": 0, "watches": 9}]
            }],
            "forecast": {"member": "8e9e05c52164694d", "quota": 2_147_483_648_i64, "bytes_per_hour": 9_000_000.0,
                "quota_reached_at": 1_765_276_000_000_i64, "based_on_ms": 3_590_000}
        })),
    )
)]
pub async fn samples(mut call: Call) -> Result<Response> {
    let since = call.query.number("since", 0..=i64::MAX)?;
    call.finish_query()?;
    let samples = call.cluster.info.samples(&call.caller(), since).await?;
    Ok(json(StatusCode::OK, &samples))
}
