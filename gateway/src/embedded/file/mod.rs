//! etcd's own configuration file: the settings needed to reach the etcd that it configures.
//!
//! etcd validates the file: settings that are unknown here are left to it, and its own error is shown
//! if it refuses them.

use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use yaml_rust2::{Yaml, YamlLoader};

use super::EmbeddedError;

/// etcd's default client URL.
const LISTEN: &str = "http://localhost:2379";

/// A configuration file of etcd.
#[derive(Clone, Debug)]
pub(super) struct ConfigFile {
    pub(super) path: PathBuf,
    /// The URL at which this machine reaches it.
    pub(super) client: String,
    /// etcd's data folder, absolute.
    pub(super) data: PathBuf,
    /// All client URLs that it listens on.
    listen: Vec<String>,
}

impl ConfigFile {
    /// Reads the file.
    pub(super) fn read(path: &Path) -> Result<Self, EmbeddedError> {
        let text = std::fs::read_to_string(path).map_err(|source| EmbeddedError::File {
            path: path.to_owned(),
            source,
        })?;
        parse(path, &text).map_err(|why| EmbeddedError::FileContent {
            path: path.to_owned(),
            why,
        })
    }

    /// Refuses a client port that is in use: the program there would be mistaken for our etcd.
    pub(super) fn check_ports(&self) -> Result<(), EmbeddedError> {
        for url in &self.listen {
            let taken = address(url)
                .map(TcpListener::bind)
                .and_then(Result::err)
                .is_some_and(|error| error.kind() == ErrorKind::AddrInUse);
            if taken {
                return Err(EmbeddedError::PortTaken {
                    path: self.path.clone(),
                    url: url.clone(),
                });
            }
        }
        Ok(())
    }

    /// A folder name unique to this data folder: our records of it are stored there.
    pub(super) fn record_name(&self) -> String {
        let digest = Sha256::digest(self.data.as_os_str().as_encoded_bytes());
        let (start, _) = digest.split_at(8);
        URL_SAFE_NO_PAD.encode(start)
    }
}

fn parse(path: &Path, text: &str) -> Result<ConfigFile, String> {
    let documents =
        YamlLoader::load_from_str(text).map_err(|error| format!("not valid YAML: {error}"))?;
    let setting = |name: &str| match documents.first() {
        Some(document) => document[name].as_str().map(str::to_owned),
        None => None,
    };
    if !matches!(documents.first(), None | Some(Yaml::Hash(_))) {
        return Err("no settings found, such as `data-dir: /var/lib/etcd`".to_owned());
    }
    let list = |name: &str| -> Vec<String> {
        let urls = setting(name).unwrap_or_default();
        let urls = urls.split(',').map(|url| url.trim().to_owned());
        urls.filter(|url| !url.is_empty()).collect()
    };
    let mut listen = list("listen-client-urls");
    if listen.is_empty() {
        listen.push(LISTEN.to_owned());
    }
    let client = reachable(&listen, &list("advertise-client-urls")).ok_or_else(|| {
        format!(
            "listen-client-urls ({}) has no http:// or https:// URL",
            listen.join(", ")
        )
    })?;
    let name = setting("name").unwrap_or_else(|| "default".to_owned());
    let data =
        setting("data-dir").map_or_else(|| PathBuf::from(format!("{name}.etcd")), PathBuf::from);
    let data = std::path::absolute(&data).map_err(|error| format!("data-dir: {error}"))?;
    Ok(ConfigFile {
        path: path.to_owned(),
        client,
        data,
        listen,
    })
}

/// The URL at which this machine reaches an etcd with these listen URLs: loopback if possible. A
/// certificate is issued for the advertised name, so with https and an unspecified address that name
/// is used.
fn reachable(listen: &[String], advertised: &[String]) -> Option<String> {
    let web: Vec<(&str, &str, &str)> = listen.iter().filter_map(|url| split(url)).collect();
    let loopback = |host: &str| host == "localhost" || host == "[::1]" || host.starts_with("127.");
    let unspecified = |host: &str| matches!(host, "" | "0.0.0.0" | "[::]");
    let best = web
        .iter()
        .find(|(_, host, _)| loopback(host))
        .or_else(|| web.iter().find(|(_, host, _)| unspecified(host)))
        .or_else(|| web.first())?;
    let (scheme, host, port) = *best;
    let named = || {
        let mut others = advertised.iter().filter_map(|url| split(url));
        others.find(|(other, name, at)| *other == "https" && *at == port && !unspecified(name))
    };
    let host = match host {
        host if !unspecified(host) => host,
        _ if scheme == "https"
            && let Some((_, name, _)) = named() =>
        {
            name
        }
        "[::]" => "[::1]",
        _ => "127.0.0.1",
    };
    Some(format!("{scheme}://{host}:{port}"))
}

/// Splits `http://127.0.0.1:2379` into scheme, host and port.
fn split(url: &str) -> Option<(&str, &str, &str)> {
    let (scheme, rest) = url.split_once("://")?;
    let (host, port) = rest.trim_end_matches('/').rsplit_once(':')?;
    matches!(scheme, "http" | "https").then_some((scheme, host, port))
}

fn address(url: &str) -> Option<SocketAddr> {
    let (_, host, port) = split(url)?;
    let host = if host == "localhost" {
        "127.0.0.1"
    } else {
        host
    };
    format!("{host}:{port}").parse().ok()
}

#[cfg(test)]
mod tests;
