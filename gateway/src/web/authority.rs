//! Hosts as they appear in `Host`, `:authority`, `Origin` and `--allow-host`.

use std::net::SocketAddr;

/// A host with an optional port, normalised to lower case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Authority {
    pub(crate) host: String,
    pub(crate) port: Option<u16>,
}

impl Authority {
    /// `host`, `host:port`, `[v6]` or `[v6]:port`; a user part is invalid.
    pub fn parse(text: &str) -> Option<Self> {
        let (host, port) = if let Some(rest) = text.strip_prefix('[') {
            let (address, rest) = rest.split_once(']')?;
            let address: std::net::Ipv6Addr = address.parse().ok()?;
            let port = match rest {
                "" => None,
                _ => Some(rest.strip_prefix(':')?),
            };
            (format!("[{address}]"), port)
        } else {
            let (host, port) = match text.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (text, None),
            };
            let plain = |c: char| c.is_ascii_alphanumeric() || "-._~".contains(c);
            if host.is_empty() || !host.chars().all(plain) {
                return None;
            }
            (host.to_owned(), port)
        };
        let port = match port {
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                Some(digits.parse().ok()?)
            }
            Some(_) => return None,
            None => None,
        };
        Some(Self {
            host: host.to_ascii_lowercase(),
            port,
        })
    }

    /// Whether this names this machine's loopback interface.
    pub(crate) fn is_loopback_name(&self) -> bool {
        matches!(self.host.as_str(), "localhost" | "127.0.0.1" | "[::1]")
    }

    /// Whether this is the address of the local end of a connection.
    pub(crate) fn is_local_address(&self, local: SocketAddr, default_port: u16) -> bool {
        let host = match local {
            SocketAddr::V4(v4) => v4.ip().to_string(),
            SocketAddr::V6(v6) => match v6.ip().to_ipv4_mapped() {
                Some(v4) => v4.to_string(),
                None => format!("[{}]", v6.ip()),
            },
        };
        self.host == host && self.port.unwrap_or(default_port) == local.port()
    }

    fn matches_entry(&self, entry: &Self, default_port: u16) -> bool {
        self.host == entry.host
            && entry
                .port
                .is_none_or(|port| port == self.port.unwrap_or(default_port))
    }
}

/// Hosts that requests may name besides this machine's own.
#[derive(Clone, Debug, Default)]
pub struct AllowedHosts {
    allowed: Vec<Authority>,
}

impl AllowedHosts {
    /// From `--allow-host` entries, which have been checked when the flags were parsed.
    pub fn new(allow_host: &[String]) -> Self {
        Self {
            allowed: allow_host
                .iter()
                .filter_map(|entry| Authority::parse(entry))
                .collect(),
        }
    }

    /// Whether an entry is this authority; an entry without a port is that of the default port. Another port of a
    /// host may be another service.
    pub(crate) fn names(&self, authority: &Authority, default_port: u16) -> bool {
        let port = |of: &Authority| of.port.unwrap_or(default_port);
        self.allowed
            .iter()
            .any(|entry| entry.host == authority.host && port(entry) == port(authority))
    }

    /// Whether an entry covers the authority; an entry without a port covers every port.
    pub(crate) fn allows(&self, authority: &Authority, default_port: u16) -> bool {
        self.allowed
            .iter()
            .any(|entry| authority.matches_entry(entry, default_port))
    }
}
