//! Connections to a cluster: endpoints, TLS, keep-alive, size limits.

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

/// Largest answer accepted from etcd, bytes: etcd itself sends ranges of any size.
pub(super) const MAX_ANSWER: usize = 512 << 20;
/// Flow-control window of one stream, bytes: a range of a few MiB arrives without a pause.
const STREAM_WINDOW: u32 = 4 << 20;
/// Flow-control window of a connection, bytes.
const CONNECTION_WINDOW: u32 = 16 << 20;
/// etcd ends connections that ping more often than every 5 s, or ping while idle.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

/// etcd's own JSON gateway sends this with each call, and etcd then ignores the name in the client's
/// certificate. Without it, etcd takes a certificate without a name for a user whose name is empty and
/// answers `permission denied`; with it, `user name is empty`, which says that credentials are missing.
const IGNORE_NAME: HeaderName = HeaderName::from_static("grpcgateway-accept");
const ANY: HeaderValue = HeaderValue::from_static("*/*");

/// How to reach a cluster.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Client URLs, `http://` or `https://`.
    pub endpoints: Vec<String>,
    /// How long a connection may take to be made.
    pub dial_timeout: Duration,
    /// PEM file of the authority that signed the servers' certificates; the system's without it.
    pub cacert: Option<PathBuf>,
    /// PEM files of our own certificate and its key, for servers that ask for one.
    pub identity: Option<(PathBuf, PathBuf)>,
    /// The gateway's own account.
    pub account: Option<Credentials>,
}

impl Settings {
    /// Without certificates or an account.
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

/// Why a cluster cannot be connected to as configured.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// No endpoint was given.
    #[error("no etcd endpoint is given")]
    NoEndpoint,
    /// An endpoint is not a URL of etcd's client port.
    #[error("`{url}` is not an etcd client URL such as http://127.0.0.1:2379")]
    BadUrl {
        /// As configured.
        url: String,
        /// What the parser says.
        #[source]
        source: Option<tonic::transport::Error>,
    },
    /// A URL carries a user or password, which would be shown with it.
    #[error("an etcd URL carries no user and password")]
    Credentials,
    /// Certificates or the key are not what TLS needs.
    #[error("TLS cannot be set up with the certificates and key given")]
    Tls(#[from] TlsError),
}

/// What a connection is for: a large range on one starves whatever else is on it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Use {
    /// Ordinary calls.
    Unary,
    /// Leases: a keep-alive that waits behind a range comes too late.
    Leases,
    /// Watches.
    Watches,
    /// Calls as bytes, one by one.
    RawCalls,
    /// The same in streams: a reader that stalls holds back what shares its connection.
    RawStreams,
}

/// A client of the crate's over a transport of ours. Lease streams require a leader.
pub(super) fn client(transport: Transport, usage: Use) -> Client {
    let options = ConnectOptions::new().with_require_leader(usage != Use::Unary);
    let channel = Channel::Custom(BoxCloneSyncService::new(transport));
    Client::from_channel(channel, Some(options))
        .now_or_never()
        .and_then(Result::ok)
        .expect("a client without a user of its own asks etcd for nothing")
}

/// Connections to every endpoint, one set for each use; none is made before the first call.
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

/// How an endpoint is connected to; over TLS with a connector.
type Link = (Endpoint, Option<tls::Connector>);

fn connect_lazy((endpoint, connector): &Link) -> tonic::transport::Channel {
    match connector {
        Some(connector) => endpoint.connect_with_connector_lazy(connector.clone()),
        None => endpoint.connect_lazy(),
    }
}

fn endpoint(url: &str, settings: &Settings, tls: &Arc<Tls>) -> Result<Link, ConnectError> {
    let bad = |source| ConnectError::BadUrl {
        url: url.to_owned(),
        source,
    };
    let secure = tls::is_secure(url);
    if !secure && !url.starts_with("http://") {
        return Err(bad(None));
    }
    let authority = url
        .split("//")
        .nth(1)
        .and_then(|rest| rest.split('/').next());
    if authority.is_some_and(|authority| authority.contains('@')) {
        // It would be printed and answered wherever endpoints are.
        return Err(ConnectError::Credentials);
    }
    let endpoint = Endpoint::from_shared(url.to_owned()).map_err(|source| bad(Some(source)))?;
    let uri = endpoint.uri().clone();
    let endpoint = if secure {
        // tonic's own TLS reads certificates once. With an http:// URL it leaves TLS to the connector; the
        // origin keeps the scheme of the requests.
        let plain = plain(&uri).ok_or_else(|| bad(None))?;
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
    let connector = connector.ok_or_else(|| bad(None))?;
    Ok((endpoint, Some(connector)))
}

/// The same URL without TLS.
fn plain(uri: &Uri) -> Option<Uri> {
    let plain = Uri::builder().scheme("http").path_and_query("/");
    plain.authority(uri.authority()?.clone()).build().ok()
}

/// Sends every call to one endpoint, and moves on to the next when that one cannot be reached, or refuses
/// because it knows of no leader: another member may well know one.
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
        // Each call waits for the channel it takes, in `call`.
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
            let answer = channel.oneshot(request).await;
            let elsewhere = match &answer {
                Ok(answer) => is_leaderless(answer.headers()),
                Err(_) => true,
            };
            if elsewhere {
                // Whoever fails first moves on; the others of the same endpoint find it moved.
                let _ = current.compare_exchange(
                    at,
                    at.wrapping_add(1),
                    Ordering::Relaxed,
                    Ordering::Relaxed,
                );
            }
            answer.map_err(BoxError::from)
        })
    }
}

/// Whether a member has refused a call that demands a leader.
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
    fn a_member_without_a_leader_is_known_by_its_refusal() {
        let check = |code: &'static str, message: &'static str, expected: bool| {
            let mut head = HeaderMap::new();
            head.insert("grpc-status", HeaderValue::from_static(code));
            head.insert("grpc-message", HeaderValue::from_static(message));
            assert_eq!(is_leaderless(&head), expected, "{message}");
        };
        check("14", "etcdserver: no leader", true);
        check("14", "etcdserver: server stopped", false);
        // An election's, over gRPC's code for whatever etcd has not classified.
        check("2", "election: no leader", false);
        assert!(!is_leaderless(&HeaderMap::new()));
    }
}
