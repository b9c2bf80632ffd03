//! Certificates for a test: an authority and the certificates it signs.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::string::Ia5String;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, SanType,
};
use tempfile::TempDir;

/// A certificate authority, and the folder of its certificates.
#[derive(Debug)]
pub struct Authority {
    folder: TempDir,
    issuer: Issuer<'static, KeyPair>,
}

/// The PEM files of a certificate and its key.
#[derive(Clone, Debug)]
pub struct Signed {
    /// The certificate.
    pub cert: PathBuf,
    /// The private key, PKCS#8.
    pub key: PathBuf,
    pkcs8: Vec<u8>,
}

/// Kinds of private keys.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Elliptic curve.
    Ec,
    /// RSA.
    Rsa,
}

impl Signed {
    /// The certificate's file as a flag's value.
    pub fn cert(&self) -> &str {
        text(&self.cert)
    }

    /// The key's file as a flag's value.
    pub fn key(&self) -> &str {
        text(&self.key)
    }

    /// A file with the key in its older form, without PKCS#8: SEC1 for a curve, PKCS#1 for RSA.
    pub fn without_pkcs8(&self, label: &str) -> PathBuf {
        let outer = content(&self.pkcs8);
        let version = &outer[..element(outer)];
        let algorithm = &outer[version.len()..];
        let key = content(&algorithm[element(algorithm)..]);
        let mut pem = format!("-----BEGIN {label}-----\n");
        for line in STANDARD.encode(key).as_bytes().chunks(64) {
            pem.push_str(std::str::from_utf8(line).expect("base64 is text"));
            pem.push('\n');
        }
        let _ = writeln!(pem, "-----END {label}-----");
        let file = self.key.with_extension("unwrapped.pem");
        std::fs::write(&file, pem).expect("files can be written");
        file
    }
}

/// The length in bytes of the first DER element, header included.
fn element(der: &[u8]) -> usize {
    let (header, length) = header(der);
    header + length
}

/// The content of the first DER element.
fn content(der: &[u8]) -> &[u8] {
    let (header, length) = header(der);
    &der[header..header + length]
}

/// Lengths of the first DER element's header and content.
fn header(der: &[u8]) -> (usize, usize) {
    let first = usize::from(der[1]);
    if first < 0x80 {
        return (2, first);
    }
    let more = first & 0x7f;
    let length = der[2..2 + more]
        .iter()
        .fold(0, |length, byte| length << 8 | usize::from(*byte));
    (2 + more, length)
}

fn text(path: &Path) -> &str {
    path.to_str().expect("temporary folders are named in UTF-8")
}

impl Authority {
    /// A new authority.
    pub fn new() -> Self {
        let folder = TempDir::with_prefix("watchgate-certs-").expect("folders can be made");
        let key = KeyPair::generate().expect("keys can be made");
        let mut params = named("Test authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let own = params.self_signed(&key).expect("an authority signs itself");
        std::fs::write(folder.path().join("ca.pem"), own.pem()).expect("files can be written");
        Self {
            folder,
            issuer: Issuer::new(params, key),
        }
    }

    /// The file of its own certificate.
    pub fn file(&self) -> String {
        text(&self.folder.path().join("ca.pem")).to_owned()
    }

    /// A server certificate for these addresses and names.
    pub fn server(&self, names: &[&str]) -> Signed {
        let mut params = named("etcd");
        params.subject_alt_names = names
            .iter()
            .map(|name| match name.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(Ia5String::try_from(*name).expect("names are ASCII")),
            })
            .collect();
        // etcd's JSON gateway dials its own listener, with the same certificate.
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        self.sign("server", params)
    }

    /// An expired server certificate for an address.
    pub fn expired_server(&self, name: &str) -> Signed {
        let mut params = named("etcd");
        params.subject_alt_names = vec![SanType::IpAddress(name.parse().expect("an address"))];
        params.not_before = rcgen::date_time_ymd(2020, 1, 1);
        params.not_after = rcgen::date_time_ymd(2021, 1, 1);
        self.sign("expired", params)
    }

    /// A client certificate; its common name is the user's name where etcd's authentication is on.
    pub fn client(&self, name: &str, kind: Kind) -> Signed {
        let mut params = named(name);
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign_for(name, params, kind)
    }

    /// A client certificate without a common name.
    pub fn nameless_client(&self) -> Signed {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        self.sign("nameless", params)
    }

    fn sign(&self, name: &str, params: CertificateParams) -> Signed {
        self.sign_for(name, params, Kind::Ec)
    }

    fn sign_for(&self, name: &str, params: CertificateParams, kind: Kind) -> Signed {
        let key = match kind {
            Kind::Ec => KeyPair::generate(),
            Kind::Rsa => KeyPair::generate_for(&rcgen::PKCS_RSA_SHA256),
        };
        let key = key.expect("keys can be made");
        let certificate = params
            .signed_by(&key, &self.issuer)
            .expect("an authority signs");
        let signed = Signed {
            cert: self.folder.path().join(format!("{name}.pem")),
            key: self.folder.path().join(format!("{name}-key.pem")),
            pkcs8: key.serialize_der(),
        };
        std::fs::write(&signed.cert, certificate.pem()).expect("files can be written");
        std::fs::write(&signed.key, key.serialize_pem()).expect("files can be written");
        signed
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, name);
    params
}
