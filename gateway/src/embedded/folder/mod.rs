//! The data folder: used by one gateway's etcd at a time, of one minor version and one number of
//! members.
//!
//! ```text
//! <folder>/lock        locked by the process that may write here; names it
//! <folder>/version     the minor version that wrote the data, such as 3.7
//! <folder>/data/       etcd's own data, with one member
//! <folder>/members     with several: their number, and the cluster's token
//! <folder>/member-1/   with several: the data of the first; and so on
//! <folder>/peer-1:1    with several: the socket at which the others reach the first
//! ```
//!
//! With a configuration file, which sets etcd's data folder, the folder holds only the lock and the
//! version.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::kill;
use nix::unistd::Pid;
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};

use super::supervise;
use super::{EmbeddedError, ONE_MEMBER};
use crate::etcd::Minor;

/// Time in addition to the supervisor's grace period, for the system to clean up.
const MARGIN: Duration = Duration::from_secs(2);
/// Interval between checks of a lock whose owner is ending.
const POLL: Duration = Duration::from_millis(50);

/// The owner of the folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Owner {
    /// The gateway's process id.
    pid: i32,
    /// Its etcd's client URL, once known.
    etcd: Option<String>,
}

/// The location of etcd's own data.
#[derive(Clone, Debug)]
pub(super) enum Layout {
    /// In this folder, for this number of members.
    Here {
        /// 1, 3 or 5.
        members: usize,
    },
    /// At the path that a configuration file sets.
    Elsewhere(PathBuf),
}

/// The record of a cluster of several members.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct MembersRecord {
    count: usize,
    token: String,
}

/// A data folder, owned for as long as this (or a copy of its lock) exists.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    /// Acquires the folder, and creates it if missing. Fails at once while another gateway owns it;
    /// waits while the etcd of a gateway that died is being ended.
    pub(super) async fn take(path: &Path) -> Result<Self, EmbeddedError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| EmbeddedError::Folder { path, source }
        };
        // etcd requires 0700 for its own folder; its contents are private.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(path)
            .map_err(failed(path))?;
        let file = path.join("lock");
        let mut lock = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(&file)
            .map_err(failed(&file))?;
        let until = Instant::now() + supervise::GRACE + MARGIN;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::Error(source)) => return Err(failed(&file)(source)),
                Err(TryLockError::WouldBlock) => {}
            }
            let owner = read_owner(&mut lock);
            let alive = owner.as_ref().is_some_and(|owner| is_alive(owner.pid));
            if alive || Instant::now() > until {
                return Err(EmbeddedError::InUse {
                    path: path.to_owned(),
                    owner: describe(owner),
                });
            }
            sleep(POLL).await;
        }
        let mut folder = Self {
            path: path.to_owned(),
            lock,
        };
        folder.record_owner(None)?;
        Ok(folder)
    }

    /// Records the owner of the folder, for the error message of a refused process.
    pub(super) fn record_owner(&mut self, etcd: Option<&str>) -> Result<(), EmbeddedError> {
        let owner = Owner {
            pid: std::process::id().cast_signed(),
            etcd: etcd.map(str::to_owned),
        };
        write_owner(&mut self.lock, &owner).map_err(|source| EmbeddedError::Folder {
            path: self.path.join("lock"),
            source,
        })
    }

    /// Refuses data of another minor version or of another number of members, and records both if there
    /// is no data yet.
    pub(super) fn check(&self, found: Minor, layout: &Layout) -> Result<(), EmbeddedError> {
        let record = self.path.join("version");
        let failed = |source| EmbeddedError::Folder {
            path: record.clone(),
            source,
        };
        // A record without data is left from a failed start and is ignored.
        if !self.has_data(layout) {
            fs::write(&record, format!("{found}\n")).map_err(failed)?;
            return self.record_members(layout);
        }
        self.check_members(layout)?;
        let wrote: Option<Minor> = match fs::read_to_string(&record) {
            Ok(text) => text.parse().ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let path = match layout {
            Layout::Here { .. } => self.path.clone(),
            Layout::Elsewhere(data) => data.clone(),
        };
        match (wrote, layout) {
            (Some(wrote), _) if wrote == found => Ok(()),
            (Some(wrote), Layout::Here { .. }) => {
                Err(EmbeddedError::OtherMinor { path, wrote, found })
            }
            (Some(wrote), Layout::Elsewhere(_)) => Err(EmbeddedError::OtherMinorOfFile {
                path,
                wrote,
                found,
                record,
            }),
            (None, Layout::Here { .. }) => Err(EmbeddedError::UnknownMinor {
                path,
                record,
                found,
            }),
            // etcd ran on this data before, without this gateway; etcd itself refuses data it cannot read.
            (None, Layout::Elsewhere(_)) => {
                fs::write(&record, format!("{found}\n")).map_err(failed)
            }
        }
    }

    /// Refuses to start a number of members different from the data's.
    fn check_members(&self, layout: &Layout) -> Result<(), EmbeddedError> {
        let Layout::Here { members } = *layout else {
            return Ok(());
        };
        let has = self
            .read_members()?
            .map_or(ONE_MEMBER, |recorded| recorded.count);
        if has == members {
            return Ok(());
        }
        Err(EmbeddedError::OtherMembers {
            path: self.path.clone(),
            has,
            requested: members,
        })
    }

    fn record_members(&self, layout: &Layout) -> Result<(), EmbeddedError> {
        let record = self.members_file();
        let count = match *layout {
            Layout::Here { members } => members,
            Layout::Elsewhere(_) => ONE_MEMBER,
        };
        let written = if count == ONE_MEMBER {
            match fs::remove_file(&record) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        } else {
            let token = format!("watchgate-{}-{:x}", std::process::id(), nanoseconds());
            let recorded = MembersRecord { count, token };
            serde_json::to_string(&recorded)
                .map_err(io::Error::from)
                .and_then(|text| fs::write(&record, text + "\n"))
        };
        written.map_err(|source| EmbeddedError::Folder {
            path: record,
            source,
        })
    }

    fn read_members(&self) -> Result<Option<MembersRecord>, EmbeddedError> {
        let path = self.members_file();
        let read = match fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text)
                .map(Some)
                .map_err(io::Error::from),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        };
        read.map_err(|source| EmbeddedError::Folder { path, source })
    }

    /// The initial cluster token of several members: the same at every start, different for each
    /// folder, since the peer addresses are the same everywhere.
    pub(super) fn token(&self) -> Result<String, EmbeddedError> {
        let recorded = self.read_members()?;
        Ok(recorded.map_or_else(String::new, |recorded| recorded.token))
    }

    fn members_file(&self) -> PathBuf {
        self.path.join("members")
    }

    /// Whether an etcd has written here, in any layout.
    fn has_data(&self, layout: &Layout) -> bool {
        let holds = |data: &Path| data.join("member").exists();
        match layout {
            Layout::Elsewhere(data) => holds(data),
            Layout::Here { .. } => {
                holds(&self.data()) || (1..=super::MAX_MEMBERS).any(|n| holds(&self.member(n)))
            }
        }
    }

    /// Its path.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// etcd's own data folder, with one member.
    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// The data folder of one of several, counted from 1.
    pub(super) fn member(&self, number: usize) -> PathBuf {
        self.path.join(format!("member-{number}"))
    }

    /// A handle of the lock, for another process to hold too.
    pub(super) fn share_lock(&self) -> Result<File, EmbeddedError> {
        self.lock
            .try_clone()
            .map_err(|source| EmbeddedError::Folder {
                path: self.path.join("lock"),
                source,
            })
    }
}

fn read_owner(lock: &mut File) -> Option<Owner> {
    let mut text = String::new();
    lock.rewind().ok()?;
    lock.read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write_owner(lock: &mut File, owner: &Owner) -> io::Result<()> {
    let text = serde_json::to_string(owner)?;
    lock.set_len(0)?;
    lock.rewind()?;
    writeln!(lock, "{text}")
}

fn nanoseconds() -> u128 {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    now.unwrap_or_default().as_nanos()
}

fn is_alive(pid: i32) -> bool {
    // Signal 0 only checks. A process of another user exists too (EPERM).
    !matches!(kill(Pid::from_raw(pid), None), Err(Errno::ESRCH))
}

fn describe(owner: Option<Owner>) -> String {
    match owner {
        Some(Owner {
            pid,
            etcd: Some(etcd),
        }) => {
            format!("the watchgate with process id {pid}, whose etcd is at {etcd}")
        }
        Some(Owner { pid, etcd: None }) => format!("the watchgate with process id {pid}"),
        None => "another watchgate".to_owned(),
    }
}

#[cfg(test)]
mod tests;
