//! Connections to a cluster: endpoints, TLS, keep-alive, size limits.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use etcd_client::{Certificate, Channel, Client, ConnectOptions, TlsOptions};
use futures_util::future::BoxFuture;
use thiserror::Error;
use tonic::body::Body;
use tonic::transport::Endpoint;
use tower::util::BoxCloneSyncService;
use tower::{BoxError, Service, ServiceExt as _};

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
    /// PEM file of the authority that signed the servers' certificates.
    pub cacert: Option<PathBuf>,
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
    /// The authority's file cannot be read.
    #[error("the CA file {path} cannot be read")]
    CaFile {
        /// As configured.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The client refused its set-up.
    #[error("the etcd client cannot be set up")]
    Client(#[source] etcd_client::Error),
}

/// What a connection is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Use {
    Unary,
    Streams,
}

/// A client over connections of its own.
pub(super) async fn client(settings: &Settings, usage: Use) -> Result<Client, ConnectError> {
    over(connections(settings).await?, usage).await
}

/// A client over these connections.
pub(super) async fn over(connections: Rotating, usage: Use) -> Result<Client, ConnectError> {
    let options = ConnectOptions::new().with_require_leader(usage == Use::Streams);
    Client::from_channel(
        Channel::Custom(BoxCloneSyncService::new(connections)),
        Some(options),
    )
    .await
    .map_err(ConnectError::Client)
}

/// Connections to every endpoint; none is made before the first call.
pub(super) async fn connections(settings: &Settings) -> Result<Rotating, ConnectError> {
    let ca = match &settings.cacert {
        Some(path) => Some(
            tokio::fs::read(path)
                .await
                .map_err(|source| ConnectError::CaFile {
                    path: path.clone(),
                    source,
                })?,
        ),
        None => None,
    };
    let channels = settings
        .endpoints
        .iter()
        .map(|url| endpoint(url, settings, ca.as_deref()).map(|endpoint| endpoint.connect_lazy()))
        .collect::<Result<Vec<_>, _>>()?;
    if channels.is_empty() {
        return Err(ConnectError::NoEndpoint);
    }
    Ok(Rotating {
        channels: channels.into(),
        current: Arc::default(),
    })
}

fn endpoint(url: &str, settings: &Settings, ca: Option<&[u8]>) -> Result<Endpoint, ConnectError> {
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
    let mut endpoint = Endpoint::from_shared(url.to_owned())
        .map_err(|source| bad(Some(source)))?
        .connect_timeout(settings.dial_timeout)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .keep_alive_timeout(KEEP_ALIVE)
        .keep_alive_while_idle(false)
        .initial_stream_window_size(STREAM_WINDOW)
        .initial_connection_window_size(CONNECTION_WINDOW)
        .tcp_nodelay(true);
    if secure {
        let mut tls = TlsOptions::new();
        if let Some(pem) = ca {
            tls = tls.ca_certificate(Certificate::from_pem(pem));
        }
        endpoint = endpoint
            .tls_config(tls)
            .map_err(|source| bad(Some(source)))?;
    }
    Ok(endpoint)
}

/// Sends every call to one endpoint, and moves on to the next when that one cannot be reached.
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
            if answer.is_err() {
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
