//! The data folder: one etcd at a time, of one minor.
//!
//! ```text
//! <folder>/lock      locked by whoever may write here; says who that is
//! <folder>/version   the minor that wrote the data, such as 3.7
//! <folder>/data/     etcd's own
//! ```

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

use super::EmbeddedError;
use super::version::Minor;
use crate::supervise;

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

    /// Refuses data of another minor, and records `found` where there is no data yet.
    pub(super) fn check_minor(&self, found: Minor) -> Result<(), EmbeddedError> {
        let record = self.path.join("version");
        let failed = |source| EmbeddedError::Folder {
            path: record.clone(),
            source,
        };
        // A record without data is of a start that failed: it binds nobody.
        if !self.data().join("member").exists() {
            return fs::write(&record, format!("{found}\n")).map_err(failed);
        }
        let wrote: Option<Minor> = match fs::read_to_string(&record) {
            Ok(text) => text.parse().ok(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(failed(error)),
        };
        let path = self.path.clone();
        match wrote {
            Some(wrote) if wrote == found => Ok(()),
            Some(wrote) => Err(EmbeddedError::OtherMinor { path, wrote, found }),
            None => Err(EmbeddedError::UnknownMinor {
                path,
                record,
                found,
            }),
        }
    }

    /// etcd's own data folder.
    pub(super) fn data(&self) -> PathBuf {
        self.path.join("data")
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

    #[tokio::test]
    async fn a_record_binds_only_where_there_is_data() {
        let dir = tempfile::tempdir().expect("a temporary folder");
        let folder = Folder::take(dir.path()).await.expect("is ours");
        folder.check_minor(minor("3.5")).expect("nothing there yet");
        folder
            .check_minor(minor("3.7"))
            .expect("still nothing there");
        fs::create_dir_all(folder.data().join("member")).expect("etcd was here");
        folder.check_minor(minor("3.7.9")).expect("the same minor");
        let refused = folder
            .check_minor(minor("3.6"))
            .expect_err("another minor")
            .to_string();
        assert!(
            refused.contains("written by etcd 3.7") && refused.contains("is 3.6"),
            "{refused}"
        );
        fs::remove_file(dir.path().join("version")).expect("was there");
        let refused = folder
            .check_minor(minor("3.7"))
            .expect_err("unknown")
            .to_string();
        assert!(refused.contains("write `3.7` into"), "{refused}");
    }
}
