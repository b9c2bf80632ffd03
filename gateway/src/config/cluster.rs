//! How to connect to clusters: one given by flags, or several by the file.

use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::account::{self, User, parse_secret, parse_user};
use super::{Anonymous, ConfigError, parse_duration};
use crate::etcd::{Credentials, Secret, Settings};

/// One cluster to serve.
#[derive(Clone, Debug)]
pub struct ClusterConfig {
    /// The name in `/clusters/{cluster}/…`.
    pub name: String,
    /// How to connect to it.
    pub settings: Settings,
    /// Leased keys below these prefixes are certainly locks.
    pub lock_prefix: Vec<String>,
    /// The account of requests without credentials, if other machines can reach the gateway.
    pub anonymous: Option<Anonymous>,
}

/// Which clusters, and how to connect to them.
#[derive(Clone, Debug, Args)]
pub struct Connect {
    /// TOML file with settings and clusters. Flags take precedence over the environment, and the
    /// environment over the file.
    #[arg(long, env = "WATCHGATE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Client URLs of the etcd cluster [default: a private etcd, which the gateway starts].
    #[arg(
        long,
        env = "WATCHGATE_ETCD",
        value_delimiter = ',',
        value_name = "URL[,URL]"
    )]
    pub etcd: Vec<String>,

    /// PEM file of CA certificates that verify the etcd servers [default: the system's].
    #[arg(long, env = "WATCHGATE_CACERT", value_name = "FILE")]
    pub cacert: Option<PathBuf>,

    /// PEM file of the client certificate for etcd.
    #[arg(long, env = "WATCHGATE_CERT", value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// PEM file of the client certificate's key: PKCS#1, PKCS#8 or SEC1.
    #[arg(long, env = "WATCHGATE_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// The gateway's own account at etcd. Prompts for the password if none is set.
    #[arg(long, env = "WATCHGATE_USER", hide_env_values = true, value_parser = parse_user, value_name = "NAME[:PASSWORD]")]
    pub user: Option<User>,

    /// Password of the gateway's account. Other users of this machine can see command lines: prefer
    /// the environment variable or a file.
    #[arg(long, env = "WATCHGATE_PASSWORD", hide_env_values = true, value_parser = parse_secret, value_name = "PASSWORD")]
    pub password: Option<Secret>,

    /// File whose first line is the password of the gateway's account.
    #[arg(long, env = "WATCHGATE_PASSWORD_FILE", value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// Time limit for connecting to etcd.
    #[arg(long, env = "WATCHGATE_DIAL_TIMEOUT", default_value = "2s", value_parser = parse_duration, value_name = "TIME")]
    pub dial_timeout: Duration,

    /// The clusters of the configuration file.
    #[arg(skip)]
    pub named: Vec<NamedCluster>,
}

/// A cluster of the file. Settings that it omits are the common ones: those of flags, the environment
/// and the keys outside of clusters. A password is only sent for the user it was configured for.
#[derive(Clone, Debug, Default)]
pub struct NamedCluster {
    pub(super) name: String,
    pub(super) endpoints: Vec<String>,
    pub(super) cacert: Option<PathBuf>,
    pub(super) cert: Option<PathBuf>,
    pub(super) key: Option<PathBuf>,
    pub(super) user: Option<User>,
    pub(super) password: Option<Secret>,
    pub(super) password_file: Option<PathBuf>,
    pub(super) dial_timeout: Option<Duration>,
    pub(super) lock_prefix: Option<Vec<String>>,
    pub(super) anonymous: Option<Anonymous>,
}

impl Connect {
    /// Whether no cluster is given, so that the gateway serves a private etcd.
    pub fn is_private(&self) -> bool {
        self.etcd.is_empty() && self.named.is_empty()
    }

    /// How to connect to a cluster at these URLs by the common settings; may prompt for a password.
    pub fn settings(&self, endpoints: Vec<String>) -> Result<Settings, ConfigError> {
        Ok(Settings {
            cacert: self.cacert.clone(),
            identity: identity(self.cert.as_ref(), self.key.as_ref())?,
            account: self.account()?,
            ..Settings::new(endpoints, self.dial_timeout)
        })
    }

    /// The clusters, the default one first. `--etcd` replaces those of the file.
    pub fn clusters(
        &self,
        lock_prefix: &[String],
        anonymous: Option<Anonymous>,
    ) -> Result<Vec<ClusterConfig>, ConfigError> {
        if !self.etcd.is_empty() {
            return Ok(vec![ClusterConfig {
                name: "default".to_owned(),
                settings: self.settings(self.etcd.clone())?,
                lock_prefix: lock_prefix.to_vec(),
                anonymous,
            }]);
        }
        let common_identity = identity(self.cert.as_ref(), self.key.as_ref())?;
        // Prompt for the password once, and only if some cluster uses the common account.
        let common_account =
            if self.user.is_none() || self.named.iter().any(NamedCluster::inherits_account) {
                self.account()?
            } else {
                None
            };
        let clusters = self.named.iter().map(|named| {
            let identity = match (named.cert.as_ref(), named.key.as_ref()) {
                (None, None) => common_identity.clone(),
                (cert, key) => identity(cert, key)?,
            };
            let account = if named.inherits_account() {
                common_account.clone()
            } else {
                named.account(self.user.as_ref())?
            };
            let dial_timeout = named.dial_timeout.unwrap_or(self.dial_timeout);
            let settings = Settings {
                cacert: named.cacert.as_ref().or(self.cacert.as_ref()).cloned(),
                identity,
                account,
                ..Settings::new(named.endpoints.clone(), dial_timeout)
            };
            Ok(ClusterConfig {
                name: named.name.clone(),
                settings,
                lock_prefix: named
                    .lock_prefix
                    .clone()
                    .unwrap_or_else(|| lock_prefix.to_vec()),
                anonymous: named.anonymous.or(anonymous),
            })
        });
        clusters.collect()
    }

    /// The common account; may prompt for its password.
    fn account(&self) -> Result<Option<Credentials>, ConfigError> {
        let (password, file) = (self.password.as_ref(), self.password_file.as_deref());
        account::credentials(self.user.as_ref(), password, file)
    }
}

impl NamedCluster {
    fn has_password(&self) -> bool {
        self.password.is_some() || self.password_file.is_some()
    }

    /// Whether it has no settings of an account, and so uses the common one.
    fn inherits_account(&self) -> bool {
        self.user.is_none() && !self.has_password()
    }

    /// The account by the cluster's own settings: its own user, with only its own password; the common
    /// user with the cluster's own password; or, if the user name is empty, no account.
    fn account(&self, common: Option<&User>) -> Result<Option<Credentials>, ConfigError> {
        let is_empty = |user: &User| user.name.is_empty() && user.password.is_none();
        if self.user.as_ref().is_some_and(is_empty) && !self.has_password() {
            return Ok(None);
        }
        let user = self.user.clone().or_else(|| {
            common.map(|user| User {
                name: user.name.clone(),
                password: None,
            })
        });
        let (password, file) = (self.password.as_ref(), self.password_file.as_deref());
        account::credentials(user.as_ref(), password, file)
    }
}

/// A certificate and its key, if both are set.
fn identity(
    cert: Option<&PathBuf>,
    key: Option<&PathBuf>,
) -> Result<Option<(PathBuf, PathBuf)>, ConfigError> {
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some((cert.clone(), key.clone()))),
        (None, None) => Ok(None),
        _ => Err(ConfigError::HalfIdentity),
    }
}
