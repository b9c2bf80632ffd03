//! The version of the etcd program.

use std::io::ErrorKind;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::process::Command;
use tokio::time::timeout;

use super::EmbeddedError;
use crate::etcd::Minor;

/// `etcd --version` prints at once; a program that does not is not etcd.
const VERSION_TIMEOUT: Duration = Duration::from_secs(10);

/// A version as etcd prints it, such as `3.7.3`, with its minor version.
#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) full: String,
    pub(super) minor: Minor,
}

/// Runs the program with `--version`.
pub(super) async fn version(etcd: &Path) -> Result<Version, EmbeddedError> {
    let unknown = |output: String| EmbeddedError::NoVersion {
        etcd: etcd.to_owned(),
        output,
    };
    let mut command = Command::new(etcd);
    command
        .arg("--version")
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let output = match timeout(VERSION_TIMEOUT, command.output()).await {
        Ok(Ok(output)) => output,
        Ok(Err(error)) if error.kind() == ErrorKind::NotFound => {
            return Err(EmbeddedError::NotFound {
                etcd: etcd.to_owned(),
            });
        }
        Ok(Err(error)) => return Err(unknown(error.to_string())),
        Err(_) => {
            return Err(unknown(format!(
                "no output within {} s",
                VERSION_TIMEOUT.as_secs()
            )));
        }
    };
    let stdout = String::from_utf8_lossy(&output.stdout);
    parse(&stdout).ok_or_else(|| {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let line = stdout
            .lines()
            .chain(stderr.lines())
            .find(|line| !line.trim().is_empty());
        unknown(line.unwrap_or("nothing").to_owned())
    })
}

/// Parses the line `etcd Version: 3.7.3`.
fn parse(output: &str) -> Option<Version> {
    let full = output
        .lines()
        .find_map(|line| line.strip_prefix("etcd Version:"))?
        .trim();
    Some(Version {
        full: full.to_owned(),
        minor: full.parse().ok()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_parsed_from_the_first_line() {
        for (output, full, minor) in [
            ("etcd Version: 3.7.3\nGit SHA: x\n", "3.7.3", "3.7"),
            (
                "etcd Version: 3.4.23\nGit SHA: Not provided\n",
                "3.4.23",
                "3.4",
            ),
            ("etcd Version: 3.8.0-alpha.0\n", "3.8.0-alpha.0", "3.8"),
        ] {
            let version = parse(output).expect("a version");
            assert_eq!(
                (version.full.as_str(), version.minor.to_string().as_str()),
                (full, minor)
            );
        }
    }

    #[test]
    fn other_output_is_not_a_version() {
        for output in [
            "",
            "etcdctl version: 3.7.3",
            "etcd Version: next",
            "etcd Version: 3",
        ] {
            assert!(parse(output).is_none(), "{output}");
        }
    }
}
