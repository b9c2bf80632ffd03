//! Checks of one endpoint: the URL, DNS, TCP, TLS, HTTP/2.

use std::io::{self, ErrorKind};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http::Uri;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{
    AlertDescription, CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore,
    SignatureScheme,
};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpStream, lookup_host};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::certificate::Facts;
use super::report::Report;
use crate::etcd::Settings;

/// A certificate that expires within so many days is warned about.
const SOON: i64 = 30;
/// The HTTP/2 connection preface, followed by an empty SETTINGS frame.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
/// The frame type SETTINGS, the first frame that an HTTP/2 server sends.
const SETTINGS: u8 = 4;
/// The first byte of a TLS alert, which a TLS server sends to a client that does not speak TLS.
const TLS_ALERT: u8 = 0x15;

/// Checks one endpoint; returns whether it speaks HTTP/2.
pub(super) async fn examine(
    report: &mut Report<'_>,
    url: &str,
    settings: &Settings,
) -> io::Result<bool> {
    let Some((secure, host, port)) = parts(url) else {
        report.failed(
            "url",
            "not an etcd client URL",
            "write it as http://host:2379 or https://host:2379, without user and password",
        )?;
        return Ok(false);
    };
    let Some(addresses) = resolve(report, &host, port).await? else {
        return Ok(false);
    };
    let Some(stream) = connect(report, &addresses, settings.dial_timeout).await? else {
        return Ok(false);
    };
    if !secure {
        return http2(report, stream, settings, false).await;
    }
    match tls(report, stream, &host, settings).await? {
        Some(stream) => http2(report, stream, settings, true).await,
        None => Ok(false),
    }
}

/// Whether it uses TLS, the host, the port.
fn parts(url: &str) -> Option<(bool, String, u16)> {
    let uri: Uri = url.parse().ok()?;
    let secure = match uri.scheme_str()? {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    if uri.authority()?.as_str().contains('@') {
        return None;
    }
    let host = uri.host()?.trim_matches(['[', ']']).to_owned();
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    Some((secure, host, port))
}

async fn resolve(
    report: &mut Report<'_>,
    host: &str,
    port: u16,
) -> io::Result<Option<Vec<SocketAddr>>> {
    if let Ok(address) = host.parse::<IpAddr>() {
        report.ok("dns", "an IP address, no lookup needed")?;
        return Ok(Some(vec![SocketAddr::new(address, port)]));
    }
    match lookup_host((host, port)).await.map(Vec::from_iter) {
        Ok(addresses) if !addresses.is_empty() => {
            let texts: Vec<_> = addresses
                .iter()
                .map(|address| address.ip().to_string())
                .collect();
            report.ok("dns", &format!("{host} resolves to {}", texts.join(", ")))?;
            Ok(Some(addresses))
        }
        response => {
            let detail = match response {
                Err(error) => format!("{host} has no address: {error}"),
                Ok(_) => format!("{host} has no address"),
            };
            let fix = "correct the name in the URL or in DNS, or use the server's address";
            report.failed("dns", &detail, fix)?;
            Ok(None)
        }
    }
}

async fn connect(
    report: &mut Report<'_>,
    addresses: &[SocketAddr],
    dial_timeout: Duration,
) -> io::Result<Option<TcpStream>> {
    let mut last = String::new();
    let mut fix = "";
    for address in addresses {
        match timeout(dial_timeout, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => {
                report.ok("tcp", &format!("{address} accepts connections"))?;
                return Ok(Some(stream));
            }
            Ok(Err(error)) => {
                fix = if error.kind() == ErrorKind::ConnectionRefused {
                    "nothing listens there: start etcd, or correct the port here or in its --listen-client-urls"
                } else {
                    "correct the route or the address"
                };
                last = format!("{address}: {error}");
            }
            Err(_) => {
                fix = "a firewall may drop the packets: let this machine through, or raise --dial-timeout";
                last = format!(
                    "{address} did not respond within {} ms",
                    dial_timeout.as_millis()
                );
            }
        }
    }
    report.failed("tcp", &last, fix)?;
    Ok(None)
}

/// Verifies as the real client does, and records the server's certificate.
#[derive(Debug)]
struct RecordingVerifier {
    inner: Arc<WebPkiServerVerifier>,
    leaf: Mutex<Option<Facts>>,
}

impl RecordingVerifier {
    fn leaf(&self) -> Option<Facts> {
        let mut seen = self.leaf.lock().unwrap_or_else(PoisonError::into_inner);
        seen.take()
    }
}

impl ServerCertVerifier for RecordingVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let mut seen = self.leaf.lock().unwrap_or_else(PoisonError::into_inner);
        *seen = Facts::of(end_entity);
        drop(seen);
        self.inner
            .verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls12_signature(message, cert, dss)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        self.inner.verify_tls13_signature(message, cert, dss)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.inner.supported_verify_schemes()
    }
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, String> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| format!("{} is not a PEM certificate: {error}", path.display()))
}

/// The TLS client as configured, or a sentence about what is wrong with its files.
fn client(settings: &Settings) -> Result<(ClientConfig, Arc<RecordingVerifier>), String> {
    let mut roots = RootCertStore::empty();
    let trusted = match &settings.cacert {
        Some(path) => certificates(path)?,
        None => rustls_native_certs::load_native_certs().certs,
    };
    roots.add_parsable_certificates(trusted);
    if roots.is_empty() {
        return Err("this machine has no trusted certificate authorities".to_owned());
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let inner = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&provider))
        .build()
        .map_err(|error| error.to_string())?;
    let recorder = Arc::new(RecordingVerifier {
        inner,
        leaf: Mutex::default(),
    });
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .dangerous()
        .with_custom_certificate_verifier(Arc::clone(&recorder) as Arc<dyn ServerCertVerifier>);
    let mut config = match &settings.identity {
        Some((cert, key)) => {
            let chain = certificates(cert)?;
            let private = PrivateKeyDer::from_pem_file(key)
                .map_err(|error| format!("{} is not a PEM key: {error}", key.display()))?;
            builder
                .with_client_auth_cert(chain, private)
                .map_err(|error| format!("the certificate and the key do not match: {error}"))?
        }
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok((config, recorder))
}

async fn tls(
    report: &mut Report<'_>,
    stream: TcpStream,
    host: &str,
    settings: &Settings,
) -> io::Result<Option<tokio_rustls::client::TlsStream<TcpStream>>> {
    let (config, recorder) = match client(settings) {
        Ok(client) => client,
        Err(detail) => {
            report.failed("tls", &detail, "check --cacert, --cert and --key")?;
            return Ok(None);
        }
    };
    let Ok(name) = ServerName::try_from(host.to_owned()) else {
        let detail = format!("{host} is not a valid certificate name");
        report.failed(
            "tls",
            &detail,
            "use a name or an address of the server's certificate",
        )?;
        return Ok(None);
    };
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let handshake =
        match timeout(settings.dial_timeout.max(Duration::from_secs(5)), handshake).await {
            Ok(done) => done,
            Err(_) => Err(io::Error::new(
                ErrorKind::TimedOut,
                "the handshake timed out",
            )),
        };
    let seen = recorder.leaf();
    match handshake {
        Ok(stream) => {
            let line = seen.as_ref().map_or_else(String::new, Facts::line);
            match seen {
                Some(facts) if facts.days_left() < SOON => {
                    let fix = format!(
                        "renew the server's certificate: {} days are left",
                        facts.days_left()
                    );
                    report.warn("tls", &line, Some(&fix))?;
                }
                _ => report.ok("tls", &line)?,
            }
            Ok(Some(stream))
        }
        Err(error) => {
            let (detail, fix) = tls_problem(&error, host, seen.as_ref(), settings);
            report.failed("tls", &detail, &fix)?;
            Ok(None)
        }
    }
}

fn tls_problem(
    error: &io::Error,
    host: &str,
    seen: Option<&Facts>,
    settings: &Settings,
) -> (String, String) {
    use rustls::Error as Tls;
    let cause = error
        .get_ref()
        .and_then(|inner| inner.downcast_ref::<Tls>());
    let issuer = seen.map_or("unknown", |facts| &facts.issuer);
    match cause {
        // BadSignature: an authority of the same name with another key.
        Some(Tls::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        )) => (
            format!(
                "the server's certificate is signed by {issuer}, which this machine does not trust"
            ),
            "give that authority's certificate: --cacert FILE".to_owned(),
        ),
        Some(Tls::InvalidCertificate(
            CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
        )) => {
            let names = seen.map_or_else(String::new, Facts::names);
            (
                format!("the server's certificate is for {names}, not for {host}"),
                format!("use one of these names in the URL, or issue a certificate for {host}"),
            )
        }
        Some(Tls::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        )) => {
            let until = seen.map_or_else(String::new, Facts::until);
            (
                format!("the server's certificate expired at {until}"),
                "renew the server's certificate, or correct this machine's clock".to_owned(),
            )
        }
        Some(Tls::InvalidCertificate(
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. },
        )) => (
            "the server's certificate is not valid yet".to_owned(),
            "correct this machine's clock".to_owned(),
        ),
        Some(Tls::AlertReceived(alert)) => alert_problem(*alert, settings),
        Some(Tls::InvalidMessage(_)) => (
            "the server does not speak TLS".to_owned(),
            "use http:// in the URL, or start etcd with --cert-file and --key-file".to_owned(),
        ),
        Some(other) => (
            other.to_string(),
            "compare with the output of `openssl s_client -connect`".to_owned(),
        ),
        None => (
            format!("the server closed the connection during the handshake: {error}"),
            "use http:// in the URL if etcd has no --cert-file".to_owned(),
        ),
    }
}

/// A TLS alert from the server: usually about our client certificate, or the lack of one.
fn alert_problem(alert: AlertDescription, settings: &Settings) -> (String, String) {
    let fix = match alert {
        AlertDescription::ProtocolVersion => {
            "the server's TLS version is too old: 1.2 or newer is required"
        }
        _ if settings.identity.is_some() => {
            "use a certificate signed by an authority in etcd's --trusted-ca-file"
        }
        _ => "etcd requires a client certificate: give --cert FILE and --key FILE",
    };
    (
        format!("the server refused the connection: {alert:?}"),
        fix.to_owned(),
    )
}

async fn http2(
    report: &mut Report<'_>,
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    settings: &Settings,
    secure: bool,
) -> io::Result<bool> {
    let mut first = [0; 64];
    let probe = async {
        stream.write_all(PREFACE).await?;
        stream.flush().await?;
        let mut read = 0;
        // A frame header has nine bytes; the fourth is the type.
        while read < 9 {
            match stream.read(&mut first[read..]).await? {
                0 => break,
                more => read += more,
            }
        }
        Ok::<_, io::Error>(read)
    };
    let response = match timeout(settings.dial_timeout.max(Duration::from_secs(5)), probe).await {
        Ok(response) => response,
        Err(_) => Err(io::Error::new(ErrorKind::TimedOut, "no response")),
    };
    let (detail, fix) = match response {
        Ok(9..) if first[3] == SETTINGS && !first.starts_with(b"HTTP") => {
            report.ok("http2", "supported")?;
            return Ok(true);
        }
        Ok(1..) if !secure && (first[0] == TLS_ALERT || first.starts_with(b"HTTP/1.0 400")) => (
            "the server speaks TLS".to_owned(),
            "use https:// in the URL".to_owned(),
        ),
        Ok(1..) => (
            "the server does not speak HTTP/2".to_owned(),
            "use etcd's client URL: not its --listen-client-http-urls, metrics or peer port, and not an HTTP/1 proxy"
                .to_owned(),
        ),
        Ok(0) => (
            "the server closed the connection".to_owned(),
            if secure {
                "use etcd's client URL".to_owned()
            } else {
                "use https:// in the URL if etcd has a --cert-file, or etcd's client URL".to_owned()
            },
        ),
        Err(error) => {
            let cause = error.get_ref();
            match cause.and_then(|inner| inner.downcast_ref::<rustls::Error>()) {
                // With TLS 1.3 a refused client certificate is reported only after the handshake.
                Some(rustls::Error::AlertReceived(alert)) => alert_problem(*alert, settings),
                _ => (error.to_string(), "use etcd's client URL".to_owned()),
            }
        }
    };
    report.failed("http2", &detail, &fix)?;
    Ok(false)
}

#[cfg(test)]
mod tests {
    use super::parts;

    #[test]
    fn urls_are_parsed() {
        let of = |secure, host: &str, port| Some((secure, host.to_owned(), port));
        assert_eq!(parts("http://a.example:2379"), of(false, "a.example", 2379));
        assert_eq!(parts("https://[::1]:2379"), of(true, "::1", 2379));
        assert_eq!(parts("https://a.example"), of(true, "a.example", 443));
        for wrong in ["a.example:2379", "ftp://a", "http://root:x@a:2379", ""] {
            assert_eq!(parts(wrong), None, "{wrong}");
        }
    }
}
