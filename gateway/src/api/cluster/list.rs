//! `/clusters`: the clusters of this gateway, and the state of those that the caller may use.

use std::time::Duration;

use axum::response::Response;
use futures_util::future::try_join_all;
use http::{HeaderValue, StatusCode, header};
use shared::{ActsAs, ClusterRef, ClusterState, Clusters, Code};
use tokio::time::timeout;

use super::super::response::json;
use super::super::visit::Visit;
use crate::failure::{Failure, Result};
use crate::identity::Caller;
use crate::identity::credential::Credential;
use crate::identity::session::Presented;
use crate::state::Cluster;

/// How long a cluster may take: one that does not respond must not delay the list.
const TIMEOUT: Duration = Duration::from_secs(2);

/// A line of the list, and the header that removes the cluster's cookie if its session has ended.
type Line = (ClusterRef, Option<HeaderValue>);

/// The clusters that this gateway serves.
///
/// Needs no credentials: without them a cluster is its name, unless requests without credentials are served
/// there. Its endpoints and its state are for callers who may use it: by the session cookie of that cluster, or
/// for the default cluster by `Authorization`. A cluster that does not respond within two seconds is not
/// `reachable`.
#[utoipa::path(
    operation_id = "list_clusters",
    get, path = "/clusters", tag = "cluster",
    responses((status = 200, body = Clusters))
)]
pub async fn clusters(visit: Visit) -> Result<Response> {
    let from_header = visit.credential()?;
    let clusters = visit.app.clusters.iter().enumerate();
    let lines = clusters.map(|(index, cluster)| {
        let credential = match index {
            0 => from_header.clone(),
            // A password is sent only to the cluster that the request addresses.
            _ => Credential::None,
        };
        line(&visit, cluster, index == 0, credential)
    });
    let lines = try_join_all(lines.map(Box::pin)).await?;
    let (clusters, removals): (Vec<_>, Vec<_>) = lines.into_iter().unzip();
    let mut response = json(StatusCode::OK, &Clusters { clusters });
    for removal in removals.into_iter().flatten() {
        response.headers_mut().append(header::SET_COOKIE, removal);
    }
    Ok(response)
}

/// One cluster. Fails only if the request's own credentials are refused.
async fn line(
    visit: &Visit,
    cluster: &Cluster,
    default: bool,
    from_header: Credential,
) -> Result<Line> {
    let sessions = &visit.app.sessions;
    let name_only = || ClusterRef {
        name: cluster.name.clone(),
        default,
        endpoints: None,
        state: None,
    };
    let with_header = !matches!(from_header, Credential::None);
    let presented = if with_header {
        Presented::None
    } else {
        sessions.present(&cluster.name, &visit.parts.headers)
    };
    let (credential, acts_as) = match &presented {
        // An ended session does not fall back to another account.
        Presented::Ended(_) => return Ok((name_only(), Some(sessions.removal(&cluster.name)))),
        Presented::Valid(session) => (Credential::Session(session.clone()), ActsAs::Session),
        Presented::None if with_header => (from_header, ActsAs::Authorization),
        Presented::None => (Credential::None, ActsAs::Gateway),
    };
    let config = &visit.app.config;
    let reading = async {
        let identity = cluster
            .sign_in
            .identify(config, &visit.parts, credential, TIMEOUT)
            .await?;
        let caller = Caller::new(identity, Some(TIMEOUT));
        cluster.info.glance(&caller).await
    };
    let read = timeout(TIMEOUT, Box::pin(reading)).await;
    let read = read.unwrap_or_else(|_| {
        let detail = format!("the cluster did not respond within {} s", TIMEOUT.as_secs());
        Err(Failure::new(Code::Timeout, detail))
    });
    let state = ClusterState {
        reachable: read.is_ok(),
        version: None,
        members: None,
        read_only: config.read_only,
        acts_as,
        name: None,
        error: None,
    };
    let state = match read {
        Ok(glance) => ClusterState {
            version: glance.version,
            members: glance.members,
            name: glance.user,
            ..state
        },
        Err(failure) if failure.code == Code::Unauthenticated => {
            return match &presented {
                Presented::Valid(session) => {
                    let removal = session.end().reason().map(|reason| {
                        sessions.end(session, reason);
                        sessions.removal(&cluster.name)
                    });
                    Ok((name_only(), removal))
                }
                _ if with_header => Err(failure),
                _ => Ok((name_only(), None)),
            };
        }
        Err(failure) if with_header && failure.code == Code::RateLimited => return Err(failure),
        // Nothing shows whether credentials that were not checked may use the cluster.
        Err(_) if with_header => return Ok((name_only(), None)),
        // A session was accepted earlier, and a request without credentials needs no check.
        Err(failure) => ClusterState {
            name: presented.session().map(|it| it.credentials().name.clone()),
            error: Some(failure.detail),
            ..state
        },
    };
    let shown = ClusterRef {
        endpoints: Some(cluster.endpoints.clone()),
        state: Some(state),
        ..name_only()
    };
    Ok((shown, None))
}
