//! How clusters are reached: one by flags, or several by the file.

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
    /// How it is reached.
    pub settings: Settings,
    /// Leased keys below these are locks for certain.
    pub lock_prefix: Vec<String>,
    /// Whom a request without credentials acts as, when others than this machine can reach us.
    pub anonymous: Option<Anonymous>,
}

/// Which cluster, and how it is reached.
#[derive(Clone, Debug, Args)]
pub struct Connect {
    /// Settings and clusters in a TOML file; flags win over the environment, and that over the file.
    #[arg(long, env = "WATCHGATE_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,

    /// Client URLs of an etcd cluster [default: a private etcd, which the gateway starts].
    #[arg(
        long,
        env = "WATCHGATE_ETCD",
        value_delimiter = ',',
        value_name = "URL[,URL]"
    )]
    pub etcd: Vec<String>,

    /// PEM file of the authority that signed the etcd servers' certificates [default: the
    /// system's].
    #[arg(long, env = "WATCHGATE_CACERT", value_name = "FILE")]
    pub cacert: Option<PathBuf>,

    /// PEM file of the certificate shown to etcd servers that ask for one.
    #[arg(long, env = "WATCHGATE_CERT", value_name = "FILE")]
    pub cert: Option<PathBuf>,

    /// PEM file of that certificate's key: PKCS#1, PKCS#8 or SEC1.
    #[arg(long, env = "WATCHGATE_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,

    /// The gateway's own account at etcd; asks for the password where none is given.
    #[arg(long, env = "WATCHGATE_USER", hide_env_values = true, value_parser = parse_user, value_name = "NAME[:PASSWORD]")]
    pub user: Option<User>,

    /// That account's password. Other users of this machine see command lines: better in the
    /// environment, or in a file.
    #[arg(long, env = "WATCHGATE_PASSWORD", hide_env_values = true, value_parser = parse_secret, value_name = "PASSWORD")]
    pub password: Option<Secret>,

    /// File whose first line is that account's password.
    #[arg(long, env = "WATCHGATE_PASSWORD_FILE", value_name = "FILE")]
    pub password_file: Option<PathBuf>,

    /// How long a connection to etcd may take to be made.
    #[arg(long, env = "WATCHGATE_DIAL_TIMEOUT", default_value = "2s", value_parser = parse_duration, value_name = "TIME")]
    pub dial_timeout: Duration,

    /// The clusters that the file names.
    #[arg(skip)]
    pub named: Vec<Named>,
}

/// A cluster of the file's; what it does not say is as the flags have it. A password goes only to where
/// its user is meant.
#[derive(Clone, Debug, Default)]
pub struct Named {
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
    /// Whether no cluster is named, so that a private one is meant.
    pub fn is_private(&self) -> bool {
        self.etcd.is_empty() && self.named.is_empty()
    }

    /// How the flags say that a cluster at these URLs is reached; may ask for a password.
    pub fn settings(&self, endpoints: Vec<String>) -> Result<Settings, ConfigError> {
        Ok(Settings {
            cacert: self.cacert.clone(),
            identity: identity(self.cert.as_ref(), self.key.as_ref())?,
            account: self.account()?,
            ..Settings::new(endpoints, self.dial_timeout)
        })
    }

    /// The clusters, the default one first. `--etcd` stands for all of them.
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
        let identity_of_all = identity(self.cert.as_ref(), self.key.as_ref())?;
        // A password is asked for once, and not where every cluster has a user of its own.
        let account_of_all = if self.user.is_none() || self.named.iter().any(Named::takes_account) {
            self.account()?
        } else {
            None
        };
        let clusters = self.named.iter().map(|named| {
            let identity = match (named.cert.as_ref(), named.key.as_ref()) {
                (None, None) => identity_of_all.clone(),
                (cert, key) => identity(cert, key)?,
            };
            let account = if named.takes_account() {
                account_of_all.clone()
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

    /// The account that the flags name; may ask for its password.
    fn account(&self) -> Result<Option<Credentials>, ConfigError> {
        let (password, file) = (self.password.as_ref(), self.password_file.as_deref());
        account::credentials(self.user.as_ref(), password, file)
    }
}

impl Named {
    fn has_password(&self) -> bool {
        self.password.is_some() || self.password_file.is_some()
    }

    /// Whether it says nothing of an account, and so takes that of the flags.
    fn takes_account(&self) -> bool {
        self.user.is_none() && !self.has_password()
    }

    /// The account of which it says something: a user of its own, whom no password but its own is for;
    /// a password of its own for the user of the flags; or by an empty name that it has none.
    fn account(&self, of_all: Option<&User>) -> Result<Option<Credentials>, ConfigError> {
        let nobody = |user: &User| user.name.is_empty() && user.password.is_none();
        if self.user.as_ref().is_some_and(nobody) && !self.has_password() {
            return Ok(None);
        }
        let user = self.user.clone().or_else(|| {
            of_all.map(|user| User {
                name: user.name.clone(),
                password: None,
            })
        });
        let (password, file) = (self.password.as_ref(), self.password_file.as_deref());
        account::credentials(user.as_ref(), password, file)
    }
}

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
