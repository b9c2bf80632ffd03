//! The data folder: one gateway's etcd at a time, of one minor and with one number of members.
//!
//! ```text
//! <folder>/lock        locked by whoever may write here; says who that is
//! <folder>/version     the minor that wrote the data, such as 3.7
//! <folder>/data/       etcd's own, where it is one member
//! <folder>/members     of several: how many, and the token that tells their cluster from others
//! <folder>/member-1/   of several: the first one's own; and so on
//! <folder>/peer-1:1    of several: the socket by which the others reach the first
//! ```
//!
//! Where a configuration file says where etcd keeps its data, the folder holds the lock and the
//! version alone.

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
use super::version::Minor;
use super::{EmbeddedError, ONE_MEMBER};

/// Beyond the supervisor's grace, for the system to tidy up.
const MARGIN: Duration = Duration::from_secs(2);
/// Between two looks at a lock whose owner is dying.
const POLL: Duration = Duration::from_millis(50);

/// Who has the folder.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Owner {
    /// The gateway's process id.
    pid: i32,
    /// Its etcd's client URL, once it has one.
    etcd: Option<String>,
}

/// Where etcd's own data lies.
#[derive(Clone, Debug)]
pub(super) enum Layout {
    /// In the folder, of so many members.
    Here {
        /// One or several.
        members: usize,
    },
    /// Where a configuration file says.
    Elsewhere(PathBuf),
}

/// What is on record of a cluster of several members.
#[derive(Clone, Debug, Serialize, Deserialize)]
struct Several {
    count: usize,
    token: String,
}

/// A data folder that is ours while this (or a copy of its lock) lives.
#[derive(Debug)]
pub(super) struct Folder {
    path: PathBuf,
    lock: File,
}

impl Folder {
    /// Takes the folder, which is created where it is missing. Refused at once while another
    /// gateway has it; waited for while the etcd of a gateway that died is being ended.
    pub(super) async fn take(path: &Path) -> Result<Self, EmbeddedError> {
        let failed = |path: &Path| {
            let path = path.to_owned();
            move |source| EmbeddedError::Folder { path, source }
        };
        // etcd insists on 0700 for its own folder; what is in it is nobody else's business.
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
        folder.say_owner(None)?;
        Ok(folder)
    }

    /// Writes down who has the folder, for whoever is refused.
    pub(super) fn say_owner(&mut self, etcd: Option<&str>) -> Result<(), EmbeddedError> {
        let owner = Owner {
            pid: std::process::id().cast_signed(),
            etcd: etcd.map(str::to_owned),
        };
        write_owner(&mut self.lock, &owner).map_err(|source| EmbeddedError::Folder {
            path: self.path.join("lock"),
            source,
        })
    }

    /// Refuses data of another minor or of another number of members, and records both where there
    /// is no data yet.
    pub(super) fn check(&self, found: Minor, layout: &Layout) -> Result<(), EmbeddedError> {
        let record = self.path.join("version");
        let failed = |source| EmbeddedError::Folder {
            path: record.clone(),
            source,
        };
        // A record without data is of a start that failed: it binds nobody.
        if !self.has_data(layout) {
            fs::write(&record, format!("{found}\n")).map_err(failed)?;
            return self.say_members(layout);
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
            // Somebody ran etcd on it before us; etcd itself refuses what it cannot read.
            (None, Layout::Elsewhere(_)) => {
                fs::write(&record, format!("{found}\n")).map_err(failed)
            }
        }
    }

    /// Refuses to start another number of members than there is data of.
    fn check_members(&self, layout: &Layout) -> Result<(), EmbeddedError> {
        let Layout::Here { members } = *layout else {
            return Ok(());
        };
        let has = self.several()?.map_or(ONE_MEMBER, |several| several.count);
        if has == members {
            return Ok(());
        }
        Err(EmbeddedError::OtherMembers {
            path: self.path.clone(),
            has,
            asked: members,
        })
    }

    fn say_members(&self, layout: &Layout) -> Result<(), EmbeddedError> {
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
            let several = Several { count, token };
            serde_json::to_string(&several)
                .map_err(io::Error::from)
                .and_then(|text| fs::write(&record, text + "\n"))
        };
        written.map_err(|source| EmbeddedError::Folder {
            path: record,
            source,
        })
    }

    fn several(&self) -> Result<Option<Several>, EmbeddedError> {
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

    /// The token of the cluster of several members: the same at each of its starts, another in each
    /// folder, since their peers' addresses are the same everywhere.
    pub(super) fn token(&self) -> Result<String, EmbeddedError> {
        let several = self.several()?;
        Ok(several.map_or_else(String::new, |several| several.token))
    }

    fn members_file(&self) -> PathBuf {
        self.path.join("members")
    }

    /// Whether any etcd has written here, whatever is asked for now.
    fn has_data(&self, layout: &Layout) -> bool {
        let holds = |data: &Path| data.join("member").exists();
        match layout {
            Layout::Elsewhere(data) => holds(data),
            Layout::Here { .. } => {
                holds(&self.data()) || (1..=super::MOST_MEMBERS).any(|n| holds(&self.member(n)))
            }
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// etcd's own data folder, where it is one member.
    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
    }

    /// The data folder of one of several, counted from 1.
    pub(super) fn member(&self, number: usize) -> PathBuf {
        self.path.join(format!("member-{number}"))
    }

    /// The lock, to be held by another process too.
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
    // No signal is sent: this only asks. Somebody else's process is alive too (EPERM).
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
mod tests {
    use super::*;

    fn minor(text: &str) -> Minor {
        text.parse().expect("a minor")
    }

    #[tokio::test]
    async fn a_folder_has_one_owner_who_is_named() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let path = dir.path().join("etcd");
        let mut first = Folder::take(&path).await.expect("the first has it");
        first
            .say_owner(Some("http://127.0.0.1:4711"))
            .expect("is written");
        let refused = Folder::take(&path)
            .await
            .expect_err("the second has not")
            .to_string();
        assert!(
            refused.contains(&std::process::id().to_string()),
            "{refused}"
        );
        assert!(refused.contains("http://127.0.0.1:4711"), "{refused}");
        drop(first);
        Folder::take(&path).await.expect("the next has it");
    }

    const ONE: Layout = Layout::Here { members: 1 };
    const THREE: Layout = Layout::Here { members: 3 };

    #[tokio::test]
    async fn a_record_binds_only_where_there_is_data() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::take(dir.path()).await.expect("is ours");
        folder.check(minor("3.5"), &ONE).expect("nothing there yet");
        folder
            .check(minor("3.7"), &ONE)
            .expect("still nothing there");
        fs::create_dir_all(folder.data().join("member")).expect("etcd was here");
        folder.check(minor("3.7.9"), &ONE).expect("the same minor");
        let refused = folder
            .check(minor("3.6"), &ONE)
            .expect_err("another minor")
            .to_string();
        assert!(
            refused.contains("written by etcd 3.7") && refused.contains("is 3.6"),
            "{refused}"
        );
        fs::remove_file(dir.path().join("version")).expect("was there");
        let refused = folder
            .check(minor("3.7"), &ONE)
            .expect_err("unknown")
            .to_string();
        assert!(refused.contains("write `3.7` into"), "{refused}");
    }

    #[tokio::test]
    async fn data_of_another_number_of_members_is_refused() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::take(dir.path()).await.expect("is ours");
        folder.check(minor("3.7"), &ONE).expect("nothing there yet");
        folder
            .check(minor("3.7"), &THREE)
            .expect("still nothing there");
        let token = folder.token().expect("is on record");
        // One that had started when the others had not yet: they are three all the same.
        fs::create_dir_all(folder.member(2).join("member")).expect("etcd was here");
        folder.check(minor("3.7"), &THREE).expect("the same number");
        assert_eq!(folder.token().expect("is on record"), token);
        let refused = folder
            .check(minor("3.7"), &ONE)
            .expect_err("one")
            .to_string();
        assert!(refused.contains("--members 3"), "{refused}");
    }

    #[tokio::test]
    async fn one_members_data_is_not_taken_for_three() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::take(dir.path()).await.expect("is ours");
        folder.check(minor("3.7"), &ONE).expect("nothing there yet");
        fs::create_dir_all(folder.data().join("member")).expect("etcd was here");
        let refused = folder
            .check(minor("3.7"), &THREE)
            .expect_err("three")
            .to_string();
        assert!(refused.contains("--members 1"), "{refused}");
    }

    #[tokio::test]
    async fn data_that_others_wrote_elsewhere_is_theirs_to_judge() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::take(&dir.path().join("records"))
            .await
            .expect("is ours");
        let elsewhere = dir.path().join("theirs");
        fs::create_dir_all(elsewhere.join("member")).expect("etcd was here");
        let layout = Layout::Elsewhere(elsewhere);
        folder.check(minor("3.6"), &layout).expect("no record yet");
        let refused = folder
            .check(minor("3.7"), &layout)
            .expect_err("on record now")
            .to_string();
        assert!(
            refused.contains("theirs") && refused.contains("written by etcd 3.6"),
            "{refused}"
        );
    }
}
