//! Errors of the embedded etcd, each with its fix.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use crate::etcd::Minor;

/// Why the embedded etcd did not start.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// No etcd program was found.
    #[error(
        "no etcd found: `{}` does not exist or is not on PATH; install etcd (Debian: apt-get install etcd-server, \
         macOS: brew install etcd), or name a running cluster: --etcd http://127.0.0.1:2379",
        etcd.display()
    )]
    NotFound {
        /// The program as configured.
        etcd: PathBuf,
    },
    /// The program exists, but cannot be run or does not print its version.
    #[error("`{} --version` does not print a version: {output}", etcd.display())]
    NoVersion {
        /// The program.
        etcd: PathBuf,
        /// What it printed, or why it could not be run.
        output: String,
    },
    /// A file or folder of the data folder cannot be used.
    #[error("{} cannot be used", path.display())]
    Folder {
        /// Its path.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// Another gateway is using the same data.
    #[error(
        "the data in {} is in use by {owner}; stop it, use another folder (--data-dir), or \
         share its etcd with --etcd",
        path.display()
    )]
    InUse {
        /// The data folder.
        path: PathBuf,
        /// Its process and the address of its etcd, if known.
        owner: String,
    },
    /// Another minor version wrote the data: an older etcd exits on it, a newer one can panic on it.
    #[error(
        "the data in {} was written by etcd {wrote}, and the installed etcd is {found}: put an etcd \
         {wrote} first on PATH to keep using this data, or start over with another --data-dir \
         (or after moving that folder away)",
        path.display()
    )]
    OtherMinor {
        /// The data folder.
        path: PathBuf,
        /// The recorded minor version.
        wrote: Minor,
        /// The minor version of the installed etcd.
        found: Minor,
    },
    /// Another minor version wrote the data in the folder that a configuration file sets.
    #[error(
        "the data in {} was written by etcd {wrote}, and the installed etcd is {found}: put an etcd \
         {wrote} first on PATH; to upgrade the data (one minor version at a time), write `{found}` \
         into {}",
        path.display(),
        record.display()
    )]
    OtherMinorOfFile {
        /// The data folder.
        path: PathBuf,
        /// The recorded minor version.
        wrote: Minor,
        /// The minor version of the installed etcd.
        found: Minor,
        /// The file that records the minor version.
        record: PathBuf,
    },
    /// The data belongs to a cluster of a different size: a flag cannot resize a cluster.
    #[error(
        "the data in {} belongs to a cluster of {has} member{}, but {requested} {} requested: start with --members {has} to \
         keep using this data, or start over with another --data-dir (or after moving that folder \
         away)",
        path.display(),
        if *has == 1 { "" } else { "s" },
        if *requested == 1 { "is" } else { "are" }
    )]
    OtherMembers {
        /// The data folder.
        path: PathBuf,
        /// The size of the data's cluster.
        has: usize,
        /// The requested number.
        requested: usize,
    },
    /// There is data, but no record of the minor version that wrote it.
    #[error(
        "no record says which etcd wrote the data in {}: if it was {found}, write `{found}` into {}; \
         otherwise start with another --data-dir",
        path.display(),
        record.display()
    )]
    UnknownMinor {
        /// The data folder.
        path: PathBuf,
        /// The file that should record the minor version.
        record: PathBuf,
        /// The minor version of the installed etcd.
        found: Minor,
    },
    /// No free port was found on the loopback interface.
    #[error("no free port is left on 127.0.0.1")]
    NoPort(#[source] io::Error),
    /// The supervisor cannot be started.
    #[error("{} cannot be started as the supervisor of etcd", supervisor.display())]
    Supervisor {
        /// The program.
        supervisor: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// etcd's configuration file cannot be read.
    #[error("the etcd configuration {} cannot be read", path.display())]
    File {
        /// Its path as given.
        path: PathBuf,
        /// The system's error.
        #[source]
        source: io::Error,
    },
    /// The etcd configuration file can be read, but is invalid.
    #[error("the etcd configuration {} cannot be used: {why}", path.display())]
    FileContent {
        /// Its path as given.
        path: PathBuf,
        /// What is wrong, and how to fix it.
        why: String,
    },
    /// Another program already listens at the address of the configuration file.
    #[error(
        "{url}, the client URL in {}, is in use by another program: stop it, choose another \
         port in listen-client-urls, or use what runs there with --etcd {url}",
        path.display()
    )]
    PortTaken {
        /// The file.
        path: PathBuf,
        /// The client URL.
        url: String,
    },
    /// etcd exited before it was ready.
    #[error("etcd did not start: {0}")]
    Failed(Ended),
    /// etcd runs, but was not ready in time.
    #[error("etcd was not ready within {} s ({why}); its output:\n{output}", after.as_secs())]
    NotReady {
        /// The time limit.
        after: Duration,
        /// What was still missing.
        why: String,
        /// The end of its stderr.
        output: String,
    },
}

/// etcd exited unexpectedly.
#[derive(Clone, Debug, Error)]
#[error("etcd exited with {status}; its output:\n{output}")]
pub struct Ended {
    /// Its exit code, or the signal that ended it.
    pub status: String,
    /// The end of its stderr.
    pub output: String,
}
