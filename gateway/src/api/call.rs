//! What every handler is given: the cluster, who asks, and the decoded query.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{ConnectInfo, FromRequestParts, OriginalUri};
use http::HeaderMap;
use http::request::Parts;
use shared::Code;
use tokio::time::Instant;

use super::query::Query;
use crate::failure::{Failure, Result};
use crate::identity::{Caller, Identity, credential};
use crate::server::{AckTimeouts, Connection, Flushes};
use crate::state::{AppState, Cluster};
use crate::web::accept;
use crate::web::percent::decode;
use crate::web::request_id::RequestId;

/// How long etcd may take without `?timeout=`.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
/// The longest `?timeout=`, so that no call holds its resources for hours.
const LONGEST_TIMEOUT: Duration = Duration::from_mins(10);

/// One request, decoded.
#[derive(Clone, Debug)]
pub struct Call {
    /// The process.
    pub app: AppState,
    /// The cluster it is for.
    pub cluster: Arc<Cluster>,
    /// Its query; a handler takes its parameters and calls [`Call::finish_query`].
    pub query: Query,
    /// Its headers.
    pub headers: HeaderMap,
    /// Names it in the log.
    pub request_id: String,
    /// How long data sent on its connection may stay unacknowledged.
    pub ack_timeouts: AckTimeouts,
    /// Tells when what was answered has been written; absent without a connection.
    pub flushes: Option<Flushes>,
    /// The path below the API's base, as sent.
    path: String,
    identity: Identity,
    timeout: Option<Duration>,
    /// What of its time was gone when etcd had said who asks.
    spent: Duration,
}

impl FromRequestParts<AppState> for Call {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &AppState) -> Result<Self> {
        let OriginalUri(original) = OriginalUri::from_request_parts(parts, app)
            .await
            .unwrap_or_else(|never| match never {});
        let cluster = match named_cluster(&app.config.base_path, original.path())? {
            Some(name) => app.cluster(&name)?,
            None => app.default_cluster()?,
        };
        let credential = credential::of_rest(&parts.headers)?;
        let mut query = Query::parse(parts.uri.query())?;
        let timeout = query.duration("timeout", LONGEST_TIMEOUT)?;
        let since = Instant::now();
        let within = timeout.unwrap_or(DEFAULT_TIMEOUT);
        let signing_in = cluster
            .sign_in
            .identify(&app.config, parts, credential, within);
        let identity = signing_in.await?;
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
            spent: since.elapsed(),
        })
    }
}

/// The `{cluster}` of `/api/v1/clusters/{cluster}/…`.
fn named_cluster(base_path: &str, path: &str) -> Result<Option<String>> {
    let below = path.strip_prefix(base_path).unwrap_or(path);
    let Some(rest) = below.strip_prefix("/api/v1/clusters/") else {
        return Ok(None);
    };
    let raw = rest.split('/').next().unwrap_or_default();
    let name = String::from_utf8(decode(raw)?);
    name.map(Some)
        .map_err(|_| Failure::new(Code::ClusterNotFound, "no cluster has that name"))
}

impl Call {
    /// The caller of an ordinary call.
    pub fn caller(&self) -> Caller {
        self.slow_caller(DEFAULT_TIMEOUT)
    }

    /// The caller of a call that takes its time: this long without `?timeout=`.
    pub fn slow_caller(&self, usual: Duration) -> Caller {
        let left = self.timeout.unwrap_or(usual).saturating_sub(self.spent);
        Caller::new(self.identity.clone(), Some(left))
    }

    /// The caller of a call that waits `wait`: etcd's answers get 5 s beyond it at least.
    pub fn waiting_caller(&self, wait: Duration) -> Caller {
        let least = wait + Duration::from_secs(5);
        let timeout = self.timeout.unwrap_or(DEFAULT_TIMEOUT).max(least);
        Caller::new(self.identity.clone(), Some(timeout))
    }

    /// The caller of a stream, which has no end and so no timeout.
    pub fn streaming_caller(&self) -> Result<Caller> {
        if self.timeout.is_some() {
            return Err(Failure::bad_request(
                "`timeout` has no meaning for a stream",
            ));
        }
        Ok(Caller::new(self.identity.clone(), None))
    }

    /// Ends reading the query: refuses parameters that the handler has not taken.
    pub fn finish_query(&mut self) -> Result<()> {
        std::mem::take(&mut self.query).finish()
    }

    /// Refuses a change on a read-only gateway.
    pub fn writable(&self) -> Result<()> {
        if self.app.config.read_only {
            return Err(Failure::new(
                Code::ReadOnly,
                "this gateway was started with --read-only",
            ));
        }
        Ok(())
    }

    /// The key of a key route: everything behind `route`, or `?key=`. `None` when neither is given.
    pub fn key(&mut self, route: &str) -> Result<Option<Vec<u8>>> {
        let raw = self
            .path
            .strip_prefix(route)
            .and_then(|rest| rest.strip_prefix('/'));
        let raw = raw.filter(|raw| !raw.is_empty());
        let named = self.query.bytes("key")?;
        match (raw, named) {
            (Some(_), Some(_)) => Err(Failure::bad_request(
                "the key is given in the path and as ?key=: choose one",
            )),
            (Some(raw), None) => decode(raw).map(Some),
            (None, Some(key)) if key.is_empty() => Err(Failure::bad_request(
                "the key is empty, and etcd has no empty key",
            )),
            (None, named) => Ok(named),
        }
    }

    /// The name of a lock or election: the one segment behind `route`, or `-` with `?name=`.
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
                return Err(Failure::bad_request("?name= goes with `-` in the path"));
            }
            ("-", None) => return Err(Failure::bad_request("`-` in the path needs ?name=")),
            (segment, None) => decode(segment)?,
        };
        if name.is_empty() {
            return Err(Failure::bad_request("the name is empty"));
        }
        Ok(name)
    }

    /// The one segment behind `route` as text, such as an id.
    pub fn segment(&self, route: &str) -> Result<String> {
        self.segment_at(route, 0)
    }

    /// A segment behind `route` as text; the first one is at 0.
    pub fn segment_at(&self, route: &str, at: usize) -> Result<String> {
        let rest = self
            .path
            .strip_prefix(route)
            .and_then(|rest| rest.strip_prefix('/'));
        let raw = rest.unwrap_or_default().split('/').nth(at);
        String::from_utf8(decode(raw.unwrap_or_default())?)
            .map_err(|_| Failure::bad_request("the path is not valid UTF-8"))
    }

    /// Whether the Accept header names this type.
    pub fn accepts(&self, media_type: &str) -> bool {
        accept::names(&self.headers, media_type)
    }
}

#[cfg(test)]
mod tests {
    use super::named_cluster;

    #[test]
    fn the_cluster_is_read_from_the_path() {
        let check = |base: &str, path: &str, name: Option<&str>| {
            assert_eq!(
                named_cluster(base, path).expect("decodes").as_deref(),
                name,
                "{path}"
            );
        };
        check("", "/api/v1/kv/x", None);
        check("", "/api/v1/clusters/prod/kv//a", Some("prod"));
        check("/etcd", "/etcd/api/v1/clusters/a%20b/kv", Some("a b"));
        check("", "/api/v1/clusters", None);
    }
}
