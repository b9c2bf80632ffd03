//! A private etcd of one member: one shared by all tests of a binary, and one for each test that
//! stops, compacts or configures it.
//!
//! etcd's permanent address belongs to a proxy, so etcd can be restarted on any free port. A small shell
//! script supervises it: when this process ends, in whatever way, the script's standard input is
//! closed, and it kills etcd and removes the data. (Statics are not dropped when a process ends, so
//! nothing here relies on that.)

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use etcd_client::CompactionOptions;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::certs::{Authority, Signed};
use crate::proxy::Proxy;
use crate::{Client, eventually, tools};

/// Prints etcd's process id, reads a line or the end of input, kills etcd, and removes the data unless
/// the line was `keep`.
const SUPERVISOR: &str = r#"
trap "" INT TERM HUP
folder=$1; log=$2; shift 2
"$@" </dev/null >>"$log" 2>&1 &
echo $!
line=; read -r line
kill -9 $! 2>/dev/null; wait $! 2>/dev/null
[ "$line" = keep ] || rm -rf "$folder"
"#;

/// A running etcd of one member.
#[derive(Debug)]
pub struct Etcd {
    scheme: &'static str,
    /// Forwards all traffic to etcd's permanent address.
    pub proxy: Proxy,
    folder: TempDir,
    arguments: Vec<String>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    process: Process,
    address: SocketAddr,
    health_address: SocketAddr,
}

/// An etcd process that ends when this process does.
#[derive(Debug)]
pub(crate) struct Process {
    supervisor: Child,
    pub(crate) pid: Pid,
}

impl Etcd {
    /// The etcd that the tests of this binary share. No test compacts or stops it.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Etcd> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// A separate etcd for one test.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// A separate etcd for one test, with further flags.
    pub async fn start_with(arguments: &[&str]) -> Self {
        Self::launched("http", arguments).await
    }

    /// A separate etcd for one test that requires TLS; the flags name its certificate.
    pub async fn start_secure(arguments: &[&str]) -> Self {
        Self::launched("https", arguments).await
    }

    /// A separate etcd for one test with this server certificate, and further flags.
    pub async fn start_tls(server: &Signed, arguments: &[&str]) -> Self {
        let own = [
            format!("--cert-file={}", server.cert()),
            format!("--key-file={}", server.key()),
        ];
        let own = own.each_ref().map(String::as_str);
        Self::start_secure(&[&own, arguments].concat()).await
    }

    /// A separate etcd for one test with mutual TLS: the authority signs its certificate and those that
    /// it requires of its clients.
    pub async fn start_mtls(authority: &Authority, arguments: &[&str]) -> Self {
        let ca = format!("--trusted-ca-file={}", authority.file());
        let own = [ca.as_str(), "--client-cert-auth"];
        let server = authority.server(&["127.0.0.1"]);
        Self::start_tls(&server, &[&own, arguments].concat()).await
    }

    async fn launched(scheme: &'static str, arguments: &[&str]) -> Self {
        let mut etcd = Self {
            scheme,
            proxy: Proxy::start(SocketAddr::from((Ipv4Addr::LOCALHOST, 1))),
            folder: TempDir::with_prefix("watchgate-test-").expect("temporary folders can be made"),
            arguments: arguments.iter().map(ToString::to_string).collect(),
            running: None,
        };
        etcd.restart().await;
        etcd
    }

    /// The URL of the permanent address, through the proxy.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.proxy.address())
    }

    /// The URL of the process itself, without the proxy: for set-up and for etcdctl.
    pub fn direct_url(&self) -> String {
        format!("{}://{}", self.scheme, self.running().address)
    }

    /// The address of its health and metrics endpoints, without TLS.
    pub fn health_address(&self) -> SocketAddr {
        self.running().health_address
    }

    /// etcd's process.
    pub fn pid(&self) -> Pid {
        self.running().process.pid
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("etcd is running")
    }

    /// An etcd client, connected without the proxy.
    pub async fn client(&self) -> etcd_client::Client {
        etcd_client::Client::connect([self.direct_url()], None)
            .await
            .expect("a running etcd accepts clients")
    }

    /// Compacts the history below a revision, and waits until it is removed.
    pub async fn compact(&self, revision: i64) {
        let mut client = self.client().await;
        let physical = CompactionOptions::new().with_physical();
        let done = client.compact(revision, Some(physical)).await;
        done.expect("etcd compacts");
    }

    /// Starts etcd again with its data.
    pub async fn restart(&mut self) {
        self.kill();
        for _ in 0..5 {
            if self.launch().await {
                return;
            }
        }
        panic!("etcd does not start:\n{}", self.log());
    }

    /// Starts etcd without data: another cluster at the same address.
    pub async fn restart_wiped(&mut self) {
        self.kill();
        std::fs::remove_dir_all(self.folder.path().join("data"))
            .expect("etcd has written its data");
        self.restart().await;
    }

    /// Kills etcd; the proxy stays, and its connections fail.
    pub fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.process.kill_and_keep_data();
        }
    }

    /// Suspends etcd; its connections stay open.
    pub async fn freeze(&self) {
        self.running().process.freeze().await;
    }

    /// Resumes etcd.
    pub fn thaw(&self) {
        kill(self.pid(), Signal::SIGCONT).expect("etcd runs");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("etcd.log")).unwrap_or_default()
    }

    /// Starts the process; false if another process took the port.
    async fn launch(&mut self) -> bool {
        let address = free_address();
        let log = self.folder.path().join("etcd.log");
        File::create(&log).expect("the temporary folder can be written");
        let url = format!("{}://{address}", self.scheme);
        // Health is served here without a certificate.
        let health_address = free_address();
        // Nothing connects to the peer port, and it is another one each time.
        let peer = "http://127.0.0.1:0";
        let data = self.folder.path().join("data");
        let mut arguments = vec![
            "--name=test".to_owned(),
            format!("--data-dir={}", data.display()),
            format!("--listen-client-urls={url}"),
            format!("--advertise-client-urls={}", self.url()),
            format!("--listen-metrics-urls=http://{health_address}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=test={peer}"),
            // Every folder is another cluster id, as every installation is.
            format!("--initial-cluster-token={address}"),
        ];
        arguments.extend_from_slice(&self.arguments);
        let process = Process::start(self.folder.path(), &log, &arguments);
        let running = Running {
            process,
            address,
            health_address,
        };
        let probe = Client::to(health_address);
        let up = eventually("etcd is healthy", Duration::from_mins(1), async || {
            if self.log().contains("address already in use") {
                return Ok(false);
            }
            match probe.get("/health").try_send().await {
                Ok(response) if response.text().contains("\"true\"") => Ok(true),
                Ok(response) => Err(response.text()),
                Err(error) => Err(format!("{error:#}; etcd's log: {}", self.log())),
            }
        })
        .await;
        if up {
            self.proxy.point_at(address);
            self.running = Some(running);
        } else {
            running.process.kill_and_keep_data();
        }
        up
    }
}

impl Process {
    /// Starts etcd with these arguments; its supervisor removes `folder` when this process ends.
    pub(crate) fn start(folder: &Path, log: &Path, arguments: &[String]) -> Self {
        let mut supervisor = Command::new("sh")
            .args(["-c", SUPERVISOR, "etcd-supervisor"])
            .args([folder, log, tools::etcd()])
            .args(["--logger=zap", "--log-level=warn"])
            .args(no_fsync())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("every system has sh");
        let mut line = String::new();
        let output = supervisor.stdout.take().expect("stdout is piped");
        BufReader::new(output)
            .read_line(&mut line)
            .expect("the supervisor prints the process id");
        let pid = Pid::from_raw(line.trim().parse().expect("a process id is a number"));
        Self { supervisor, pid }
    }

    /// Suspends etcd; its connections stay open.
    pub(crate) async fn freeze(&self) {
        kill(self.pid, Signal::SIGSTOP).expect("etcd runs");
        // The signal reaches the threads one by one, and any of them may still send a response.
        let threads = format!("/proc/{}/task", self.pid);
        eventually("every thread has stopped", crate::DEADLINE, async || {
            let tasks = std::fs::read_dir(&threads).map_err(|error| error.to_string())?;
            for task in tasks.flatten() {
                let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
                let state = stat.rsplit(") ").next().unwrap_or_default();
                crate::ensure(state.starts_with('T'), || stat.clone())?;
            }
            Ok(())
        })
        .await;
    }

    /// Kills etcd, and leaves the data for a restart.
    pub(crate) fn kill_and_keep_data(mut self) {
        if let Some(mut stdin) = self.supervisor.stdin.take() {
            let _ = stdin.write_all(b"keep\n");
        }
        let _ = self.supervisor.wait();
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Turns fsync off where the server has the flag (3.5 and later): the data is not needed after the test.
fn no_fsync() -> Option<&'static str> {
    (tools::etcd_version() >= (3, 5, 0)).then_some("--unsafe-no-fsync")
}

/// An address that was free a moment ago.
pub fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("loopback has free ports")
}
