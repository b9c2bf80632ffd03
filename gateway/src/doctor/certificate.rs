//! The contents of a server's certificate.

use std::net::IpAddr;

use rustls::pki_types::CertificateDer;
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;
use x509_parser::certificate::X509Certificate;
use x509_parser::extensions::GeneralName;
use x509_parser::oid_registry::OID_SIG_ED25519;
use x509_parser::prelude::FromDer as _;
use x509_parser::public_key::PublicKey;

/// The fields that decide whether it is accepted.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    /// The names and addresses it is valid for.
    pub(super) names: Vec<String>,
    /// Its issuer.
    pub(super) issuer: String,
    /// Kind and size of its key.
    pub(super) key: String,
    /// When it expires.
    pub(super) until: OffsetDateTime,
}

impl Facts {
    pub(super) fn of(der: &CertificateDer<'_>) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let names = certificate.subject_alternative_name().ok().flatten();
        let names = names.map_or_else(Vec::new, |names| {
            names.value.general_names.iter().filter_map(name).collect()
        });
        Some(Self {
            names,
            issuer: certificate.issuer().to_string(),
            key: key(&certificate),
            until: certificate.validity().not_after.to_datetime(),
        })
    }

    /// `a.example, 10.0.0.1; EC 256; until 2027-01-01`.
    pub(super) fn line(&self) -> String {
        format!(
            "names {}; key {}; until {}",
            self.names(),
            self.key,
            self.until()
        )
    }

    pub(super) fn names(&self) -> String {
        if self.names.is_empty() {
            "none".to_owned()
        } else {
            self.names.join(", ")
        }
    }

    pub(super) fn until(&self) -> String {
        self.until
            .format(&Rfc3339)
            .unwrap_or_else(|_| self.until.to_string())
    }

    /// Whole days until it expires.
    pub(super) fn days_left(&self) -> i64 {
        (self.until - OffsetDateTime::now_utc()).whole_days()
    }
}

fn name(name: &GeneralName<'_>) -> Option<String> {
    match name {
        GeneralName::DNSName(name) => Some((*name).to_owned()),
        GeneralName::IPAddress(bytes) => {
            let v4 = <[u8; 4]>::try_from(*bytes).map(IpAddr::from);
            let v6 = || <[u8; 16]>::try_from(*bytes).map(IpAddr::from);
            v4.or_else(|_| v6()).ok().map(|address| address.to_string())
        }
        _ => None,
    }
}

fn key(certificate: &X509Certificate<'_>) -> String {
    let public = certificate.public_key();
    match public.parsed() {
        Ok(PublicKey::RSA(key)) => format!("RSA {}", key.key_size()),
        Ok(PublicKey::EC(point)) => format!("EC {}", point.key_size()),
        _ if public.algorithm.algorithm == OID_SIG_ED25519 => "Ed25519".to_owned(),
        _ => "of another kind".to_owned(),
    }
}
