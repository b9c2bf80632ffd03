//! A private etcd, etcdctl, and waiting for a condition.

use std::future::Future;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use shared::{LeaseId, LockRequest};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep};

use super::super::{Acquisition, LockService};
use super::proxy::Proxy;
use crate::etcd::{Etcd, Get, KeyValue, Op, Put, Range, Settings, Txn};
use crate::failure::Result;
use crate::identity::Caller;
use crate::service::lease::{Keepers, LeaseService};
use crate::tasks::Tasks;

/// Timeout of every wait.
const DEADLINE: Duration = Duration::from_secs(20);

/// An etcd that ends with the test, and the locks over it.
pub(crate) struct Fixture {
    pub(crate) etcd: Etcd,
    pub(crate) locks: LockService,
    pub(crate) tasks: Tasks,
    url: String,
    peer: String,
    server: Child,
    data: TempDir,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        // The process may have exited already; it must be reaped in any case.
        let _ = self.server.kill();
        let _ = self.server.wait();
    }
}

/// The tool folder's binary, else the one on PATH.
fn tool(name: &str) -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../.tools/bin")
        .join(name);
    if own.exists() {
        own
    } else {
        PathBuf::from(name)
    }
}

fn free_port() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    listener.local_addr().expect("the listener is bound").port()
}

fn spawn(data: &TempDir, url: &str, peer: &str) -> Child {
    let server = Command::new(tool("etcd"))
        .arg("--data-dir")
        .arg(data.path())
        .args(["--listen-client-urls", url, "--advertise-client-urls", url])
        .args([
            "--listen-peer-urls",
            peer,
            "--initial-advertise-peer-urls",
            peer,
        ])
        .args(["--initial-cluster", &format!("default={peer}")])
        .args(["--unsafe-no-fsync", "--log-level", "error"])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    server.expect("etcd starts")
}

fn locks(etcd: &Etcd, tasks: &Tasks) -> LockService {
    let keepers = Keepers::new(etcd.clone(), tasks.clone());
    LockService::new(etcd.clone(), tasks.clone(), keepers, Vec::new())
}

impl Fixture {
    /// Lease keepers over this etcd.
    pub(crate) fn keepers(&self) -> Keepers {
        Keepers::new(self.etcd.clone(), self.tasks.clone())
    }

    /// Leases over this etcd.
    pub(crate) fn leases(&self) -> LeaseService {
        LeaseService::new(self.etcd.clone(), self.keepers())
    }

    pub(crate) async fn start() -> Self {
        let data = TempDir::new().expect("a temporary folder");
        let (client, peer) = (free_port(), free_port());
        let url = format!("http://127.0.0.1:{client}");
        let peer = format!("http://127.0.0.1:{peer}");
        let server = spawn(&data, &url, &peer);
        let settings = Settings::new(vec![url.clone()], Duration::from_secs(2));
        let etcd = Etcd::new(settings).await.expect("valid settings");
        let tasks = Tasks::default();
        let fixture = Self {
            locks: locks(&etcd, &tasks),
            etcd,
            tasks,
            url,
            peer,
            server,
            data,
        };
        fixture.ready().await;
        fixture
    }

    async fn ready(&self) {
        eventually("etcd responds", || async {
            let anything = Range::single("x");
            self.etcd
                .range(&caller(), &anything, &Get::default())
                .await
                .is_ok()
        })
        .await;
    }

    /// Locks over a connection that can be cut.
    pub(crate) async fn through_proxy(&self) -> (Proxy, LockService) {
        let (proxy, etcd) = self.etcd_through_proxy().await;
        let locks = locks(&etcd, &self.tasks);
        (proxy, locks)
    }

    /// Leases over a connection whose responses can be dropped.
    pub(crate) async fn leases_through_proxy(&self) -> (Proxy, LeaseService) {
        let (proxy, etcd) = self.etcd_through_proxy().await;
        let keepers = Keepers::new(etcd.clone(), self.tasks.clone());
        (proxy, LeaseService::new(etcd, keepers))
    }

    async fn etcd_through_proxy(&self) -> (Proxy, Etcd) {
        let target = self.url.trim_start_matches("http://").to_owned();
        let proxy = Proxy::start(&self.tasks, target).await;
        let settings = Settings::new(vec![proxy.url.clone()], Duration::from_secs(2));
        let etcd = Etcd::new(settings).await.expect("valid settings");
        (proxy, etcd)
    }

    /// Compacts all history before now.
    pub(crate) async fn compact(&self) {
        let anything = Range::single("x");
        let now = self.etcd.range(&caller(), &anything, &Get::default()).await;
        let revision = now.expect("a header").header.revision.to_string();
        let ended = self.etcdctl(&["compaction", &revision]).ended().await;
        assert!(ended, "etcdctl compacts");
    }

    pub(crate) fn stop_etcd(&mut self) {
        self.server.kill().expect("etcd runs");
        self.server.wait().expect("etcd is our child");
    }

    /// Restarts etcd on the same data and ports.
    pub(crate) async fn restart_etcd(&mut self) {
        self.server = spawn(&self.data, &self.url, &self.peer);
        self.ready().await;
    }

    /// Runs `etcdctl` without its output; it ends with the test.
    pub(crate) fn etcdctl(&self, args: &[&str]) -> Ctl {
        let child = Command::new(tool("etcdctl"))
            .args(["--endpoints", &self.url])
            .args(args)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        Ctl(child.expect("etcdctl starts"))
    }

    pub(crate) async fn grant(&self, ttl: i64) -> LeaseId {
        let granted = self.etcd.lease_grant(&caller(), ttl, 0).await;
        LeaseId(granted.expect("a lease").1)
    }

    pub(crate) async fn put(&self, key: &str, value: &str, lease: Option<LeaseId>) {
        let put = Put {
            key: key.into(),
            value: value.into(),
            lease: lease.map_or(0, |lease| lease.0),
            ..Put::default()
        };
        self.etcd.put(&caller(), put).await.expect("a put");
    }

    /// Every key below a prefix, in order of creation.
    pub(crate) async fn keys(&self, prefix: &str) -> Vec<KeyValue> {
        let range = Range::prefix(prefix.as_bytes());
        let response = self.etcd.range(&caller(), &range, &Get::default()).await;
        let mut kvs = response.expect("a range").kvs;
        kvs.sort_by_key(|kv| kv.create_revision);
        kvs
    }

    /// Puts keys without values and leases, in large transactions.
    pub(crate) async fn fill(&self, keys: impl Iterator<Item = String>) {
        let put = |key: &String| {
            Op::Put(Put {
                key: key.as_str().into(),
                ..Put::default()
            })
        };
        for batch in keys.collect::<Vec<_>>().chunks(128) {
            let txn = Txn {
                then: batch.iter().map(put).collect(),
                ..Txn::default()
            };
            self.etcd.txn(&caller(), txn).await.expect("puts");
        }
    }

    /// How often an RPC was started, by etcd's own count.
    pub(crate) async fn counter(&self, method: &str) -> u64 {
        let address = self.url.trim_start_matches("http://");
        let connected = TcpStream::connect(address).await;
        let mut stream = connected.expect("etcd listens");
        let request = format!("GET /metrics HTTP/1.0\r\nHost: {address}\r\n\r\n");
        stream
            .write_all(request.as_bytes())
            .await
            .expect("the request is sent");
        let mut text = String::new();
        stream.read_to_string(&mut text).await.expect("a response");
        let started = format!("grpc_server_started_total{{grpc_method=\"{method}\"");
        let line = text.lines().find(|line| line.starts_with(&started));
        let number = line.and_then(|line| line.rsplit(' ').next());
        number.and_then(|number| number.parse().ok()).unwrap_or(0)
    }

    pub(crate) async fn lease_exists(&self, lease: LeaseId) -> bool {
        let response = self
            .etcd
            .lease_time_to_live(&caller(), lease.0, false)
            .await;
        response.expect("a response").ttl >= 0
    }

    pub(crate) async fn acquire(&self, name: &str, request: LockRequest) -> Result<Acquisition> {
        self.locks.acquire(&caller(), name.into(), request).await
    }

    /// Acquires in the background; aborting the handle is the client disconnecting.
    pub(crate) fn spawn_acquire(
        &self,
        name: &str,
        request: LockRequest,
    ) -> tokio::task::JoinHandle<Result<Acquisition>> {
        let (locks, name) = (self.locks.clone(), name.to_owned());
        self.tasks.spawn(async move {
            let wait = Duration::from_secs(request.wait + 5);
            let caller = Caller::gateway(wait);
            locks.acquire(&caller, name.into_bytes(), request).await
        })
    }
}

/// A running etcdctl.
pub(crate) struct Ctl(Child);

impl Ctl {
    /// Waits until it exits; returns whether it succeeded.
    pub(crate) async fn ended(mut self) -> bool {
        let deadline = Instant::now() + DEADLINE;
        loop {
            if let Some(status) = self.0.try_wait().expect("etcdctl is our child") {
                return status.success();
            }
            assert!(Instant::now() < deadline, "etcdctl does not exit");
            sleep(Duration::from_millis(20)).await;
        }
    }

    /// Sends Ctrl-C, after which `etcdctl lock` releases the lock and exits.
    pub(crate) fn interrupt(&self) {
        let pid = nix::unistd::Pid::from_raw(self.0.id() as i32);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGINT).expect("etcdctl runs");
    }
}

impl Drop for Ctl {
    fn drop(&mut self) {
        // The process may have exited already; it must be reaped in any case.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

pub(crate) fn caller() -> Caller {
    Caller::gateway(Duration::from_secs(10))
}

pub(crate) fn waiting(wait: u64) -> LockRequest {
    LockRequest {
        wait,
        ..LockRequest::default()
    }
}

pub(crate) fn with_lease(lease: LeaseId, wait: u64) -> LockRequest {
    LockRequest {
        lease: Some(lease),
        wait,
        ..LockRequest::default()
    }
}

/// Polls until the condition holds.
pub(crate) async fn eventually<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let deadline = Instant::now() + DEADLINE;
    while !holds().await {
        assert!(Instant::now() < deadline, "timed out: {what}");
        sleep(Duration::from_millis(20)).await;
    }
}
