//! A private etcd: one for all tests of a binary, others for whoever breaks theirs.
//!
//! Its standing address is a proxy's, so it can be restarted on any free port. A small shell holds
//! etcd's life: when this process is gone, however it went, the shell's standard input ends, etcd is
//! killed and its data removed. (Statics are not dropped at a process's end, so nothing here relies
//! on that.)

use std::fs::File;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;
use tokio::sync::OnceCell;

use crate::proxy::Proxy;
use crate::{Client, eventually, tools};

/// Prints etcd's process id, waits for a word or the end of input, kills; `keep` spares the data.
const KEEPER: &str = r#"
trap "" INT TERM HUP
folder=$1; log=$2; shift 2
"$@" </dev/null >>"$log" 2>&1 &
echo $!
word=; read -r word
kill -9 $! 2>/dev/null; wait $! 2>/dev/null
[ "$word" = keep ] || rm -rf "$folder"
"#;

/// A running etcd of one member.
#[derive(Debug)]
pub struct Etcd {
    scheme: &'static str,
    /// Whatever reaches etcd by its standing address passes here.
    pub proxy: Proxy,
    folder: TempDir,
    arguments: Vec<String>,
    running: Option<Running>,
}

#[derive(Debug)]
struct Running {
    kept: Kept,
    address: SocketAddr,
    probed: SocketAddr,
}

/// An etcd process that ends with this one.
#[derive(Debug)]
pub(crate) struct Kept {
    keeper: Child,
    pub(crate) pid: Pid,
}

impl Etcd {
    /// The etcd that the tests of this binary share. Nobody compacts it or stops it.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Etcd> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    /// An etcd of one's own.
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// An etcd of one's own with further flags.
    pub async fn start_with(arguments: &[&str]) -> Self {
        Self::launched("http", arguments).await
    }

    /// An etcd of one's own that speaks TLS to its clients; the flags name its certificate.
    pub async fn start_secure(arguments: &[&str]) -> Self {
        Self::launched("https", arguments).await
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

    /// The standing address, through the proxy.
    pub fn url(&self) -> String {
        format!("{}://{}", self.scheme, self.proxy.address())
    }

    /// The address of the process itself, past the proxy: for arranging and for etcdctl.
    pub fn direct_url(&self) -> String {
        format!("{}://{}", self.scheme, self.running().address)
    }

    /// Where its health and metrics can be asked for without TLS.
    pub fn probed(&self) -> SocketAddr {
        self.running().probed
    }

    /// etcd's process.
    pub fn pid(&self) -> Pid {
        self.running().kept.pid
    }

    fn running(&self) -> &Running {
        self.running.as_ref().expect("etcd is running")
    }

    /// etcd's own client, past the proxy.
    pub async fn client(&self) -> etcd_client::Client {
        etcd_client::Client::connect([self.direct_url()], None)
            .await
            .expect("a running etcd takes clients")
    }

    /// Starts it, on the data it had.
    pub async fn restart(&mut self) {
        self.kill();
        for _ in 0..5 {
            if self.launch().await {
                return;
            }
        }
        panic!("etcd does not start:\n{}", self.log());
    }

    /// Starts it with nothing in it: another cluster at the same address.
    pub async fn restart_wiped(&mut self) {
        self.kill();
        std::fs::remove_dir_all(self.folder.path().join("data")).expect("etcd's data is there");
        self.restart().await;
    }

    /// Ends it as a crash would; the proxy stays and refuses.
    pub fn kill(&mut self) {
        if let Some(running) = self.running.take() {
            running.kept.end("keep\n");
        }
    }

    /// Stops it from running without closing anything.
    pub async fn freeze(&self) {
        self.running().kept.freeze().await;
    }

    /// Lets it run again.
    pub fn thaw(&self) {
        kill(self.pid(), Signal::SIGCONT).expect("etcd is there");
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.folder.path().join("etcd.log")).unwrap_or_default()
    }

    /// Whether it came up; not, when another process was faster to take the port.
    async fn launch(&mut self) -> bool {
        let address = free_address();
        let log = self.folder.path().join("etcd.log");
        File::create(&log).expect("the temporary folder can be written");
        let url = format!("{}://{address}", self.scheme);
        // Its health can be asked for without a certificate there.
        let probed = free_address();
        // The peer port is nobody's business, and never the same twice.
        let peer = "http://127.0.0.1:0";
        let data = self.folder.path().join("data");
        let mut arguments = vec![
            "--name=test".to_owned(),
            format!("--data-dir={}", data.display()),
            format!("--listen-client-urls={url}"),
            format!("--advertise-client-urls={}", self.url()),
            format!("--listen-metrics-urls=http://{probed}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster=test={peer}"),
            // Another cluster id for every folder, as another installation has.
            format!("--initial-cluster-token={address}"),
        ];
        arguments.extend_from_slice(&self.arguments);
        let kept = Kept::start(self.folder.path(), &log, &arguments);
        let running = Running {
            kept,
            address,
            probed,
        };
        let probe = Client::to(probed);
        let up = eventually("etcd is healthy", Duration::from_mins(1), async || {
            if self.log().contains("address already in use") {
                return Ok(false);
            }
            match probe.get("/health").try_send().await {
                Ok(answer) if answer.text().contains("\"true\"") => Ok(true),
                Ok(answer) => Err(answer.text()),
                Err(error) => Err(format!("{error:#}; its log: {}", self.log())),
            }
        })
        .await;
        if up {
            self.proxy.point_at(address);
            self.running = Some(running);
        } else {
            running.kept.end("keep\n");
        }
        up
    }
}

impl Kept {
    /// Starts etcd with these arguments; its keeper removes `folder` when this process is gone.
    pub(crate) fn start(folder: &Path, log: &Path, arguments: &[String]) -> Self {
        let mut keeper = Command::new("sh")
            .args(["-c", KEEPER, "etcd-keeper"])
            .args([folder, log, tools::etcd()])
            .args(["--logger=zap", "--log-level=warn"])
            .args(no_fsync())
            .args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("every system has sh");
        let mut line = String::new();
        let said = keeper.stdout.take().expect("it was piped");
        BufReader::new(said)
            .read_line(&mut line)
            .expect("the keeper says the process id");
        let pid = Pid::from_raw(line.trim().parse().expect("a process id is a number"));
        Self { keeper, pid }
    }

    /// Stops it from running without closing anything.
    pub(crate) async fn freeze(&self) {
        kill(self.pid, Signal::SIGSTOP).expect("etcd runs");
        // The signal reaches each thread in its own time, and any one of them may still answer.
        let threads = format!("/proc/{}/task", self.pid);
        eventually("every thread has stopped", crate::DEADLINE, async || {
            let tasks = std::fs::read_dir(&threads).map_err(|error| error.to_string())?;
            for task in tasks.flatten() {
                let stat = std::fs::read_to_string(task.path().join("stat")).unwrap_or_default();
                let state = stat.rsplit(") ").next().unwrap_or_default();
                crate::when(state.starts_with('T'), || stat.clone())?;
            }
            Ok(())
        })
        .await;
    }

    /// Ends etcd; `keep` spares the data.
    pub(crate) fn end(mut self, word: &str) {
        if let Some(mut stdin) = self.keeper.stdin.take() {
            let _ = stdin.write_all(word.as_bytes());
        }
        let _ = self.keeper.wait();
    }
}

impl Drop for Etcd {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Where the server knows the flag (3.5 and later): nothing here outlives the test.
fn no_fsync() -> Option<&'static str> {
    (tools::etcd_version() >= (3, 5, 0)).then_some("--unsafe-no-fsync")
}

/// An address that was free a moment ago.
pub fn free_address() -> SocketAddr {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0))
        .and_then(|listener| listener.local_addr())
        .expect("loopback has free ports")
}
