//! Connections of the tests' clients: plain or TLS, HTTP/1.1 or HTTP/2.
//!
//! Each request has its own connection. Dropping it looks like a crash: no closing message is sent.

use std::fmt::Debug;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper::rt::Executor;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;

use crate::certs::{Authority, Signed};
use crate::spawn;

/// HTTP/2's protocol name in ALPN.
const HTTP2: &[u8] = b"h2";

/// A client's TLS settings: the authority it trusts and the certificate it presents.
#[derive(Clone, Debug)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Trusts this authority, and presents this certificate if the server requests one.
    pub fn of(authority: &Authority, own: &Signed) -> Self {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_file(authority.file())
            .expect("an authority's certificate is PEM");
        roots
            .add(ca)
            .expect("an authority's certificate can be trusted");
        let chain = CertificateDer::from_pem_file(&own.cert).expect("a certificate is PEM");
        let key = PrivateKeyDer::from_pem_file(&own.key).expect("a key is PEM");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider supports the default TLS versions")
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![chain], key)
            .expect("the key belongs to the certificate");
        Self(Arc::new(config))
    }

    /// Offers HTTP/2 in ALPN, or nothing.
    fn connector(&self, http2: bool) -> TlsConnector {
        let mut config = ClientConfig::clone(&self.0);
        if http2 {
            config.alpn_protocols = vec![HTTP2.to_vec()];
        }
        Arc::new(config).into()
    }
}

/// A byte stream in both directions.
pub trait Duplex: AsyncRead + AsyncWrite + Unpin + Send + Debug {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Debug> Duplex for T {}

/// A connection, plain or TLS.
pub(crate) type Connection = Box<dyn Duplex>;

/// A client's server and protocol.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) address: SocketAddr,
    /// Without it the connection is plain.
    pub(crate) tls: Option<Tls>,
    /// Negotiated by ALPN with TLS; without TLS used with prior knowledge.
    pub(crate) http2: bool,
}

impl Target {
    /// Connects.
    pub(crate) async fn open(&self) -> io::Result<Connection> {
        let stream = TcpStream::connect(self.address).await?;
        stream.set_nodelay(true)?;
        let Some(tls) = &self.tls else {
            return Ok(Box::new(stream));
        };
        let name = ServerName::from(self.address.ip());
        let stream = tls.connector(self.http2).connect(name, stream).await?;
        if self.http2 {
            let agreed = stream.get_ref().1.alpn_protocol();
            assert_eq!(agreed, Some(HTTP2), "the server supports HTTP/2");
        }
        Ok(Box::new(stream))
    }

    /// Connects and completes the HTTP handshake, for one request.
    pub(crate) async fn connect(&self) -> Result<(Sender, ConnectionTasks), crate::http::Error> {
        let io = TokioIo::new(self.open().await?);
        let tasks = ConnectionTasks::default();
        let sender = if self.http2 {
            let (sender, connection) = http2::handshake(tasks.clone(), io).await?;
            tasks.execute(connection);
            Sender::Http2(sender)
        } else {
            let (sender, connection) = http1::handshake(io).await?;
            tasks.execute(connection);
            Sender::Http1(sender)
        };
        Ok((sender, tasks))
    }

    /// The request target for a path: absolute in HTTP/2.
    pub(crate) fn uri(&self, path: &str) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        if self.http2 {
            format!("{scheme}://{}{path}", self.address)
        } else {
            path.to_owned()
        }
    }
}

/// Sends requests on a connection.
pub(crate) enum Sender {
    Http1(http1::SendRequest<Full<Bytes>>),
    Http2(http2::SendRequest<Full<Bytes>>),
}

impl Sender {
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::Http1(sender) => sender.send_request(request).await,
            Self::Http2(sender) => sender.send_request(request).await,
        }
    }
}

/// The tasks that drive a connection.
#[derive(Clone, Debug, Default)]
pub(crate) struct ConnectionTasks(Arc<Mutex<Vec<JoinHandle<()>>>>);

impl ConnectionTasks {
    /// Aborts them, which closes the connection.
    pub(crate) fn abort(&self) {
        let mut tasks = self.0.lock().expect("no holder of the lock panics");
        for task in tasks.drain(..) {
            task.abort();
        }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for ConnectionTasks {
    fn execute(&self, task: F) {
        let task = spawn(async move {
            task.await;
        });
        let mut tasks = self.0.lock().expect("no holder of the lock panics");
        tasks.push(task);
    }
}
