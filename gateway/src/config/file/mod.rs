//! `--config FILE`: every flag as a key, and `[[clusters]]`.
//!
//! A key becomes the flag of the same name and is parsed by the flag's own parser, unless the command
//! line or the environment sets that flag. Relative paths start at the file's folder. Unknown keys and
//! invalid values are errors with the line's number.

#[cfg(test)]
mod tests;

use std::any::TypeId;
use std::ffi::{OsStr, OsString};
use std::ops::Range;
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::parser::ValueSource;
use clap::{
    ArgMatches, Args as _, Command, CommandFactory as _, FromArgMatches as _, ValueEnum as _,
};
use toml::Spanned;
use toml::de::{DeArray, DeTable, DeValue};

use super::account::parse_user;
use super::cluster::{Connect, NamedCluster};
use super::{Anonymous, Cli, Config, parse_duration};
use crate::etcd::Secret;

/// Why the configuration cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// An error of the command line, or `--help`; clap formats both.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// An error of the file.
    #[error(transparent)]
    File(#[from] FileError),
}

/// An error of the configuration file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("the configuration file {path} cannot be read")]
    Unreadable {
        /// The path as given.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: std::io::Error,
    },
    /// An invalid line. Never shows the value of a secret.
    #[error("{path}:{line}: {detail}")]
    Line {
        /// The path as given.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is invalid.
        detail: String,
    },
}

impl Cli {
    /// Loads the command line, the environment and the file that one of them names, in this order of
    /// precedence.
    pub fn load<I, T>(arguments: I) -> std::result::Result<Self, LoadError>
    where
        I: IntoIterator<Item = T>,
        T: Into<OsString>,
    {
        let arguments: Vec<OsString> = arguments.into_iter().map(Into::into).collect();
        let matches = Self::command().try_get_matches_from(&arguments)?;
        let mut cli = Self::from_arg_matches(&matches)?;
        let doctor = matches.subcommand_matches("doctor");
        let named = match &cli.command {
            None => cli.config.connect.config.clone(),
            Some(super::Command::Doctor { connect, .. }) => connect.config.clone(),
            Some(_) => None,
        };
        let Some(path) = named else {
            return Ok(cli);
        };
        let text = std::fs::read_to_string(&path).map_err(|source| FileError::Unreadable {
            path: path.clone(),
            source,
        })?;
        let file = File {
            path: &path,
            text: &text,
        };
        let (flags, clusters) = file.read(doctor.unwrap_or(&matches), doctor.is_some())?;
        let arguments = arguments.into_iter().chain(flags);
        let matches = Self::command().try_get_matches_from(arguments)?;
        cli = Self::from_arg_matches(&matches)?;
        match &mut cli.command {
            Some(super::Command::Doctor { connect, .. }) => connect.named = clusters,
            _ => cli.config.connect.named = clusters,
        }
        Ok(cli)
    }
}

struct File<'a> {
    path: &'a Path,
    text: &'a str,
}

type Result<T> = std::result::Result<T, FileError>;

impl File<'_> {
    fn invalid(&self, span: Range<usize>, detail: impl Into<String>) -> FileError {
        let before = self.text.get(..span.start).unwrap_or_default();
        FileError::Line {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            detail: detail.into(),
        }
    }

    /// The flags that the file adds, and its clusters.
    fn read(
        &self,
        matches: &ArgMatches,
        doctor: bool,
    ) -> Result<(Vec<OsString>, Vec<NamedCluster>)> {
        let document = DeTable::parse(self.text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            self.invalid(span, error.message())
        })?;
        let all = Config::augment_args(Command::new("watchgate").no_binary_name(true));
        let accepted = if doctor {
            Connect::augment_args(Command::new("watchgate"))
        } else {
            all.clone()
        };
        let mut flags = Vec::new();
        let mut clusters = Vec::new();
        let mut etcd_key = None;
        for (key, value) in document.get_ref() {
            let name: &str = key.get_ref();
            if name == "clusters" {
                clusters = self.clusters(value)?;
                continue;
            }
            let flag = name.replace('_', "-");
            let known = |command: &Command| {
                let mut arguments = command.get_arguments();
                arguments
                    .find(|argument| argument.get_long() == Some(flag.as_str()))
                    .cloned()
            };
            let argument = known(&all)
                .filter(|_| name != "config" && !name.contains('-'))
                .ok_or_else(|| self.invalid(key.span(), format!("unknown key `{name}`")))?;
            if name == "etcd" {
                etcd_key = Some(key.span());
            }
            let is_path = argument.get_value_parser().type_id() == TypeId::of::<PathBuf>();
            let given = self.arguments(&flag, value, is_path)?;
            for argument in &given {
                self.check(&all, name, argument, value.span())?;
            }
            let ignored = known(&accepted).is_none()
                || matches!(
                    matches.value_source(argument.get_id().as_str()),
                    Some(ValueSource::CommandLine | ValueSource::EnvVariable)
                );
            if !ignored {
                flags.extend(given);
            }
        }
        if let Some(span) = etcd_key.filter(|_| !clusters.is_empty()) {
            return Err(self.invalid(
                span,
                "`etcd` and `clusters` exclude each other: set one of the two",
            ));
        }
        Ok((flags, clusters))
    }

    /// A value as arguments of a command line.
    fn arguments(
        &self,
        flag: &str,
        value: &Spanned<DeValue<'_>>,
        is_path: bool,
    ) -> Result<Vec<OsString>> {
        let one = |value: &Spanned<DeValue<'_>>| {
            let text = match value.get_ref() {
                DeValue::String(text) => text.to_string(),
                DeValue::Integer(number) => number.to_string(),
                _ => {
                    let detail = format!("`{flag}` must be a string or a number");
                    return Err(self.invalid(value.span(), detail));
                }
            };
            let mut argument = OsString::from(format!("--{flag}="));
            if is_path {
                argument.push(self.resolve(&text));
            } else {
                argument.push(text);
            }
            Ok(argument)
        };
        Ok(match value.get_ref() {
            DeValue::Boolean(true) => vec![format!("--{flag}").into()],
            DeValue::Boolean(false) => Vec::new(),
            DeValue::Array(values) => values.iter().map(one).collect::<Result<_>>()?,
            _ => vec![one(value)?],
        })
    }

    /// A relative path starts at the file's folder.
    fn resolve(&self, path: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    /// Checks a value by the flag's own parser.
    fn check(&self, all: &Command, name: &str, argument: &OsStr, span: Range<usize>) -> Result<()> {
        let Err(error) = all.clone().try_get_matches_from([argument]) else {
            return Ok(());
        };
        let detail = match error.kind() {
            ErrorKind::ValueValidation | ErrorKind::InvalidValue => {
                let text = error.to_string();
                let line = text.lines().next().unwrap_or_default();
                line.trim_start_matches("error: ").to_owned()
            }
            ErrorKind::TooManyValues => format!("`{name}` must be true or false"),
            // The flags that are required with this one may be set elsewhere.
            ErrorKind::MissingRequiredArgument => return Ok(()),
            _ => format!("invalid value for `{name}`"),
        };
        Err(self.invalid(span, detail))
    }

    fn clusters(&self, value: &Spanned<DeValue<'_>>) -> Result<Vec<NamedCluster>> {
        let invalid_value =
            || self.invalid(value.span(), "`clusters` must be written as [[clusters]]");
        let tables: &DeArray<'_> = value.get_ref().as_array().ok_or_else(invalid_value)?;
        let mut clusters: Vec<NamedCluster> = Vec::new();
        for table in tables {
            let cluster =
                self.cluster(table, table.get_ref().as_table().ok_or_else(invalid_value)?)?;
            if clusters.iter().any(|other| other.name == cluster.name) {
                let detail = format!("duplicate cluster name `{}`", cluster.name);
                return Err(self.invalid(table.span(), detail));
            }
            clusters.push(cluster);
        }
        Ok(clusters)
    }

    fn cluster(&self, whole: &Spanned<DeValue<'_>>, table: &DeTable<'_>) -> Result<NamedCluster> {
        let mut cluster = NamedCluster::default();
        for (key, value) in table {
            let name: &str = key.get_ref();
            let text = || {
                let text = value.get_ref().as_str();
                text.map(str::to_owned)
                    .ok_or_else(|| self.invalid(value.span(), format!("`{name}` must be a string")))
            };
            let path = || Ok(self.resolve(&text()?));
            match name {
                "name" => cluster.name = text()?,
                "endpoints" => cluster.endpoints = self.strings(name, value)?,
                "cacert" => cluster.cacert = Some(path()?),
                "cert" => cluster.cert = Some(path()?),
                "key" => cluster.key = Some(path()?),
                "user" => cluster.user = parse_user(&text()?).ok(),
                "password" => cluster.password = Some(Secret::new(text()?)),
                "password_file" => cluster.password_file = Some(path()?),
                "lock_prefix" => cluster.lock_prefix = Some(self.strings(name, value)?),
                "dial_timeout" => {
                    let time = parse_duration(&text()?);
                    let time = time.map_err(|detail| self.invalid(value.span(), detail))?;
                    cluster.dial_timeout = Some(time);
                }
                "anonymous" => {
                    let account = Anonymous::from_str(&text()?, false);
                    let invalid_value =
                        |_| self.invalid(value.span(), "`anonymous` must be \"gateway\"");
                    cluster.anonymous = Some(account.map_err(invalid_value)?);
                }
                _ => {
                    let detail = format!("unknown key `{name}` in a cluster");
                    return Err(self.invalid(key.span(), detail));
                }
            }
        }
        if matches!(cluster.name.as_str(), "" | "." | "..") || cluster.name.contains('/') {
            let detail = "`name` of a cluster is required, without slashes, and not `.` or `..`";
            return Err(self.invalid(whole.span(), detail));
        }
        if cluster.endpoints.is_empty() {
            let detail = format!("`endpoints` of the cluster `{}` is required", cluster.name);
            return Err(self.invalid(whole.span(), detail));
        }
        Ok(cluster)
    }

    /// A string, or a list of strings.
    fn strings(&self, name: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>> {
        let invalid_value =
            |span| self.invalid(span, format!("`{name}` must be a list of strings"));
        match value.get_ref() {
            DeValue::String(text) => Ok(vec![text.to_string()]),
            DeValue::Array(values) => values
                .iter()
                .map(|value| {
                    let text = value.get_ref().as_str();
                    text.map(str::to_owned)
                        .ok_or_else(|| invalid_value(value.span()))
                })
                .collect(),
            _ => Err(invalid_value(value.span())),
        }
    }
}
