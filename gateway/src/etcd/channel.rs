//! Connections to a cluster: endpoints, TLS, keep-alive, size limits.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use etcd_client::{Certificate, Channel, Client, ConnectOptions, Identity, TlsOptions};
use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use http::HeaderMap;
use thiserror::Error;
use tonic::body::Body;
use tonic::transport::Endpoint;
use tonic::{Code, Status};
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceExt as _};

use super::account::{Credentials, Transport};

/// Largest answer accepted from etcd, bytes: etcd itself sends ranges of any size.
pub(super) const MAX_ANSWER: usize = 512 << 20;
/// Flow-control window of one stream, bytes: a range of a few MiB arrives without a pause.
const STREAM_WINDOW: u32 = 4 << 20;
/// Flow-control window of a connection, bytes.
const CONNECTION_WINDOW: u32 = 16 << 20;
/// etcd ends connections that ping more often than every 5 s, or ping while idle.
const KEEP_ALIVE: Duration = Duration::from_secs(10);

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
    Tls(#[source] tonic::transport::Error),
    /// A certificate's or key's file cannot be read.
    #[error("the file {path} cannot be read")]
    File {
        /// As configured.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
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

/// What the files hold.
struct Tls {
    authority: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

impl Tls {
    async fn read(settings: &Settings) -> Result<Self, ConnectError> {
        let authority = match &settings.cacert {
            Some(path) => Some(read(path).await?),
            None => None,
        };
        let identity = match &settings.identity {
            Some((cert, key)) => Some((read(cert).await?, read(key).await?)),
            None => None,
        };
        Ok(Self {
            authority,
            identity,
        })
    }

    fn options(&self, dial_timeout: Duration) -> TlsOptions {
        let mut options = TlsOptions::new().timeout(dial_timeout);
        options = match &self.authority {
            Some(pem) => options.ca_certificate(Certificate::from_pem(pem)),
            None => options.with_native_roots(),
        };
        if let Some((cert, key)) = &self.identity {
            options = options.identity(Identity::from_pem(cert, key));
        }
        options
    }
}

async fn read(path: &Path) -> Result<Vec<u8>, ConnectError> {
    let file = tokio::fs::read(path).await;
    file.map_err(|source| ConnectError::File {
        path: path.to_owned(),
        source,
    })
}

/// Connections to every endpoint, one set for each use; none is made before the first call.
pub(super) async fn connections<const N: usize>(
    settings: &Settings,
) -> Result<[Rotating; N], ConnectError> {
    let tls = Tls::read(settings).await?;
    let endpoints = settings
        .endpoints
        .iter()
        .map(|url| endpoint(url, settings, &tls))
        .collect::<Result<Vec<_>, _>>()?;
    if endpoints.is_empty() {
        return Err(ConnectError::NoEndpoint);
    }
    Ok(std::array::from_fn(|_| Rotating {
        channels: endpoints.iter().map(Endpoint::connect_lazy).collect(),
        current: Arc::default(),
    }))
}

fn endpoint(url: &str, settings: &Settings, tls: &Tls) -> Result<Endpoint, ConnectError> {
    let bad = |source| ConnectError::BadUrl {
        url: url.to_owned(),
        source,
    };
    let secure = url.starts_with("https://");
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
    let endpoint = Endpoint::from_shared(url.to_owned())
        .map_err(|source| bad(Some(source)))?
        .connect_timeout(settings.dial_timeout)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(false)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .tcp_nodelay(true);
    if secure {
        return endpoint
            .tls_config(tls.options(settings.dial_timeout))
            .map_err(ConnectError::Tls);
    }
    Ok(endpoint)
}

/// Sends every call to one endpoint, and moves on to the next when that one cannot be reached, or refuses
/// because it knows of no leader: another member may well know one.
#[derive(Clone)]
pub(super) struct Rotating {
    channels: Arc<[tonic::transport::Channel]>,
    current: Arc<AtomicUsize>,
}

impl Service<http::Request<Body>> for Rotating {
    type Response = http::Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        // Each call waits for the channel it takes, in `call`.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
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
