//! Connections to a cluster: endpoints, TLS, keep-alive, message size limits.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use etcd_client::{Channel, Client, ConnectOptions};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue, Uri};
use thiserror::Error;
use tonic::body::Body;
use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceExt as _};

use super::account::{Credentials, Transport};
use super::tls::{self, Tls, TlsError};

/// The largest response accepted from etcd, in bytes: etcd itself sends ranges of any size.
pub(super) const MAX_RESPONSE: usize = 512 << 20;
/// The flow-control window of a stream, in bytes: a range of a few MiB arrives without waiting.
const STREAM_WINDOW: u32 = 4 << 20;
/// The flow-control window of a connection, in bytes.
const CONNECTION_WINDOW: u32 = 16 << 20;
/// Interval and timeout of HTTP/2 pings. etcd closes connections that ping more often than every 5 s, or
/// while idle.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// etcd's own JSON gateway sends this with each call, and etcd then ignores the name in the client's
/// certificate. Without it, etcd treats a certificate without a name as a user with an empty name and
/// returns `permission denied`; with it, `user name is empty`, which means that credentials are missing.
const IGNORE_NAME: HeaderName = HeaderName::from_static("grpcgateway-accept");
const ANY: HeaderValue = HeaderValue::from_static("*/*");

/// The connection settings of a cluster.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Client URLs, `http://` or `https://`.
    pub endpoints: Vec<String>,
    /// Timeout of opening a connection.
    pub dial_timeout: Duration,
    /// PEM file of the authority that signed the servers' certificates; by default the system's authorities.
    pub cacert: Option<PathBuf>,
    /// PEM files of the client certificate and its key, for servers that request one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The gateway's own account.
    pub account: Option<Credentials>,
}

impl Settings {
    /// Settings without certificates and account.
    pub fn new(endpoints: Vec<String>, dial_timeout: Duration) -> Self {
        Self {
            endpoints,
            dial_timeout,
            cacert: None,
            identity: None,
            account: None,
        }
    }
}

/// Why the connection settings cannot be used.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// No endpoint was given.
    #[error("an etcd endpoint is required")]
    NoEndpoint,
    /// An endpoint is not a URL of etcd's client port.
    #[error("`{url}` is not an etcd client URL such as http://127.0.0.1:2379")]
    BadUrl {
        /// As configured.
        url: String,
        /// The parser's error.
        #[source]
        source: Option<tonic::transport::Error>,
    },
    /// A URL contains a user or password, which would be shown with it.
    #[error("an etcd URL must not contain a user and password")]
    Credentials,
    /// The certificates or the key are unusable.
    #[error("TLS cannot be set up with the configured certificates and key")]
    Tls(#[from] TlsError),
}

/// The use of a connection: a large range starves everything else on the same connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Ordinary calls.
    Unary,
    /// Reads of a search, which are large and many.
    Searches,
    /// Leases: a keep-alive queued after a range would be late.
    Leases,
    /// Watches.
    Watches,
    /// Unary calls of undecoded messages.
    RawCalls,
    /// Streams of undecoded messages: a slow reader stalls everything on its connection.
    RawStreams,
}

/// The library's client over our transport. Lease streams require a leader.
pub(super) fn client(transport: Transport, usage: Use) -> Client {
    let reads = matches!(usage, Use::Unary | Use::Searches);
    let options = ConnectOptions::new().with_require_leader(!reads);
    let channel = Channel::Custom(BoxCloneSyncService::new(transport));
    Client::from_channel(channel, Some(options))
        .now_or_never()
        .and_then(Result::ok)
        .expect("a client without credentials sends no request")
}

/// Connections to every endpoint, one set for each use, opened by their first call.
pub(super) fn connections<const N: usize>(
    settings: &Settings,
    tls: &Arc<Tls>,
) -> Result<[Rotating; N], ConnectError> {
    let endpoints = settings
        .endpoints
        .iter()
        .map(|url| endpoint(url, settings, tls))
        .collect::<Result<Vec<_>, _>>()?;
    if endpoints.is_empty() {
        return Err(ConnectError::NoEndpoint);
    }
    Ok(std::array::from_fn(|_| Rotating {
        channels: endpoints.iter().map(connect_lazy).collect(),
        current: Arc::default(),
        tls: Arc::clone(tls),
    }))
}

/// An endpoint, with the connector if it uses TLS.
type Target = (Endpoint, Option<tls::Connector>);

fn connect_lazy((endpoint, connector): &Target) -> tonic::transport::Channel {
    match connector {
        Some(connector) => endpoint.connect_with_connector_lazy(connector.clone()),
        None => endpoint.connect_lazy(),
    }
}

fn endpoint(url: &str, settings: &Settings, tls: &Arc<Tls>) -> Result<Target, ConnectError> {
    let bad_url = |source| ConnectError::BadUrl {
        url: url.to_owned(),
        source,
    };
    let secure = tls::is_secure(url);
    if !secure && !url.starts_with("http://") {
        return Err(bad_url(None));
    }
    let authority = url
        .split("//")
        .nth(1)
        .and_then(|rest| rest.split('/').next());
    if authority.is_some_and(|authority| authority.contains('@')) {
        // Credentials in a URL would be logged and returned wherever endpoints are.
        return Err(ConnectError::Credentials);
    }
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|source| bad_url(Some(source)))?;
    let uri = endpoint.uri().clone();
    let endpoint = if secure {
        // tonic's own TLS reads certificates only once. With an http:// URL it leaves TLS to the connector;
        // the origin keeps the scheme of the requests.
        let plain = without_tls(&uri).ok_or_else(|| bad_url(None))?;
        Endpoint::from(plain).origin(uri.clone())
    } else {
        endpoint.connect_timeout(settings.dial_timeout)
    };
    let endpoint = endpoint
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(false)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .tcp_nodelay(true);
    if !secure {
        return Ok((endpoint, None));
    }
    let connector = tls::Connector::new(uri, Arc::clone(tls), settings.dial_timeout);
    let connector = connector.ok_or_else(|| bad_url(None))?;
    Ok((endpoint, Some(connector)))
}

/// The same URL without TLS.
fn without_tls(uri: &Uri) -> Option<Uri> {
    let plain = Uri::builder().scheme("http").path_and_query("/");
    plain.authority(uri.authority()?.clone()).build().ok()
}

/// Sends every call to one endpoint, and fails over to the next when that one cannot be reached, or
/// refuses because it knows no leader: another member may know one.
#[derive(Clone)]
pub(super) struct Rotating {
    channels: Arc<[tonic::transport::Channel]>,
    current: Arc<AtomicUsize>,
    tls: Arc<Tls>,
}

impl Service<http::Request<Body>> for Rotating {
    type Response = http::Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // Each call waits for its own channel, in `call`.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, mut request: http::Request<Body>) -> Self::Future {
        if self.tls.is_nameless() {
            request.headers_mut().insert(IGNORE_NAME, ANY);
        }
        let at = self.current.load(Ordering::Relaxed);
        let channel = self.channels[at % self.channels.len()].clone();
        let current = Arc::clone(&self.current);
        Box::pin(async move {
            let response = channel.oneshot(request).await;
            let fail_over = match &response {
                Ok(response) => is_leaderless(response.headers()),
                Err(_) => true,
            };
            if fail_over {
                // The first failed call moves on; later failures at the same endpoint change nothing.
                let _ = current.compare_exchange(
                    at,
                    at.wrapping_add(1),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
            }
            response.map_err(BoxError::from)
        })
    }
}

/// Whether a member refused a call because it knows no leader.
fn is_leaderless(head: &HeaderMap) -> bool {
    let status = Status::from_header_map(head);
    status.is_some_and(|status| {
        status.code() == Code::Unavailable && status.message().contains("no leader")
    })
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn a_member_without_a_leader_is_detected() {
        let check = |code: &'static str, message: &'static str, expected: bool| {
            let mut head = HeaderMap::new();
            head.insert("grpc-status", HeaderValue::from_static(code));
            head.insert("grpc-message", HeaderValue::from_static(message));
            assert_eq!(is_leaderless(&head), expected, "{message}");
        };
        check("14", "etcdserver: no leader", true);
        check("14", "etcdserver: server stopped", false);
        // An error of an election, with gRPC's code for unclassified errors.
        check("2", "election: no leader", false);
        assert!(!is_leaderless(&HeaderMap::new()));
    }
}
