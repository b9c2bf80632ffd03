//! `/doctor`: the checks of the way to a cluster.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::response::Response;
use http::StatusCode;
use http::request::Parts;
use shared::DoctorResponse;

use super::call::{Call, cluster_of};
use super::query::Query;
use super::response::json;
use crate::doctor::Viewer;
use crate::failure::{Failure, Result};
use crate::identity::{Caller, credential};
use crate::state::{AppState, Cluster};

/// A request about a cluster that may not respond, so that its caller may not be known.
#[derive(Debug)]
pub struct Visit {
    cluster: Arc<Cluster>,
    viewer: Viewer,
}

impl FromRequestParts<AppState> for Visit {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self> {
        let failure = match Call::from_request_parts(parts, app).await {
            Ok(mut call) => {
                call.finish_query()?;
                return Ok(Self {
                    viewer: Viewer::Known(call.caller()),
                    cluster: call.cluster,
                });
            }
            Err(failure) => failure,
        };
        let cluster = cluster_of(parts, app).await?;
        let mut query = Query::parse(parts.uri.query())?;
        query.text("timeout")?;
        query.finish()?;
        let credential = credential::of_rest(&parts.headers)?;
        let has_credentials = credential != credential::Credential::None;
        let mut viewer = Viewer::unidentified(failure, has_credentials)?;
        if let Some(identity) = cluster.sign_in.recently_accepted(&credential) {
            viewer = Viewer::Known(Caller::new(identity, Some(super::call::DEFAULT_TIMEOUT)));
        }
        Ok(Self { cluster, viewer })
    }
}

/// Check each step of the way to the cluster.
///
/// DNS, TCP, TLS with the server's certificate, and HTTP/2 of each configured endpoint; then the sign-in with the
/// gateway's account, its permissions, the members' versions and the URLs that they advertise. These are the findings
/// of `watchgate doctor`; a cluster that cannot be reached is a 200 too. The request names no address: only
/// configured endpoints and members' addresses are checked.
///
/// There is one run per cluster at a time, which takes at most 20 s, and its findings are shared for 15 s. All findings
/// are for requests with the rights of the gateway's account and for users with the role `root`. Others, also those without
/// credentials and those whose credentials cannot be checked now, get `reachable` and `failed_step`.
#[utoipa::path(
    operation_id = "examine",
    get, path = "/doctor", tag = "cluster",
    responses(
        (status = 200, body = DoctorResponse, example = json!({
            "cluster": "default", "finished_at": "2026-11-29T12:00:00Z", "reachable": false, "failed_step": "tcp",
            "findings": [
                {"endpoint": "http://10.0.0.5:2379", "step": "dns", "outcome": "ok", "detail": "an IP address, no lookup needed"},
                {"endpoint": "http://10.0.0.5:2379", "step": "tcp", "outcome": "failed", "detail": "10.0.0.5:2379: Connection refused (os error 111)",
                    "fix": "nothing listens there: start etcd, or correct the port here or in its --listen-client-urls"}
            ]
        })),
    )
)]
pub async fn doctor(visit: Visit) -> Result<Response> {
    let response = visit.cluster.doctor.examine(&visit.viewer).await;
    Ok(json(StatusCode::OK, &response))
}
