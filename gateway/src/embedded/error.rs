//! Why the embedded etcd cannot be had, each with what mends it.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;

use super::version::Minor;

/// Why the embedded etcd did not start.
#[derive(Debug, Error)]
pub enum EmbeddedError {
    /// There is no such program.
    #[error(
        "no etcd is found: `{}` is not there or not on PATH; install etcd (Debian: apt-get install etcd-server, \
         macOS: brew install etcd), or name a running cluster: --etcd http://127.0.0.1:2379",
        etcd.display()
    )]
    NotFound {
        /// As it was looked for.
        etcd: PathBuf,
    },
    /// It is there, but cannot be run or does not say its version.
    #[error("`{} --version` does not name a version: {said}", etcd.display())]
    NoVersion {
        /// The program.
        etcd: PathBuf,
        /// What it printed, or why it could not be run.
        said: String,
    },
    /// A file or folder of the data folder cannot be used.
    #[error("{} cannot be used", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// Another gateway runs on the same data.
    #[error(
        "the data in {} is in use by {owner}; end that one, use another folder (--data-dir), or \
         share its etcd with --etcd",
        path.display()
    )]
    InUse {
        /// The data folder.
        path: PathBuf,
        /// Its process and the address of its etcd, where they are known.
        owner: String,
    },
    /// Another minor wrote the data: an older etcd exits on it, a newer one can panic on it.
    #[error(
        "the data in {} was written by etcd {wrote}, and the etcd found is {found}: put an etcd \
         {wrote} first on PATH to go on with this data, or start afresh with another --data-dir \
         (or after moving that folder away)",
        path.display()
    )]
    OtherMinor {
        /// The data folder.
        path: PathBuf,
        /// The minor on record.
        wrote: Minor,
        /// The minor of the etcd found.
        found: Minor,
    },
    /// The same for the data that a configuration file names.
    #[error(
        "the data in {} was written by etcd {wrote}, and the etcd found is {found}: put an etcd \
         {wrote} first on PATH; if the data is meant to move on (one minor at a time), write `{found}` \
         into {}",
        path.display(),
        record.display()
    )]
    OtherMinorOfFile {
        /// The data folder.
        path: PathBuf,
        /// The minor on record.
        wrote: Minor,
        /// The minor of the etcd found.
        found: Minor,
        /// Where the minor stands.
        record: PathBuf,
    },
    /// There is data of another number of members: a cluster does not grow or shrink by a flag.
    #[error(
        "the data in {} is of {has} member{}, and {asked} {} asked for: start with --members {has} to \
         go on with this data, or start afresh with another --data-dir (or after moving that folder \
         away)",
        path.display(),
        if *has == 1 { "" } else { "s" },
        if *asked == 1 { "is" } else { "are" }
    )]
    OtherMembers {
        /// The data folder.
        path: PathBuf,
        /// How many there are.
        has: usize,
        /// How many were asked for.
        asked: usize,
    },
    /// There is data, but no record of the minor that wrote it.
    #[error(
        "nothing says which etcd wrote the data in {}: if it was {found}, write `{found}` into {}; \
         else start afresh with another --data-dir",
        path.display(),
        record.display()
    )]
    UnknownMinor {
        /// The data folder.
        path: PathBuf,
        /// Where the minor should stand.
        record: PathBuf,
        /// The minor of the etcd found.
        found: Minor,
    },
    /// No port could be had on the loopback interface.
    #[error("no free port is left on 127.0.0.1")]
    NoPort(#[source] io::Error),
    /// The supervisor cannot be started.
    #[error("{} cannot be started as the supervisor of etcd", supervisor.display())]
    Supervisor {
        /// The program.
        supervisor: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// etcd's configuration file cannot be read.
    #[error("the etcd configuration {} cannot be read", path.display())]
    File {
        /// As given.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: io::Error,
    },
    /// It can be read, but not understood.
    #[error("the etcd configuration {} cannot be used: {why}", path.display())]
    FileContent {
        /// As given.
        path: PathBuf,
        /// What is wrong, and what mends it.
        why: String,
    },
    /// Somebody listens already where the configuration file wants etcd to.
    #[error(
        "{url}, where {} has etcd listen, is taken by another program: end that one, name another \
         port in listen-client-urls, or use what runs there with --etcd {url}",
        path.display()
    )]
    PortTaken {
        /// The file.
        path: PathBuf,
        /// The client URL.
        url: String,
    },
    /// etcd ended before it answered.
    #[error("etcd did not start: {0}")]
    Failed(Ended),
    /// etcd runs, but did not answer in time.
    #[error("etcd was not ready within {} s ({why}); it said:\n{output}", after.as_secs())]
    NotReady {
        /// How long it was waited for.
        after: Duration,
        /// What was still missing.
        why: String,
        /// The end of its stderr.
        output: String,
    },
}

/// etcd ended without being told to.
#[derive(Clone, Debug, Error)]
#[error("etcd ended with {status}; it said:\n{output}")]
pub struct Ended {
    /// Its exit code, or the signal that ended it.
    pub status: String,
    /// The end of its stderr.
    pub output: String,
}
