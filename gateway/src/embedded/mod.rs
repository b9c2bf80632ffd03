//! The private etcd that a gateway without a cluster starts for itself.
//!
//! One member or several listen on free loopback ports, keep their data between runs, and end with the
//! gateway: each runs under a supervisor that ends it when the gateway ends, even after `kill -9`.
//! There is no automatic restart: when the majority has ended, [`Embedded::ended`] resolves and the
//! gateway ends too. With etcd's own configuration file, that file decides where etcd listens and where
//! its data is stored; everything else is the same.

mod error;
mod file;
mod folder;
mod launch;
mod output;
mod ready;
pub mod supervise;
mod version;

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::Instant;

pub use self::error::{EmbeddedError, Ended};

use self::file::ConfigFile;
use self::folder::{Folder, Layout};
use self::launch::{Launch, Process};
use self::ready::Unready;
use crate::etcd::Settings;
use crate::tasks::Tasks;

/// The default number of members.
pub(crate) const ONE_MEMBER: usize = 1;
/// More members would only make every write slower.
const MAX_MEMBERS: usize = 5;
/// Attempts to start with new ports when other programs take them first.
const ATTEMPTS: usize = 5;
/// How long a stuck supervisor may delay the shutdown of the gateway.
const MARGIN: Duration = Duration::from_secs(4);

/// How to run the embedded etcd.
#[derive(Clone, Debug)]
pub struct Options {
    /// The folder of the data, the lock and the version record; created if missing. With a
    /// configuration file only the records are stored there, in a folder of their own.
    pub folder: PathBuf,
    /// How many members: 1, 3 or 5.
    pub members: usize,
    /// etcd's own configuration file, which sets everything not set here.
    pub config_file: Option<PathBuf>,
    /// The connection settings; the endpoints are replaced by its own.
    pub settings: Settings,
    /// The program: a path, or a name looked up on PATH.
    pub etcd: PathBuf,
    /// The `watchgate` binary, which is run as `supervise`.
    pub supervisor: PathBuf,
    /// Auto-compaction retention, in whole hours.
    pub retention_hours: u32,
    /// How long etcd may take to become ready. Opening a large database takes time.
    pub ready_timeout: Duration,
    /// Environment variables to remove for etcd, which also reads every flag from the environment.
    pub hidden_variables: Vec<OsString>,
}

impl Options {
    /// The etcd on PATH with its data in `folder`, under `supervisor`: by default the running binary.
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
            members: ONE_MEMBER,
            config_file: None,
            settings: Settings::new(Vec::new(), Duration::from_secs(2)),
            etcd: PathBuf::from("etcd"),
            supervisor: supervisor
                .map_or_else(std::env::current_exe, Ok)
                .map_err(this)?,
            retention_hours: 24,
            ready_timeout: Duration::from_mins(1),
            hidden_variables: Vec::new(),
        })
    }
}

/// A running private etcd. Dropping it ends etcd too, but does not wait for that.
#[derive(Debug)]
pub struct Embedded {
    folder: PathBuf,
    urls: Vec<String>,
    version: String,
    ended: watch::Receiver<Option<Ended>>,
    tasks: Tasks,
}

impl Embedded {
    /// Starts etcd and waits until every member serves.
    pub async fn start(options: Options) -> Result<Self, EmbeddedError> {
        let version = version::version(&options.etcd).await?;
        let file = match &options.config_file {
            Some(path) => Some(ConfigFile::read(path)?),
            None => None,
        };
        let (records, layout) = match &file {
            Some(file) => (
                options.folder.join(file.record_name()),
                Layout::Elsewhere(file.data.clone()),
            ),
            None => (
                options.folder.clone(),
                Layout::Here {
                    members: options.members,
                },
            ),
        };
        let mut folder = Folder::take(&records).await?;
        folder.check(version.minor, &layout)?;
        let deadline = Instant::now() + options.ready_timeout;
        let mut attempt = 1;
        let (launches, processes) = loop {
            let launches = launches(&options, &folder, file.as_ref())?;
            let mut processes = Vec::with_capacity(launches.len());
            for launch in &launches {
                processes.push(launch.start(&options, folder.share_lock()?)?);
            }
            let unready = match ready::ready(&options, &launches, &mut processes, deadline).await {
                Ok(()) => break (launches, processes),
                Err(unready) => unready,
            };
            let port_taken = processes
                .iter()
                .any(|process| process.output.port_was_taken());
            join_all(processes.iter_mut().map(Process::stop)).await;
            match unready {
                Unready::Ended(_) if port_taken && file.is_none() && attempt < ATTEMPTS => {
                    attempt += 1;
                }
                Unready::Ended(ended) => return Err(EmbeddedError::Failed(ended)),
                Unready::TimedOut(why) => {
                    let outputs = processes.iter().map(|process| process.output.tail());
                    return Err(EmbeddedError::NotReady {
                        after: options.ready_timeout,
                        why,
                        output: outputs.collect::<Vec<_>>().join("\n"),
                    });
                }
            }
        };
        let urls: Vec<String> = launches.into_iter().map(|launch| launch.client).collect();
        folder.record_owner(Some(&urls.join(",")))?;
        let tasks = Tasks::default();
        let (report, ended) = watch::channel(None);
        tasks.spawn(keep(processes, folder, report, tasks.clone()));
        Ok(Self {
            folder: file.map_or(options.folder, |file| file.data),
            urls,
            version: version.full,
            ended,
            tasks,
        })
    }

    /// The client URL of each member.
    pub fn urls(&self) -> &[String] {
        &self.urls
    }

    /// The folder of its data.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Its version, such as `3.7.3`.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Waits until etcd, or the majority of its members, ends unexpectedly; never returns after
    /// [`Embedded::stop`].
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
        // The supervisor kills an etcd that does not end; this only guards against a stuck supervisor.
        self.tasks.wait(supervise::GRACE + MARGIN).await;
    }
}

impl Drop for Embedded {
    fn drop(&mut self) {
        self.tasks.cancel();
    }
}

/// The processes to start together.
fn launches(
    options: &Options,
    folder: &Folder,
    file: Option<&ConfigFile>,
) -> Result<Vec<Launch>, EmbeddedError> {
    match (file, options.members) {
        (Some(file), _) => {
            file.check_ports()?;
            Ok(vec![Launch::of_file(file)])
        }
        (None, ONE_MEMBER) => Ok(vec![Launch::single_member(options, folder, name())?]),
        (None, count) => Launch::cluster(options, folder, &name(), count),
    }
}

/// Holds the processes and the folder until etcd has ended, stopped or not. One member of several may
/// end: the others continue, as in any cluster.
async fn keep(
    mut processes: Vec<Process>,
    folder: Folder,
    report: watch::Sender<Option<Ended>>,
    tasks: Tasks,
) {
    let majority = processes.len() / 2 + 1;
    let lost = {
        let mut ends: FuturesUnordered<_> = processes.iter_mut().map(Process::ended).collect();
        loop {
            let ended = tokio::select! {
                ended = ends.next() => ended,
                () = tasks.stop().cancelled() => None,
            };
            match ended {
                Some(ended) if ends.len() >= majority => {
                    tracing::warn!(
                        "a member of the private etcd ended, {} are left: {ended}",
                        ends.len()
                    );
                }
                ended => break ended,
            }
        }
    };
    if lost.is_some() {
        report.send_replace(lost);
    }
    join_all(processes.iter_mut().map(Process::stop)).await;
    drop(folder);
}

/// A name unique on this machine: it distinguishes the private etcd from another one that took its port.
fn name() -> String {
    static STARTED: AtomicU32 = AtomicU32::new(0);
    let pid = std::process::id();
    match STARTED.fetch_add(1, Ordering::Relaxed) {
        0 => format!("watchgate-{pid}"),
        n => format!("watchgate-{pid}-{n}"),
    }
}
