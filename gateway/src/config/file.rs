//! `--config FILE`: every flag as a key, and `[[clusters]]`.
//!
//! A key becomes the flag of its name, read by the flag's own parser, unless the command line or the
//! environment has that flag already. A path is looked for beside the file. What is unknown or malformed is refused with its line.

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
use super::cluster::{Connect, Named};
use super::{Anonymous, Cli, Config, parse_duration};
use crate::etcd::Secret;

/// Why command line, environment and file make no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The command line; clap shows it in its own way, and `--help` too.
    #[error(transparent)]
    Arguments(#[from] clap::Error),
    /// The file.
    #[error(transparent)]
    File(#[from] FileError),
}

/// What is wrong with the file.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("the configuration {path} cannot be read")]
    Unreadable {
        /// As given.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// A line of it is not understood. Never shows a value, which may be a password.
    #[error("{path}:{line}: {detail}")]
    Line {
        /// As given.
        path: PathBuf,
        /// From 1.
        line: usize,
        /// What is wrong there.
        detail: String,
    },
}

impl Cli {
    /// What the command line says, then the environment, then the file that one of them names.
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
    fn wrong(&self, span: Range<usize>, detail: impl Into<String>) -> FileError {
        let before = self.text.get(..span.start).unwrap_or_default();
        FileError::Line {
            path: self.path.to_owned(),
            line: before.matches('\n').count() + 1,
            detail: detail.into(),
        }
    }

    /// The flags that the file adds, and its clusters.
    fn read(&self, matches: &ArgMatches, doctor: bool) -> Result<(Vec<OsString>, Vec<Named>)> {
        let document = DeTable::parse(self.text).map_err(|error| {
            let span = error.span().unwrap_or_default();
            self.wrong(span, error.message())
        })?;
        let all = Config::augment_args(Command::new("watchgate").no_binary_name(true));
        let wanted = if doctor {
            Connect::augment_args(Command::new("watchgate"))
        } else {
            all.clone()
        };
        let mut flags = Vec::new();
        let mut clusters = Vec::new();
        let mut single = None;
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
                .ok_or_else(|| self.wrong(key.span(), format!("there is no key `{name}`")))?;
            if name == "etcd" {
                single = Some(key.span());
            }
            let is_path = argument.get_value_parser().type_id() == TypeId::of::<PathBuf>();
            let given = self.arguments(&flag, value, is_path)?;
            for argument in &given {
                self.check(&all, name, argument, value.span())?;
            }
            let set = known(&wanted).is_none()
                || matches!(
                    matches.value_source(argument.get_id().as_str()),
                    Some(ValueSource::CommandLine | ValueSource::EnvVariable)
                );
            if !set {
                flags.extend(given);
            }
        }
        if let Some(span) = single.filter(|_| !clusters.is_empty()) {
            return Err(self.wrong(
                span,
                "`etcd` is one cluster and `clusters` are several: choose",
            ));
        }
        Ok((flags, clusters))
    }

    /// A value as arguments on a command line.
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
                    let detail = format!("`{flag}` takes text or a number");
                    return Err(self.wrong(value.span(), detail));
                }
            };
            let mut argument = OsString::from(format!("--{flag}="));
            if is_path {
                argument.push(self.beside(&text));
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

    /// What lies beside the file is named relative to it.
    fn beside(&self, path: &str) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    /// Whether the flag's own parser takes it.
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
            ErrorKind::TooManyValues => format!("`{name}` is true or false"),
            // About flags that are missing beside this one, which stand elsewhere.
            ErrorKind::MissingRequiredArgument => return Ok(()),
            _ => format!("`{name}` does not take this value"),
        };
        Err(self.wrong(span, detail))
    }

    fn clusters(&self, value: &Spanned<DeValue<'_>>) -> Result<Vec<Named>> {
        let wrong = || self.wrong(value.span(), "`clusters` is written as [[clusters]]");
        let tables: &DeArray<'_> = value.get_ref().as_array().ok_or_else(wrong)?;
        let mut clusters: Vec<Named> = Vec::new();
        for table in tables {
            let cluster = self.cluster(table, table.get_ref().as_table().ok_or_else(wrong)?)?;
            if clusters.iter().any(|other| other.name == cluster.name) {
                let detail = format!("there are two clusters `{}`", cluster.name);
                return Err(self.wrong(table.span(), detail));
            }
            clusters.push(cluster);
        }
        Ok(clusters)
    }

    fn cluster(&self, whole: &Spanned<DeValue<'_>>, table: &DeTable<'_>) -> Result<Named> {
        let mut cluster = Named::default();
        for (key, value) in table {
            let name: &str = key.get_ref();
            let text = || {
                let text = value.get_ref().as_str();
                text.map(str::to_owned)
                    .ok_or_else(|| self.wrong(value.span(), format!("`{name}` is text")))
            };
            let path = || Ok(self.beside(&text()?));
            match name {
                "name" => cluster.name = text()?,
                "endpoints" => cluster.endpoints = self.texts(name, value)?,
                "cacert" => cluster.cacert = Some(path()?),
                "cert" => cluster.cert = Some(path()?),
                "key" => cluster.key = Some(path()?),
                "user" => cluster.user = parse_user(&text()?).ok(),
                "password" => cluster.password = Some(Secret::new(text()?)),
                "password_file" => cluster.password_file = Some(path()?),
                "lock_prefix" => cluster.lock_prefix = Some(self.texts(name, value)?),
                "dial_timeout" => {
                    let time = parse_duration(&text()?);
                    let time = time.map_err(|detail| self.wrong(value.span(), detail))?;
                    cluster.dial_timeout = Some(time);
                }
                "anonymous" => {
                    let who = Anonymous::from_str(&text()?, false);
                    let wrong = |_| self.wrong(value.span(), "`anonymous` is \"gateway\"");
                    cluster.anonymous = Some(who.map_err(wrong)?);
                }
                _ => {
                    let detail = format!("a cluster has no key `{name}`");
                    return Err(self.wrong(key.span(), detail));
                }
            }
        }
        if cluster.name.is_empty() || cluster.name.contains('/') {
            let detail = "a cluster has a `name`, without slashes";
            return Err(self.wrong(whole.span(), detail));
        }
        if cluster.endpoints.is_empty() {
            let detail = format!("the cluster `{}` has no `endpoints`", cluster.name);
            return Err(self.wrong(whole.span(), detail));
        }
        Ok(cluster)
    }

    /// One text, or several.
    fn texts(&self, name: &str, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>> {
        let wrong = |span| self.wrong(span, format!("`{name}` is a list of texts"));
        match value.get_ref() {
            DeValue::String(text) => Ok(vec![text.to_string()]),
            DeValue::Array(values) => values
                .iter()
                .map(|value| {
                    let text = value.get_ref().as_str();
                    text.map(str::to_owned).ok_or_else(|| wrong(value.span()))
                })
                .collect(),
            _ => Err(wrong(value.span())),
        }
    }
}
