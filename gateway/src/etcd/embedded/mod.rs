//! The private etcd that a gateway without a cluster starts for itself.
//!
//! It listens on free loopback ports, keeps its data between runs, and lives and dies with us: it
//! runs under a supervisor that ends it when we are gone, also by `kill -9`. It is never restarted
//! behind our back: when it ends by itself, [`Embedded::ended`] says so and the gateway ends too.

mod error;
mod folder;
mod launch;
mod output;
mod version;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, sleep};

pub use self::error::{EmbeddedError, Ended};
pub use self::version::Minor;

use self::folder::Folder;
use self::launch::{Launch, Process};
use super::{Etcd, Settings};
use crate::caller::Caller;
use crate::supervise;
use crate::tasks::Tasks;

/// How often ports are chosen anew when others take them first.
const ATTEMPTS: usize = 5;
/// Between two looks whether etcd answers.
const POLL: Duration = Duration::from_millis(25);
/// How long one look may take.
const LOOK: Duration = Duration::from_secs(2);

/// How to run the embedded etcd.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of the data, the lock and the record of the version; created where missing.
    pub folder: PathBuf,
    /// The program: a path, or a name looked for on PATH.
    pub etcd: PathBuf,
    /// The `watchgate` binary, which is run as `supervise`.
    pub supervisor: PathBuf,
    /// Revisions older than this are compacted away; in whole hours.
    pub retention_hours: u32,
    /// How long etcd may take until it answers. Opening a large database takes its time.
    pub patience: Duration,
    /// Names of environment variables to keep from etcd, which reads every flag from there too.
    pub hidden_variables: Vec<OsString>,
}

impl Options {
    /// The etcd on PATH with its data in `folder`, under `supervisor`: without one this very binary.
    pub fn new(
        folder: impl Into<PathBuf>,
        supervisor: Option<PathBuf>,
    ) -> Result<Self, EmbeddedError> {
        let this = |source| EmbeddedError::Supervisor {
            supervisor: "watchgate".into(),
            source,
        };
        Ok(Self {
            folder: folder.into(),
            etcd: PathBuf::from("etcd"),
            supervisor: supervisor
                .map_or_else(std::env::current_exe, Ok)
                .map_err(this)?,
            retention_hours: 24,
            patience: Duration::from_mins(1),
            hidden_variables: Vec::new(),
        })
    }
}

/// A running etcd of our own. Dropping it ends etcd too, but does not wait for that.
#[derive(Debug)]
pub struct Embedded {
    folder: PathBuf,
    url: String,
    version: String,
    ended: watch::Receiver<Option<Ended>>,
    tasks: Tasks,
}

impl Embedded {
    /// Starts etcd and waits until it answers.
    pub async fn start(options: Options) -> Result<Self, EmbeddedError> {
        let version = version::version(&options.etcd).await?;
        let mut folder = Folder::take(&options.folder).await?;
        folder.check_minor(version.minor)?;
        let deadline = Instant::now() + options.patience;
        let mut attempt = 1;
        let (launch, process) = loop {
            let launch = Launch::choose(&options, folder.data(), name())?;
            let mut process = launch.start(folder.share_lock()?)?;
            match ready(&launch, &mut process, deadline).await {
                Ok(()) => break (launch, process),
                Err(Unready::Ended(_)) if attempt < ATTEMPTS && process.output.port_was_taken() => {
                    attempt += 1;
                }
                Err(Unready::Ended(ended)) => return Err(EmbeddedError::Failed(ended)),
                Err(Unready::Late) => {
                    process.stop().await;
                    return Err(EmbeddedError::NotReady {
                        after: options.patience,
                        output: process.output.tail(),
                    });
                }
            }
        };
        folder.say_owner(Some(&launch.client))?;
        let tasks = Tasks::default();
        let (report, ended) = watch::channel(None);
        tasks.spawn(keep(process, folder, report, tasks.clone()));
        Ok(Self {
            folder: options.folder,
            url: launch.client,
            version: version.full,
            ended,
            tasks,
        })
    }

    /// Its client URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder of its data.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its version, such as `3.7.3`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Waits until etcd ends without being told to; for ever once it is told to.
    pub async fn ended(&self) -> Ended {
        let mut ended = self.ended.clone();
        let unexpected = match ended.wait_for(Option::is_some).await {
            Ok(ended) => ended.clone(),
            Err(_) => None,
        };
        match unexpected {
            Some(ended) => ended,
            None => std::future::pending().await,
        }
    }

    /// Ends etcd and waits until it has ended.
    pub async fn stop(self) {
        self.tasks.cancel();
        // The supervisor kills what does not end; this only guards against a stuck supervisor.
        self.tasks.wait(supervise::GRACE + LOOK * 2).await;
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

/// Holds the process and the folder until etcd has ended, told to or not.
async fn keep(
    mut process: Process,
    folder: Folder,
    report: watch::Sender<Option<Ended>>,
    tasks: Tasks,
) {
    tokio::select! {
        ended = process.ended() => {
            report.send_replace(Some(ended));
        }
        () = tasks.stop().cancelled() => process.stop().await,
    }
    drop(folder);
}

/// A name that no other etcd on this machine has: it tells ours from one that took its port.
fn name() -> String {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    let pid = std::process::id();
    match STARTED.fetch_add(1, Ordering::Relaxed) {
        0 => format!("watchgate-{pid}"),
        n => format!("watchgate-{pid}-{n}"),
    }
}

enum Unready {
    Ended(Ended),
    Late,
}

/// Waits until the etcd at the client URL is the one started and serves.
async fn ready(launch: &Launch, process: &mut Process, deadline: Instant) -> Result<(), Unready> {
    tokio::select! {
        () = answers(launch) => Ok(()),
        ended = process.ended() => Err(Unready::Ended(ended)),
        () = tokio::time::sleep_until(deadline) => Err(Unready::Late),
    }
}

async fn answers(launch: &Launch) {
    let settings = Settings {
        endpoints: vec![launch.client.clone()],
        dial_timeout: LOOK,
        cacert: None,
    };
    let etcd = Etcd::new(settings)
        .await
        .expect("a loopback URL is a client URL");
    loop {
        // The member's name is published once it has a leader, so it serves writes as well.
        let members = etcd.members(&Caller::gateway(LOOK)).await;
        if members.is_ok_and(|(_, members)| members.iter().any(|m| m.name == launch.name)) {
            return;
        }
        sleep(POLL).await;
    }
}
