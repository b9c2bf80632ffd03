//! What every handler receives: the cluster, the caller's identity and the decoded query.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts, OriginalUri};
use http::HeaderMap;
use http::request::Parts;
use shared::Code;
use tokio::time::Instant;

use super::query::Query;
use crate::failure::{Failure, Result};
use crate::identity::session::Sessions;
use crate::identity::{Caller, Identity, credential};
use crate::server::{AckTimeouts, Connection, Flushes};
use crate::state::{AppState, Cluster};
use crate::web::accept;
use crate::web::cluster_path::cluster_in_path;
use crate::web::percent::decode;
use crate::web::request_id::RequestId;

/// The time limit of a call to etcd without `?timeout=`.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest `?timeout=`, so that no call occupies its resources for hours.
pub(super) const MAX_TIMEOUT: Duration = Duration::from_mins(10);

/// One request, decoded.
#[derive(Clone, Debug)]
pub struct Call {
    /// The state of the process.
    pub app: AppState,
    /// The cluster that the request names.
    pub cluster: Arc<Cluster>,
    /// The query: a handler takes its parameters and then calls [`Call::finish_query`].
    pub query: Query,
    /// The request's headers.
    pub headers: HeaderMap,
    /// Identifies the request in the log and in problems.
    pub request_id: String,
    /// How long data sent on its connection may stay unacknowledged.
    pub ack_timeouts: AckTimeouts,
    /// Reports when the response has been written to the socket; absent without a connection.
    pub flushes: Option<Flushes>,
    /// The path below the API's base, still percent-encoded.
    path: String,
    identity: Identity,
    timeout: Option<Duration>,
    /// How long identifying the caller took; it counts towards the time limit.
    identified_in: Duration,
}

impl FromRequestParts<AppState> for Call {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self> {
        let cluster = cluster_of(parts, app).await?;
        let credential = credential::of_rest(&parts.headers)?;
        let credential = Sessions::credential(parts, credential)?;
        let mut query = Query::parse(parts.uri.query())?;
        let timeout = query.duration("timeout", MAX_TIMEOUT)?;
        let start = Instant::now();
        let limit = timeout.unwrap_or(DEFAULT_TIMEOUT);
        let identity = cluster
            .sign_in
            .identify(&app.config, parts, credential, limit);
        let identity = identity.await?;
        Ok(Self {
            app: app.clone(),
            cluster,
            query,
            headers: parts.headers.clone(),
            request_id: parts
                .extensions
                .get::<RequestId>()
                .cloned()
                .unwrap_or_default()
                .0,
            ack_timeouts: parts
                .extensions
                .get::<ConnectInfo<Connection>>()
                .map(|ConnectInfo(connection)| connection.ack_timeouts.clone())
                .unwrap_or_default(),
            flushes: parts
                .extensions
                .get::<ConnectInfo<Connection>>()
                .map(|ConnectInfo(connection)| connection.flushes.clone()),
            path: parts.uri.path().to_owned(),
            identity,
            timeout,
            identified_in: start.elapsed(),
        })
    }
}

/// The cluster that a request addresses.
pub(super) async fn cluster_of(parts: &mut Parts, app: &AppState) -> Result<Arc<Cluster>> {
    let OriginalUri(original) = OriginalUri::from_request_parts(parts, app)
        .await
        .unwrap_or_else(|never| match never {});
    match cluster_in_path(&app.config.base_path, original.path())? {
        Some(name) => app.cluster(&name),
        None => app.default_cluster(),
    }
}

impl Call {
    /// The caller, with the usual time limit.
    pub fn caller(&self) -> Caller {
        self.caller_with_limit(DEFAULT_TIMEOUT)
    }

    /// The caller of a slow call, with the time limit that applies without `?timeout=`.
    pub fn caller_with_limit(&self, default: Duration) -> Caller {
        let timeout = self.timeout.unwrap_or(default);
        let left = timeout.saturating_sub(self.identified_in);
        Caller::new(self.identity.clone(), Some(left))
    }

    /// The caller of a call that waits in a queue for `wait`: etcd has at least 5 s more to respond.
    pub fn queueing_caller(&self, wait: Duration) -> Caller {
        let minimum = wait + Duration::from_secs(5);
        let timeout = self.timeout.unwrap_or(DEFAULT_TIMEOUT).max(minimum);
        Caller::new(self.identity.clone(), Some(timeout))
    }

    /// The caller of a stream, which has no end and so no time limit.
    pub fn streaming_caller(&self) -> Result<Caller> {
        if self.timeout.is_some() {
            return Err(Failure::bad_request("`timeout` does not apply to streams"));
        }
        Ok(Caller::new(self.identity.clone(), None))
    }

    /// Refuses parameters that the handler has not taken.
    pub fn finish_query(&mut self) -> Result<()> {
        std::mem::take(&mut self.query).finish()
    }

    /// Refuses a write if the gateway is read-only.
    pub fn ensure_writable(&self) -> Result<()> {
        if self.app.config.read_only {
            return Err(Failure::new(
                Code::ReadOnly,
                "this gateway was started with --read-only",
            ));
        }
        Ok(())
    }

    /// The key of a key route: everything after `route`, or `?key=`. `None` if neither is given.
    pub fn key(&mut self, route: &str) -> Result<Option<Vec<u8>>> {
        let raw = self
            .path
            .strip_prefix(route)
            .and_then(|rest| rest.strip_prefix('/'));
        let raw = raw.filter(|raw| !raw.is_empty());
        let named = self.query.bytes("key")?;
        match (raw, named) {
            (Some(_), Some(_)) => Err(Failure::bad_request(
                "the key is given twice: in the path and as `?key=`",
            )),
            (Some(raw), None) => decode(raw).map(Some),
            (None, Some(key)) if key.is_empty() => Err(Failure::bad_request(
                "`key` must not be empty: etcd has no empty key",
            )),
            (None, named) => Ok(named),
        }
    }

    /// The name of a lock or an election: the segment after `route`, or `?name=` if that segment is `-`.
    pub fn name(&mut self, route: &str) -> Result<Vec<u8>> {
        let rest = self
            .path
            .strip_prefix(route)
            .and_then(|rest| rest.strip_prefix('/'));
        let segment = rest
            .unwrap_or_default()
            .split('/')
            .next()
            .unwrap_or_default();
        let name = match (segment, self.query.bytes("name")?) {
            ("-", Some(name)) => name,
            (_, Some(_)) => {
                return Err(Failure::bad_request("`?name=` requires `-` in the path"));
            }
            ("-", None) => return Err(Failure::bad_request("`-` in the path requires `?name=`")),
            (segment, None) => decode(segment)?,
        };
        if name.is_empty() {
            return Err(Failure::bad_request("name is required"));
        }
        Ok(name)
    }

    /// The segment after `route` as text, such as an id.
    pub fn segment(&self, route: &str) -> Result<String> {
        self.segment_at(route, 0)
    }

    /// The segment at index `at` after `route`, as text.
    pub fn segment_at(&self, route: &str, at: usize) -> Result<String> {
        let rest = self
            .path
            .strip_prefix(route)
            .and_then(|rest| rest.strip_prefix('/'));
        let raw = rest.unwrap_or_default().split('/').nth(at);
        String::from_utf8(decode(raw.unwrap_or_default())?)
            .map_err(|_| Failure::bad_request("path is not valid UTF-8"))
    }

    /// Whether the `Accept` header names this media type.
    pub fn accepts(&self, media_type: &str) -> bool {
        accept::names(&self.headers, media_type)
    }
}
