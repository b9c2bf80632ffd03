//! What a handler receives that must work for callers without an identity: the pages that sign in.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{FromRequestParts, OriginalUri};
use http::request::Parts;

use super::call::{DEFAULT_TIMEOUT, MAX_TIMEOUT};
use super::query::Query;
use crate::failure::Result;
use crate::identity::credential::{self, Credential};
use crate::identity::peer;
use crate::state::{AppState, Cluster};
use crate::web::cluster_path::cluster_in_path;

/// One request, decoded; who the caller is has not been decided.
#[derive(Clone, Debug)]
pub struct Visit {
    /// The state of the process.
    pub app: AppState,
    /// The cluster that the request names.
    pub cluster: Arc<Cluster>,
    /// The request's head.
    pub parts: Parts,
    /// The time limit of calls to etcd.
    pub timeout: Duration,
}

impl FromRequestParts<AppState> for Visit {
    type Rejection = crate::failure::Failure;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self> {
        let OriginalUri(original) = OriginalUri::from_request_parts(parts, app)
            .await
            .unwrap_or_else(|never| match never {});
        let cluster = match cluster_in_path(&app.config.base_path, original.path())? {
            Some(name) => app.cluster(&name)?,
            None => app.default_cluster()?,
        };
        let mut query = Query::parse(parts.uri.query())?;
        let timeout = query.duration("timeout", MAX_TIMEOUT)?;
        query.finish()?;
        Ok(Self {
            app: app.clone(),
            cluster,
            parts: parts.clone(),
            timeout: timeout.unwrap_or(DEFAULT_TIMEOUT),
        })
    }
}

impl Visit {
    /// The credentials of the `Authorization` header.
    pub fn credential(&self) -> Result<Credential> {
        credential::of_rest(&self.parts.headers)
    }

    /// The client's address.
    pub fn peer(&self) -> IpAddr {
        peer(&self.app.config, &self.parts)
    }
}
