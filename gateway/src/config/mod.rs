//! Flags, their environment forms, and the file. The only place that reads the environment.

mod account;
mod cluster;
mod file;
#[cfg(test)]
mod file_tests;

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
    /// What to do instead of serving.
    #[command(subcommand)]
    pub command: Option<Command>,
    /// How to serve.
    #[command(flatten)]
    pub config: Config,
}

/// What the binary does besides serving.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Run the embedded etcd on behalf of a gateway and end it when that gateway is gone.
    #[command(hide = true)]
    Supervise {
        /// Become the program, on behalf of the supervisor with this process id.
        #[arg(long, value_name = "PID")]
        under: Option<i32>,
        /// The program and its arguments.
        #[arg(trailing_var_arg = true, allow_hyphen_values = true, required = true)]
        command: Vec<OsString>,
    },
    /// Look for what is wrong between this machine and an etcd cluster, and say what mends it.
    Doctor {
        /// The cluster.
        #[command(flatten)]
        connect: Box<Connect>,
        /// Print one JSON object a line.
        #[arg(long)]
        json: bool,
    },
    /// Print the OpenAPI document.
    #[command(hide = true)]
    Openapi,
}

/// Who a request without credentials is.
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

    /// The cluster, or clusters.
    #[command(flatten)]
    pub connect: Connect,

    /// Where the private etcd keeps its data [default: the user's data folder].
    #[arg(long, env = "WATCHGATE_DATA_DIR", value_name = "DIR")]
    pub data_dir: Option<PathBuf>,

    /// How many members the private etcd has: 1, 3 or 5.
    #[arg(long, env = "WATCHGATE_MEMBERS", default_value = "1", value_parser = parse_members, value_name = "N")]
    pub members: usize,

    /// Start the private etcd from etcd's own configuration file, which says where its data lies.
    #[arg(long, env = "WATCHGATE_ETCD_CONFIG", value_name = "FILE")]
    pub etcd_config: Option<PathBuf>,

    /// The binary that is run as `supervise`; this very one when it is not said.
    #[arg(skip)]
    pub supervisor: Option<PathBuf>,

    /// Fill the private etcd with a demo keyspace and keep it moving.
    #[arg(long, env = "WATCHGATE_DEMO")]
    pub demo: bool,

    /// Refuse every change; reads and watches work.
    #[arg(long, env = "WATCHGATE_READ_ONLY")]
    pub read_only: bool,

    /// Serve below this path, such as /etcd.
    #[arg(long, env = "WATCHGATE_BASE_PATH", default_value = "", hide_default_value = true, value_parser = parse_base_path, value_name = "PATH")]
    pub base_path: String,

    /// Accept this Host, at any port or exactly; repeatable.
    #[arg(long, env = "WATCHGATE_ALLOW_HOST", value_delimiter = ',', value_parser = parse_host, value_name = "HOST[:PORT]")]
    pub allow_host: Vec<String>,

    /// Whom a request without credentials acts as, when others than this machine can reach us.
    #[arg(long, env = "WATCHGATE_ANONYMOUS", value_enum)]
    pub anonymous: Option<Anonymous>,

    /// Leased keys below this prefix are locks for certain; repeatable.
    #[arg(
        long,
        env = "WATCHGATE_LOCK_PREFIX",
        value_delimiter = ',',
        value_name = "PREFIX"
    )]
    pub lock_prefix: Vec<String>,

    /// Connections served at once.
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

    /// Largest request body, bytes.
    #[arg(long, env = "WATCHGATE_MAX_BODY", default_value_t = 8 << 20, value_name = "BYTES")]
    pub max_body: usize,

    /// What is logged: a level, or levels by module (`info,gateway::live=debug`).
    #[arg(
        long,
        env = "WATCHGATE_LOG",
        default_value = "info",
        value_name = "FILTER"
    )]
    pub log: String,

    /// Log one JSON object a line.
    #[arg(long, env = "WATCHGATE_LOG_JSON")]
    pub log_json: bool,
}

/// Why a configuration cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The actors are a feature of the build.
    #[error("this build has no demo: it was compiled without the feature `demo`")]
    NoDemo,
    /// `--demo` writes, so it must never meet somebody's data.
    #[error(
        "--demo works on the private etcd only: leave out --demo, or --etcd and the file's clusters"
    )]
    DemoOnForeignEtcd,
    /// A file may describe an etcd with somebody's data in it.
    #[error("--demo works on the private etcd only: leave out --etcd-config, or leave out --demo")]
    DemoOnFile,
    /// A flag of the private etcd beside a cluster of somebody else's.
    #[error("{0} is for the private etcd: leave out --etcd, or leave out {0}")]
    PrivateOnly(&'static str),
    /// The file says by itself which cluster its member belongs to.
    #[error("--etcd-config starts the one member that the file describes: leave out --members")]
    MembersOfFile,
    /// Others could reach us without sign-in, and nobody said that this is meant.
    #[error(
        "{0} can be reached from other machines, and requests need no sign-in: listen on 127.0.0.1, \
         or say --anonymous gateway to give everybody who reaches it the gateway's rights"
    )]
    OpenToOthers(SocketAddr),
    /// A password, and nobody whose it is.
    #[error("a password is given without a user")]
    PasswordWithoutUser,
    /// A certificate is nothing without its key.
    #[error("a certificate needs its key, and a key its certificate: give both or none")]
    HalfIdentity,
    /// A user is somebody.
    #[error("the user's name is empty")]
    NoName,
    /// Which of them counts is nobody's guess.
    #[error(
        "the password is given twice: with the user, as the password, or in a file, choose one"
    )]
    TwoPasswords,
    /// There is no terminal to ask at.
    #[error(
        "the password of {0} is missing: put it into a password file, or into WATCHGATE_PASSWORD \
         (for a cluster's own user: beside the user in the file)"
    )]
    NoPassword(String),
    /// The password's file cannot be read.
    #[error("the password file {path} cannot be read")]
    PasswordFile {
        /// As configured.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
}

impl Config {
    /// Checks what one flag says against another.
    pub fn check(&self) -> Result<(), ConfigError> {
        let private = self.connect.is_private();
        if self.demo && !cfg!(feature = "demo") {
            return Err(ConfigError::NoDemo);
        }
        if self.demo && !private {
            return Err(ConfigError::DemoOnForeignEtcd);
        }
        if self.demo && self.etcd_config.is_some() {
            return Err(ConfigError::DemoOnFile);
        }
        if !private && self.etcd_config.is_some() {
            return Err(ConfigError::PrivateOnly("--etcd-config"));
        }
        if self.members > 1 && !private {
            return Err(ConfigError::PrivateOnly("--members"));
        }
        if self.members > 1 && self.etcd_config.is_some() {
            return Err(ConfigError::MembersOfFile);
        }
        // Requests to a cluster of somebody's sign in there; a private etcd has no users to begin with.
        if private && !self.listen.ip().is_loopback() && self.anonymous.is_none() {
            return Err(ConfigError::OpenToOthers(self.listen));
        }
        Ok(())
    }

    /// The clusters to serve, the default one first; none is a private etcd of ours. May ask for a
    /// password.
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

    /// The folder for data of our own: `--data-dir`, else the user's data folder.
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

/// The variables that an etcd started from here would take for its flags.
pub fn etcd_variables() -> Vec<OsString> {
    let names = std::env::vars_os().map(|(name, _)| name);
    names
        .filter(|name| name.as_encoded_bytes().starts_with(b"ETCD_"))
        .collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "this module is where the environment is read"
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
        .map_err(|_| format!("`{text}` is not a time such as 5s"))?;
    match unit {
        "ms" => Ok(Duration::from_millis(number)),
        "s" => Ok(Duration::from_secs(number)),
        "m" => number
            .checked_mul(60)
            .map(Duration::from_secs)
            .ok_or_else(|| format!("`{text}` is too long")),
        _ => Err(format!("`{text}` has no unit of ms, s, m")),
    }
}

/// `Keep-Alive` announces whole seconds, and less than one would close connections that are in use.
fn parse_idle_timeout(text: &str) -> Result<Duration, String> {
    let time = parse_duration(text)?;
    if (Duration::from_secs(1)..=Duration::from_hours(24)).contains(&time) {
        Ok(time)
    } else {
        Err(format!("`{text}` is not between 1s and 1440m"))
    }
}

/// An even number tolerates no more failures than one less, and more than five only make writes slow.
fn parse_members(text: &str) -> Result<usize, String> {
    match text {
        "1" => Ok(1),
        "3" => Ok(3),
        "5" => Ok(5),
        _ => Err("a cluster has 1, 3 or 5 members".to_owned()),
    }
}

/// Empty, or with one leading and no trailing slash.
fn parse_connections(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(0) => Err("nobody could connect".to_owned()),
        Ok(count) => Ok(count),
        Err(_) => Err(format!("`{text}` is no number of connections")),
    }
}

fn parse_base_path(text: &str) -> Result<String, String> {
    let path = text.trim_matches('/');
    let plain = |c: char| c.is_ascii_alphanumeric() || "-._~/".contains(c);
    if !path.chars().all(plain) || path.contains("//") || path.split('/').any(|s| s == "..") {
        return Err(format!("`{text}` is not a path such as /etcd"));
    }
    Ok(if path.is_empty() {
        String::new()
    } else {
        format!("/{path}")
    })
}

fn parse_host(text: &str) -> Result<String, String> {
    crate::web::authority::Authority::parse(text)
        .map(|_| text.to_ascii_lowercase())
        .ok_or_else(|| format!("`{text}` is not a host, or host and port"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(args: &[&str]) -> Config {
        let args = std::iter::once("watchgate").chain(args.iter().copied());
        Cli::try_parse_from(args).expect("parses").config
    }

    #[test]
    fn secrets_are_not_shown() {
        let config = parse(&["--etcd", "http://a:2379", "--user", "root:hunter2"]);
        assert!(!format!("{config:?}").contains("hunter2"));
        let config = parse(&["--user", "root", "--password", "hunter2"]);
        assert!(!format!("{config:?}").contains("hunter2"));
    }

    #[test]
    fn the_default_is_loopback() {
        let config = parse(&[]);
        assert_eq!(config.listen.to_string(), "127.0.0.1:8379");
        assert!(config.check().is_ok());
    }

    #[test]
    fn others_are_let_in_only_when_told_twice() {
        assert!(parse(&["--listen", "0.0.0.0:8379"]).check().is_err());
        assert!(
            parse(&["--listen", "0.0.0.0:8379", "--anonymous", "gateway"])
                .check()
                .is_ok()
        );
        let signed_in = ["--listen", "0.0.0.0:8379", "--etcd", "http://a:2379"];
        assert!(parse(&signed_in).check().is_ok());
    }

    #[cfg(not(feature = "demo"))]
    #[test]
    fn a_build_without_the_demo_refuses_it() {
        assert!(matches!(
            parse(&["--demo"]).check(),
            Err(ConfigError::NoDemo)
        ));
    }

    #[test]
    fn the_demo_never_meets_foreign_data() {
        assert!(
            parse(&["--demo", "--etcd", "http://127.0.0.1:2379"])
                .check()
                .is_err()
        );
    }

    #[test]
    fn flags_of_the_private_etcd_are_for_it_alone() {
        for refused in [
            &["--members", "3", "--etcd", "http://127.0.0.1:2379"][..],
            &["--etcd-config", "f", "--etcd", "http://127.0.0.1:2379"],
            &["--etcd-config", "f", "--members", "3"],
            &["--etcd-config", "f", "--demo"],
        ] {
            assert!(parse(refused).check().is_err(), "{refused:?}");
        }
        for fine in [
            &["--members", "5"][..],
            #[cfg(feature = "demo")]
            &["--members", "5", "--demo"],
            &["--members", "1", "--etcd", "http://127.0.0.1:2379"],
            &["--etcd-config", "f"],
        ] {
            assert!(parse(fine).check().is_ok(), "{fine:?}");
        }
        assert_eq!(parse_connections("1"), Ok(1));
        assert!(parse_connections("0").is_err() && parse_connections("-1").is_err());
        assert!(parse_members("2").is_err() && parse_members("0").is_err());
    }

    #[test]
    fn base_paths_are_normalised() {
        assert_eq!(parse(&["--base-path", "/etcd/"]).base_path, "/etcd");
        assert_eq!(parse(&["--base-path", "/"]).base_path, "");
        assert!(parse_base_path("/a b").is_err() && parse_base_path("/../x").is_err());
    }

    #[test]
    fn an_idle_timeout_is_between_a_second_and_a_day() {
        assert_eq!(parse(&[]).idle_timeout, Duration::from_mins(5));
        let minute = parse(&["--idle-timeout", "60s"]).idle_timeout;
        assert_eq!(minute, Duration::from_mins(1));
        assert!(parse_idle_timeout("1s").is_ok());
        for wrong in ["999ms", "0s", "1441m", "307445734561825860m"] {
            assert!(parse_idle_timeout(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn times_have_units() {
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_mins(2)));
        for wrong in ["5", "s", "", "5h", "-1s", "1.5s"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }
}
