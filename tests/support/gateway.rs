//! The gateway under test: in this process for most tests, as the `watchgate` binary for tests of
//! the process itself.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Stdio;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use gateway::Gateway;
use gateway::assets::Files;
use gateway::config::Cli;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rust_embed::RustEmbed;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};
use tokio::time::timeout;

use crate::certs::{Authority, Signed};
use crate::http::Request;
use crate::{Client, Etcd, background, percent, tools, unique};

/// The shared etcd, a gateway for it, and a key prefix for one test.
#[derive(Debug)]
pub struct World {
    /// The shared etcd.
    pub etcd: &'static Etcd,
    /// The gateway.
    pub gateway: InProcess,
    /// A client of `/api/v1`.
    pub api: Client,
    /// Ends with a slash; no other test uses it.
    pub prefix: String,
}

impl World {
    /// Starts a gateway for the shared etcd.
    pub async fn new(name: &str) -> Self {
        Self::with(name, &[]).await
    }

    /// As `new`, with further flags of the gateway.
    pub async fn with(name: &str, flags: &[&str]) -> Self {
        let etcd = Etcd::shared().await;
        let gateway = InProcess::start(&etcd.url(), flags).await;
        Self {
            etcd,
            api: gateway.api(),
            gateway,
            prefix: format!("/{}/", unique(name)),
        }
    }

    /// A key below the test's prefix.
    pub fn key(&self, name: &str) -> String {
        format!("{}{name}", self.prefix)
    }

    /// Puts a key below the test's prefix; returns the revision.
    pub async fn put(&self, name: &str, value: &str) -> i64 {
        self.api.write(self.key(name), value.to_owned()).await
    }

    /// A watch of the test's prefix, with further parameters such as `&prev`.
    pub fn watch(&self, parameters: &str) -> Request {
        let prefix = percent(&self.prefix);
        self.api.get(&format!("/watch?prefix={prefix}{parameters}"))
    }

    /// An etcd client.
    pub async fn client(&self) -> etcd_client::Client {
        self.etcd.client().await
    }
}

/// The dashboard's files, read from the folder when a gateway starts.
#[derive(RustEmbed)]
#[folder = "../dist"]
#[allow_missing = true]
#[exclude = ".*"]
struct Dist;

/// A gateway in this process, stopped when dropped.
#[derive(Debug)]
pub struct InProcess {
    address: SocketAddr,
    gateway: Option<Gateway>,
}

impl InProcess {
    /// Starts one for an etcd.
    pub async fn start(etcd_url: &str, flags: &[&str]) -> Self {
        let fixed = ["watchgate", "--listen", "127.0.0.1:0", "--etcd", etcd_url];
        let cli = Cli::load(fixed.iter().chain(flags)).expect("the flags are valid");
        let gateway = background()
            .spawn(Gateway::start(cli.config, Files::embedded::<Dist>()))
            .await
            .expect("starting does not panic")
            .expect("the gateway starts");
        Self {
            address: gateway.address,
            gateway: Some(gateway),
        }
    }

    /// Starts one for an etcd with mutual TLS; it presents this certificate.
    pub async fn start_mtls(etcd: &Etcd, authority: &Authority, own: &Signed) -> Self {
        let ca = authority.file();
        let flags = ["--cacert", &ca, "--cert", own.cert(), "--key", own.key()];
        Self::start(&etcd.url(), &flags).await
    }

    /// The gateway's URL, without a trailing slash.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// A client of `/`.
    pub fn root(&self) -> Client {
        Client::to(self.address)
    }

    /// A client of `/api/v1`.
    pub fn api(&self) -> Client {
        self.root().below("/api/v1")
    }

    /// Stops the gateway as SIGTERM does, and waits until it has stopped.
    pub async fn stop(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            background()
                .spawn(gateway.stop())
                .await
                .expect("stopping does not panic");
        }
    }
}

impl Drop for InProcess {
    fn drop(&mut self) {
        if let Some(gateway) = self.gateway.take() {
            background().spawn(gateway.stop());
        }
    }
}

/// The `watchgate` binary, running.
#[derive(Debug)]
pub struct Watchgate {
    child: Child,
    address: SocketAddr,
    base: String,
    /// The lines it printed until it was ready.
    pub announced: Vec<String>,
    log: Arc<Mutex<String>>,
}

impl Watchgate {
    /// Starts the gateway for an etcd.
    pub async fn for_etcd(etcd: &Etcd, flags: &[&str]) -> Self {
        let url = etcd.url();
        let flags: Vec<&str> = ["--etcd", &url].iter().chain(flags).copied().collect();
        Self::start(&flags).await.expect("watchgate starts")
    }

    /// Starts the gateway with an embedded etcd and this data folder.
    pub async fn embedded(data: &Path, flags: &[&str]) -> Result<Self, String> {
        let data = data.to_str().expect("temporary folders are named in UTF-8");
        let flags: Vec<&str> = ["--data-dir", data].iter().chain(flags).copied().collect();
        Self::start(&flags).await
    }

    /// Starts the gateway on a free loopback port and waits until it prints its URL; an error, with its stderr,
    /// if it ends before.
    pub async fn start(flags: &[&str]) -> Result<Self, String> {
        let listen = ["--listen", "127.0.0.1:0"];
        let flags: Vec<&str> = listen.iter().chain(flags).copied().collect();
        Self::start_as(&flags).await
    }

    /// As `start`, with these flags only.
    pub async fn start_as(flags: &[&str]) -> Result<Self, String> {
        let tools = tools::root().join(".tools/bin");
        let path = std::env::join_paths(
            std::env::split_paths(&tools::path_variable()).chain(std::iter::once(tools)),
        )
        .expect("the folders of PATH make a PATH");
        let mut child = Command::new(tools::watchgate())
            .env("PATH", path)
            .args(flags)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the binary was found and runs");
        let errors = child.stderr.take().expect("stderr is piped");
        let log = Arc::new(Mutex::new(String::new()));
        let kept = Arc::clone(&log);
        let reading = background().spawn(async move {
            let mut lines = BufReader::new(errors).lines();
            while let Ok(Some(line)) = lines.next_line().await {
                let mut log = kept.lock().expect("no holder of the lock panics");
                log.push_str(&line);
                log.push('\n');
            }
        });
        let mut lines = BufReader::new(child.stdout.take().expect("stdout is piped")).lines();
        let mut announced = Vec::new();
        let ready = async {
            while let Ok(Some(line)) = lines.next_line().await {
                announced.push(line);
                if let Some(url) = announced.iter().find_map(|line| url_in(line)) {
                    return Some(url);
                }
            }
            None
        };
        let url = timeout(Duration::from_mins(1), ready)
            .await
            .expect("watchgate prints its URL within a minute");
        let Some((address, base)) = url else {
            reading.await.expect("reading does not panic");
            return Err(std::mem::take(
                &mut *log.lock().expect("no holder of the lock panics"),
            ));
        };
        // The pipe must be drained: the gateway would block on a full one.
        background().spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self {
            child,
            address,
            base,
            announced,
            log,
        })
    }

    /// A client of the base path.
    pub fn root(&self) -> Client {
        Client::to(self.address).below(&self.base)
    }

    /// A client of `/api/v1`.
    pub fn api(&self) -> Client {
        self.root().below("/api/v1")
    }

    /// The dashboard's URL.
    pub fn url(&self) -> String {
        format!("http://{}{}/", self.address, self.base)
    }

    /// The process id.
    pub fn pid(&self) -> Pid {
        let id = self.child.id().expect("the gateway is running");
        Pid::from_raw(id as i32)
    }

    /// Sends the process a signal.
    pub fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("the gateway is running");
    }

    /// Waits until the process has ended.
    pub async fn wait_for_end(&mut self, deadline: Duration) -> std::process::ExitStatus {
        timeout(deadline, self.child.wait())
            .await
            .expect("watchgate ends in time")
            .expect("a child can be waited for")
    }

    /// The stderr output so far.
    pub fn log(&self) -> String {
        self.log
            .lock()
            .expect("no holder of the lock panics")
            .clone()
    }

    /// Resident memory in bytes.
    pub fn resident_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid()))
            .expect("Linux shows its processes");
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix("VmRSS:"))
            .expect("a running process has memory");
        let kib: u64 = line
            .trim()
            .trim_end_matches(" kB")
            .parse()
            .expect("a number of kB");
        kib << 10
    }
}

/// Address and base path in a line such as `… http://127.0.0.1:41234/base/`.
fn url_in(line: &str) -> Option<(SocketAddr, String)> {
    let rest = line.split_once("http://")?.1;
    let url = rest.split_whitespace().next()?;
    let (address, base) = url.split_once('/')?;
    let base = base.trim_end_matches('/');
    let base = if base.is_empty() {
        String::new()
    } else {
        format!("/{base}")
    };
    Some((address.parse().ok()?, base))
}
