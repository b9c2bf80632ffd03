//! TLS towards etcd: trusted authorities and client certificate, as configured.
//!
//! The files are read again for each connection: a certificate is renewed by replacing its files, and open
//! connections continue. Contents that cannot be used (a certificate whose key is not written yet, a
//! partly written file) are logged, and the last usable contents stay in use.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Uri;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustls::pki_types::pem::{self, PemObject as _};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower::{BoxError, Service};
use x509_parser::certificate::X509Certificate;
use x509_parser::prelude::FromDer as _;

use super::Settings;

/// HTTP/2's ALPN name.
const HTTP2: &[u8] = b"h2";

/// Why the files cannot be used.
#[derive(Debug, Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("the file {path} cannot be read")]
    Read {
        /// As configured.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// A file is not PEM.
    #[error("{path} is not a PEM file of a {kind}")]
    Pem {
        /// As configured.
        path: PathBuf,
        /// The expected kind of contents.
        kind: &'static str,
        /// The parser's error.
        #[source]
        source: Option<pem::Error>,
    },
    /// No authority is trusted.
    #[error("no usable CA certificate in {0}")]
    NoAuthority(String),
    /// The certificate is not one for this key, or neither is usable.
    #[error("the certificate and the key cannot be used together")]
    Identity(#[source] rustls::Error),
}

/// The contents of the files.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Contents {
    authority: Option<Vec<u8>>,
    identity: Option<(Vec<u8>, Vec<u8>)>,
}

/// The contents in use.
#[derive(Default)]
struct Current {
    contents: Contents,
    /// `None` before a connection needs it.
    ready: Option<Ready>,
    /// Why newer contents are not in use; logged once.
    rejected: Option<String>,
}

/// The contents as a TLS configuration.
#[derive(Clone)]
struct Ready {
    config: Arc<ClientConfig>,
    /// The common name in our certificate, which etcd may use as the user name.
    common_name: Option<String>,
}

/// The TLS files of all connections to a cluster.
pub(super) struct Tls {
    authority: Option<PathBuf>,
    identity: Option<(PathBuf, PathBuf)>,
    current: Mutex<Current>,
}

impl Tls {
    /// Reads the files; fails if they are missing, or if an endpoint needs them and they cannot be used.
    pub(super) async fn read(settings: &Settings) -> Result<Self, TlsError> {
        let tls = Self {
            authority: settings.cacert.clone(),
            identity: settings.identity.clone(),
            current: Mutex::default(),
        };
        let contents = tls.contents().await?;
        let secure = settings.endpoints.iter().any(|url| is_secure(url));
        let ready = secure.then(|| tls.usable(&contents)).transpose()?;
        *tls.current() = Current {
            contents,
            ready,
            rejected: None,
        };
        Ok(tls)
    }

    /// The common name in our client certificate, if there is one.
    pub(super) fn common_name(&self) -> Option<String> {
        let current = self.current();
        current.ready.as_ref()?.common_name.clone()
    }

    /// Whether the client certificate has no common name.
    pub(super) fn is_nameless(&self) -> bool {
        let nameless = |ready: &Ready| ready.common_name.is_none();
        self.identity.is_some() && self.current().ready.as_ref().is_some_and(nameless)
    }

    /// The configuration for the next connection: of the present files, or of the last usable ones.
    async fn next(&self) -> Result<Arc<ClientConfig>, TlsError> {
        let read = self.contents().await;
        let mut current = self.current();
        let former = current.ready.clone();
        let ready = match (read, former) {
            (Ok(contents), Some(former)) if contents == current.contents => {
                current.rejected = None;
                former
            }
            (read, former) => {
                let ready = read.and_then(|contents| {
                    let ready = self.usable(&contents)?;
                    Ok((contents, ready))
                });
                match (ready, former) {
                    (Ok((contents, ready)), former) => {
                        if former.is_some() {
                            tracing::info!("connections to etcd use the changed certificates");
                        }
                        *current = Current {
                            contents,
                            ready: Some(ready.clone()),
                            rejected: None,
                        };
                        ready
                    }
                    (Err(error), Some(former)) => {
                        current.reject(error);
                        former
                    }
                    (Err(error), None) => return Err(error),
                }
            }
        };
        Ok(ready.config)
    }

    async fn contents(&self) -> Result<Contents, TlsError> {
        let authority = match &self.authority {
            Some(path) => Some(read(path).await?),
            None => None,
        };
        let identity = match &self.identity {
            Some((cert, key)) => Some((read(cert).await?, read(key).await?)),
            None => None,
        };
        Ok(Contents {
            authority,
            identity,
        })
    }

    fn usable(&self, contents: &Contents) -> Result<Ready, TlsError> {
        let mut roots = RootCertStore::empty();
        let trusted = match (&contents.authority, &self.authority) {
            (Some(pem), Some(path)) => certificates(pem, path)?,
            _ => rustls_native_certs::load_native_certs().certs,
        };
        roots.add_parsable_certificates(trusted);
        if roots.is_empty() {
            let system = || "this system".to_owned();
            let at = self.authority.as_ref();
            let at = at.map_or_else(system, |path| path.display().to_string());
            return Err(TlsError::NoAuthority(at));
        }
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .expect("the provider knows them")
            .with_root_certificates(roots);
        let mut name = None;
        let mut config = match (&contents.identity, &self.identity) {
            (Some((cert, key)), Some((cert_path, key_path))) => {
                let chain = certificates(cert, cert_path)?;
                let key = PrivateKeyDer::from_pem_slice(key).map_err(|source| TlsError::Pem {
                    path: key_path.clone(),
                    kind: "private key",
                    source: Some(source),
                })?;
                name = chain.first().and_then(common_name);
                builder
                    .with_client_auth_cert(chain, key)
                    .map_err(TlsError::Identity)?
            }
            _ => builder.with_no_client_auth(),
        };
        config.alpn_protocols = vec![HTTP2.to_vec()];
        Ok(Ready {
            config: Arc::new(config),
            common_name: name,
        })
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Current {
    /// Logs once why newer contents are not in use.
    fn reject(&mut self, error: TlsError) {
        let cause = format!("{:#}", anyhow::Error::from(error));
        if self.rejected.as_ref() != Some(&cause) {
            tracing::warn!(
                cause,
                "the changed certificates cannot be used: connections to etcd keep the former ones"
            );
            self.rejected = Some(cause);
        }
    }
}

/// Whether a client URL uses TLS.
pub(super) fn is_secure(url: &str) -> bool {
    url.starts_with("https://")
}

async fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    let file = tokio::fs::read(path).await;
    file.map_err(|source| TlsError::Read {
        path: path.to_owned(),
        source,
    })
}

/// All certificates of a file; at least one.
fn certificates(pem: &[u8], path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let not_pem = |source| TlsError::Pem {
        path: path.to_owned(),
        kind: "certificate",
        source,
    };
    let all = CertificateDer::pem_slice_iter(pem).collect::<Result<Vec<_>, _>>();
    let all = all.map_err(|source| not_pem(Some(source)))?;
    if all.is_empty() {
        return Err(not_pem(None));
    }
    Ok(all)
}

/// The common name of a certificate's subject; `None` if it is missing or empty.
fn common_name(certificate: &CertificateDer<'_>) -> Option<String> {
    let (_, certificate) = X509Certificate::from_der(certificate).ok()?;
    let mut names = certificate.subject().iter_common_name();
    let name = names.find_map(|name| name.as_str().ok())?;
    (!name.is_empty()).then(|| name.to_owned())
}

/// Connects to one `https://` endpoint.
#[derive(Clone)]
pub(super) struct Connector {
    uri: Uri,
    name: ServerName<'static>,
    tcp: HttpConnector,
    tls: Arc<Tls>,
    /// For the handshake.
    timeout: Duration,
}

impl Connector {
    /// `None` if the URL's host cannot be the subject of a certificate. `timeout` applies to the TCP
    /// connection, and again to the handshake.
    pub(super) fn new(uri: Uri, tls: Arc<Tls>, timeout: Duration) -> Option<Self> {
        let host = uri.host()?.trim_matches(['[', ']']).to_owned();
        let name = ServerName::try_from(host).ok()?;
        let mut tcp = HttpConnector::new();
        tcp.enforce_http(false);
        tcp.set_nodelay(true);
        tcp.set_connect_timeout(Some(timeout));
        Some(Self {
            uri,
            name,
            tcp,
            tls,
            timeout,
        })
    }
}

impl Service<Uri> for Connector {
    type Response = TokioIo<TlsStream<TcpStream>>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.tcp.poll_ready(cx).map_err(BoxError::from)
    }

    /// Connects to the endpoint's own URL, whatever is requested.
    fn call(&mut self, _: Uri) -> Self::Future {
        let tcp = self.tcp.call(self.uri.clone());
        let (tls, name, limit) = (Arc::clone(&self.tls), self.name.clone(), self.timeout);
        Box::pin(async move {
            let stream = tcp.await?.into_inner();
            let connector = TlsConnector::from(tls.next().await?);
            let handshake = timeout(limit, connector.connect(name, stream)).await;
            let stream = handshake.map_err(|_| "the TLS handshake timed out")??;
            if stream.get_ref().1.alpn_protocol() != Some(HTTP2) {
                return Err("the server does not speak HTTP/2 under TLS".into());
            }
            Ok(TokioIo::new(stream))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pem(kind: &str) -> String {
        format!("-----BEGIN {kind}-----\nAAAA\n-----END {kind}-----\n")
    }

    #[test]
    fn a_file_without_a_certificate_is_refused() {
        let path = Path::new("ca.pem");
        let read = |text: &str| certificates(text.as_bytes(), path);
        assert_eq!(read(&pem("CERTIFICATE")).expect("reads").len(), 1);
        assert!(read("").is_err());
        assert!(read(&pem("PRIVATE KEY")).is_err());
        let half = pem("CERTIFICATE");
        assert!(
            read(&half[..half.len() - 10]).is_err(),
            "still being written"
        );
    }
}
