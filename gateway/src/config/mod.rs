//! Flags, their environment variables, and the configuration file. The only place that reads the
//! environment.

mod account;
mod cluster;
mod file;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};

pub use self::account::User;
pub use self::cluster::{ClusterConfig, Connect};
pub use self::file::{FileError, LoadError};

/// The web gateway and live dashboard for etcd.
#[derive(Debug, Parser)]
#[command(
    name = "watchgate",
    version,
    about,
    args_conflicts_with_subcommands = true
)]
pub struct Cli {
    /// A command to run instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to serve.
    #[command(flatten)]
    pub config: Config,
}

/// The subcommands.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the embedded etcd on behalf of a gateway, and end it when that gateway has ended.
    #[command(hide = true)]
    Supervise {
        /// Replace this process by the program, as a child of the supervisor with this process id.
        #[arg(long, value_name = "PID")]
        under: Option<i32>,
        /// The program and its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<OsString>,
    },
    /// Check each step of the way to an etcd cluster, and print how to fix what fails.
    Doctor {
        /// The cluster.
        #[command(flatten)]
        connect: Box<Connect>,
        /// Print one JSON object per line.
        #[arg(long)]
        json: bool,
    },
    /// Print the OpenAPI document.
    #[command(hide = true)]
    Openapi,
}

/// Which account a request without credentials acts as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Anonymous {
    /// The account configured for the cluster.
    Gateway,
}

/// How to serve.
#[derive(Clone, Debug, Args)]
pub struct Config {
    /// Address to serve on.
    #[arg(
        long,
        env = "WATCHGATE_LISTEN",
        default_value = "127.0.0.1:8379",
        value_name = "ADDR"
    )]
    pub listen: SocketAddr,

    /// Which clusters to serve, and how to connect to them.
    #[command(flatten)]
    pub connect: Connect,

    /// Folder for the data of the private etcd [default: the user's data folder].
    #[arg(long, env = "WATCHGATE_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// Number of members of the private etcd: 1, 3 or 5.
    #[arg(long, env = "WATCHGATE_MEMBERS", default_value = "1", value_parser = parse_members, value_name = "N")]
    pub members: usize,

    /// Start the private etcd from etcd's own configuration file, which also sets its data folder.
    #[arg(long, env = "WATCHGATE_ETCD_CONFIG", value_name = "FILE")]
    pub etcd_config: Option<PathBuf>,

    /// The binary that is run as `supervise`; by default the one that is running.
    #[arg(skip)]
    pub supervisor: Option<PathBuf>,

    /// Fill the private etcd with demo data and keep changing it.
    #[arg(long, env = "WATCHGATE_DEMO")]
    pub demo: bool,

    /// Refuse every change; reads and watches work.
    #[arg(long, env = "WATCHGATE_READ_ONLY")]
    pub read_only: bool,

    /// Serve below this path, such as /etcd.
    #[arg(long, env = "WATCHGATE_BASE_PATH", default_value = "", hide_default_value = true, value_parser = parse_base_path, value_name = "PATH")]
    pub base_path: String,

    /// Accept requests for this host name, with any port or only the given one; repeatable.
    #[arg(long, env = "WATCHGATE_ALLOW_HOST", value_delimiter = ',', value_parser = parse_host, value_name = "HOST[:PORT]")]
    pub allow_host: Vec<String>,

    /// Account of requests without credentials, if other machines can reach the gateway.
    #[arg(long, env = "WATCHGATE_ANONYMOUS", value_enum)]
    pub anonymous: Option<Anonymous>,

    /// File with the key that seals session cookies, for gateways that share sessions: 128 hexadecimal
    /// digits (openssl rand -hex 64), not readable by other users [default: random for each start].
    #[arg(long, env = "WATCHGATE_SESSION_KEY_FILE", value_name = "FILE")]
    pub session_key_file: Option<PathBuf>,

    /// Treat leased keys below this prefix as locks, not only as possible locks; repeatable.
    #[arg(
        long,
        env = "WATCHGATE_LOCK_PREFIX",
        value_delimiter = ',',
        value_name = "PREFIX"
    )]
    pub lock_prefix: Vec<String>,

    /// Maximum number of concurrent connections.
    #[arg(
        long,
        env = "WATCHGATE_MAX_CONNECTIONS",
        default_value_t = 10_000,
        value_parser = parse_connections,
        value_name = "N"
    )]
    pub max_connections: usize,

    /// How long a connection may wait for its next request, 1s to 1440m.
    #[arg(
        long,
        env = "WATCHGATE_IDLE_TIMEOUT",
        default_value = "5m",
        value_parser = parse_idle_timeout,
        value_name = "TIME"
    )]
    pub idle_timeout: Duration,

    /// Maximum size of a request body in bytes, after decoding.
    #[arg(long, env = "WATCHGATE_MAX_BODY", default_value_t = 8 << 20, value_name = "BYTES")]
    pub max_body: usize,

    /// Log level, or levels by module (`info,gateway::live=debug`).
    #[arg(
        long,
        env = "WATCHGATE_LOG",
        default_value = "info",
        value_name = "FILTER"
    )]
    pub log: String,

    /// Log one JSON object per line.
    #[arg(long, env = "WATCHGATE_LOG_JSON")]
    pub log_json: bool,
}

/// Why a configuration is invalid.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The demo is an optional feature of the build.
    #[error("this build has no demo: it was compiled without the feature `demo`")]
    NoDemo,
    /// `--demo` writes, so it must not run on a cluster with other data.
    #[error(
        "--demo works only on the private etcd: remove --demo, or --etcd and the clusters of the file"
    )]
    DemoOnOtherCluster,
    /// etcd's file may describe an etcd that has other data.
    #[error("--demo works only on a private etcd without --etcd-config: remove one of the two")]
    DemoWithEtcdConfig,
    /// A flag of the private etcd, although another cluster is given.
    #[error(
        "{0} applies only to the private etcd: remove {0}, or --etcd and the clusters of the file"
    )]
    PrivateOnly(&'static str),
    /// The file itself defines which cluster its member belongs to.
    #[error("--etcd-config starts the one member that the file describes: remove --members")]
    MembersWithEtcdConfig,
    /// Other machines can reach the gateway without sign-in, and no flag allows that.
    #[error(
        "{0} can be reached from other machines, and requests need no sign-in: listen on 127.0.0.1, \
         or use --anonymous gateway to give everyone who can reach it the gateway's rights"
    )]
    OpenToOthers(SocketAddr),
    /// A password without a user.
    #[error("a password is set, but no user")]
    PasswordWithoutUser,
    /// A certificate without its key, or a key without its certificate.
    #[error("a certificate requires its key, and a key its certificate: set both or neither")]
    HalfIdentity,
    /// The user has no name.
    #[error("the user name is empty")]
    NoName,
    /// More than one password for the same user: it is not clear which one to use.
    #[error(
        "more than one password is set; set one of: the password after the user name, the password, \
         the password file"
    )]
    TwoPasswords,
    /// No password is set, and there is no terminal to prompt at.
    #[error(
        "the password of {0} is required: set WATCHGATE_PASSWORD or a password file (for a cluster's \
         own user: `password` or `password_file` of the cluster)"
    )]
    NoPassword(String),
    /// The password file cannot be read.
    #[error("the password file {path} cannot be read")]
    PasswordFile {
        /// As configured.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
}

impl Config {
    /// Refuses flags that contradict each other.
    pub fn check(&self) -> Result<(), ConfigError> {
        let private = self.connect.is_private();
        if self.demo && !cfg!(feature = "demo") {
            return Err(ConfigError::NoDemo);
        }
        if self.demo && !private {
            return Err(ConfigError::DemoOnOtherCluster);
        }
        if self.demo && self.etcd_config.is_some() {
            return Err(ConfigError::DemoWithEtcdConfig);
        }
        if !private && self.etcd_config.is_some() {
            return Err(ConfigError::PrivateOnly("--etcd-config"));
        }
        if self.members > 1 && !private {
            return Err(ConfigError::PrivateOnly("--members"));
        }
        if self.members > 1 && self.etcd_config.is_some() {
            return Err(ConfigError::MembersWithEtcdConfig);
        }
        // Another cluster may have auth enabled; the private etcd starts without users.
        if private && !self.listen.ip().is_loopback() && self.anonymous.is_none() {
            return Err(ConfigError::OpenToOthers(self.listen));
        }
        Ok(())
    }

    /// The clusters to serve, the default one first; empty if the private etcd is to be served. May
    /// prompt for a password.
    pub fn clusters(&self) -> Result<Vec<ClusterConfig>, ConfigError> {
        self.connect.clusters(&self.lock_prefix, self.anonymous)
    }

    /// The private etcd as a cluster at these URLs.
    pub fn private_cluster(&self, urls: Vec<String>) -> Result<ClusterConfig, ConfigError> {
        let name = if self.demo { "demo" } else { "default" };
        Ok(ClusterConfig {
            name: name.to_owned(),
            settings: self.connect.settings(urls)?,
            lock_prefix: self.lock_prefix.clone(),
            anonymous: self.anonymous,
        })
    }

    /// The gateway's data folder: `--data-dir`, else `watchgate` in the user's data folder.
    pub fn data_dir(&self) -> PathBuf {
        if let Some(dir) = &self.data_dir {
            return dir.clone();
        }
        let home = || env_path("HOME").map(|home| home.join(".local/share"));
        env_path("XDG_DATA_HOME")
            .or_else(home)
            .unwrap_or_else(|| PathBuf::from("."))
            .join("watchgate")
    }
}

/// The environment variables that an etcd started by the gateway would use as flags.
pub fn etcd_variables() -> Vec<OsString> {
    let names = std::env::vars_os().map(|(name, _)| name);
    names
        .filter(|name| name.as_encoded_bytes().starts_with(b"ETCD_"))
        .collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "only this module reads the environment"
)]
fn env_path(name: &str) -> Option<PathBuf> {
    std::env::var_os(name)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
}

/// `500ms`, `5s` or `2m`.
pub(crate) fn parse_duration(text: &str) -> Result<Duration, String> {
    let unit_at = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let number: u64 = number
        .parse()
        .map_err(|_| format!("`{text}` is not a time such as 500ms, 5s or 2m"))?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => number
            .checked_mul(60)
            .map(Duration::from_secs)
            .ok_or_else(|| format!("`{text}` is too long")),
        _ => Err(format!("`{text}` has no valid unit; one of ms, s, m")),
    }
}

/// At least a second: `Keep-Alive` announces whole seconds, and a shorter time would close connections
/// that are in use. At most a day.
fn parse_idle_timeout(text: &str) -> Result<Duration, String> {
    let time = parse_duration(text)?;
    if (Duration::from_secs(1)..=Duration::from_hours(24)).contains(&time) {
        Ok(time)
    } else {
        Err("must be from 1s to 1440m".to_owned())
    }
}

/// 1, 3 or 5. An even number tolerates no more failures than one member less, and more than five only
/// slow down writes.
fn parse_members(text: &str) -> Result<usize, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        "5" => Ok(5),
        _ => Err("must be 1, 3 or 5".to_owned()),
    }
}

/// A number from 1 on.
fn parse_connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("must be at least 1".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err("must be a number".to_owned()),
    }
}

/// Normalises a path: empty, or with one leading and no trailing slash.
fn parse_base_path(text: &str) -> Result<String, String> {
    let path = text.trim_matches('/');
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
    if !path.chars().all(plain) || path.contains("//") || path.split('/').any(|s| s == "..") {
        return Err("must be a path such as /etcd".to_owned());
    }
    Ok(if path.is_empty() {
        String::new()
    } else {
        format!("/{path}")
    })
}

/// A host name or address with an optional port, in lower case.
fn parse_host(text: &str) -> Result<String, String> {
    crate::web::authority::Authority::parse(text)
        .map(|_| text.to_ascii_lowercase())
        .ok_or_else(|| "must be HOST or HOST:PORT".to_owned())
}
