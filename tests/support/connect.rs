//! Connections of the tests' clients: plain or under TLS, for HTTP/1.1 or HTTP/2.
//!
//! One connection a request. Its end is a crash's: nothing is said to the server when it is dropped.

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

/// HTTP/2's name under TLS.
const HTTP2: &[u8] = b"h2";

/// Whom a client trusts under TLS, and what it shows.
#[derive(Clone, Debug)]
pub struct Tls(Arc<ClientConfig>);

impl Tls {
    /// Trusts what this authority signs; shows this certificate to who asks for one.
    pub fn of(authority: &Authority, shown: &Signed) -> Self {
        let mut roots = RootCertStore::empty();
        let ca = CertificateDer::from_pem_file(authority.file()).expect("an authority's is PEM");
        roots.add(ca).expect("an authority's can be trusted");
        let chain = CertificateDer::from_pem_file(&shown.cert).expect("a certificate is PEM");
        let key = PrivateKeyDer::from_pem_file(&shown.key).expect("a key is PEM");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows them")
            .with_root_certificates(roots)
            .with_client_auth_cert(vec![chain], key)
            .expect("they belong together");
        Self(Arc::new(config))
    }

    /// Asks for HTTP/2, or for nothing.
    fn connector(&self, http2: bool) -> TlsConnector {
        let mut config = ClientConfig::clone(&self.0);
        if http2 {
            config.alpn_protocols = vec![HTTP2.to_vec()];
        }
        Arc::new(config).into()
    }
}

/// Bytes in both directions.
pub trait Wire: AsyncRead + AsyncWrite + Unpin + Send + Debug {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send + Debug> Wire for T {}

/// A connection, whatever carries it.
pub(crate) type Connection = Box<dyn Wire>;

/// Where a client speaks to, and how.
#[derive(Clone, Debug)]
pub(crate) struct Link {
    pub(crate) address: SocketAddr,
    /// Plain without it.
    pub(crate) tls: Option<Tls>,
    /// Without TLS it is spoken unasked.
    pub(crate) http2: bool,
}

impl Link {
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
            assert_eq!(agreed, Some(HTTP2), "the server speaks HTTP/2");
        }
        Ok(Box::new(stream))
    }

    /// Connects for one request.
    pub(crate) async fn speak(&self) -> Result<(Speaker, Guard), crate::http::Error> {
        let io = TokioIo::new(self.open().await?);
        let guard = Guard::default();
        let speaker = if self.http2 {
            let (speaker, connection) = http2::handshake(guard.clone(), io).await?;
            guard.execute(connection);
            Speaker::Two(speaker)
        } else {
            let (speaker, connection) = http1::handshake(io).await?;
            guard.execute(connection);
            Speaker::One(speaker)
        };
        Ok((speaker, guard))
    }

    /// A path as the protocol wants it.
    pub(crate) fn target(&self, path: &str) -> String {
        let scheme = if self.tls.is_some() { "https" } else { "http" };
        if self.http2 {
            format!("{scheme}://{}{path}", self.address)
        } else {
            path.to_owned()
        }
    }
}

/// Sends requests.
pub(crate) enum Speaker {
    One(http1::SendRequest<Full<Bytes>>),
    Two(http2::SendRequest<Full<Bytes>>),
}

impl Speaker {
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> hyper::Result<Response<Incoming>> {
        match self {
            Self::One(speaker) => speaker.send_request(request).await,
            Self::Two(speaker) => speaker.send_request(request).await,
        }
    }
}

/// The tasks of a connection, which end with it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Guard(Arc<Mutex<Vec<JoinHandle<()>>>>);

impl Guard {
    /// Ends them, and the connection with them.
    pub(crate) fn abort(&self) {
        let mut tasks = self.0.lock().expect("nobody panics holding it");
        for task in tasks.drain(..) {
            task.abort();
        }
    }
}

impl<F: Future<Output: Send> + Send + 'static> Executor<F> for Guard {
    fn execute(&self, task: F) {
        let task = spawn(async move {
            task.await;
        });
        let mut tasks = self.0.lock().expect("nobody panics holding it");
        tasks.push(task);
    }
}
