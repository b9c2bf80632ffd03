//! etcd's own Go recipes in a program of ours (`support/go`), to share queues with the gateway.

use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};
use tokio::sync::OnceCell;
use tokio::time::timeout;

use crate::{DEADLINE, Etcd, tools};

/// A running peer; it is killed when dropped.
#[derive(Debug)]
pub struct Peer {
    child: Child,
    input: ChildStdin,
    output: Lines<BufReader<ChildStdout>>,
}

impl Peer {
    /// Starts a peer for an etcd. `None`, with a line of output that says so, where Go is not installed.
    pub async fn start(etcd: &Etcd) -> Option<Self> {
        let program = program().await?;
        let mut child = Command::new(program)
            .arg(etcd.direct_url())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the program was built and runs");
        let output = child.stdout.take().expect("stdout is piped");
        Some(Self {
            input: child.stdin.take().expect("stdin is piped"),
            output: BufReader::new(output).lines(),
            child,
        })
    }

    /// Sends a command without waiting for its reply.
    pub async fn send(&mut self, words: &[&str]) {
        let line = format!("{}\n", words.join("\t"));
        self.input
            .write_all(line.as_bytes())
            .await
            .expect("the peer reads its input");
    }

    /// The peer's next reply.
    pub async fn reply(&mut self) -> Vec<String> {
        let line = timeout(DEADLINE, self.output.next_line()).await;
        let line = line
            .expect("the peer replies in time")
            .expect("a pipe can be read")
            .expect("the peer is still running");
        line.split('\t').map(str::to_owned).collect()
    }

    /// Sends a command and waits for its reply.
    pub async fn run(&mut self, words: &[&str]) -> Vec<String> {
        self.send(words).await;
        self.reply().await
    }

    /// Whether the peer prints nothing for this time.
    pub async fn is_silent(&mut self, moment: Duration) -> bool {
        timeout(moment, self.output.next_line()).await.is_err()
    }

    /// Kills the peer, so that its lease expires.
    pub fn kill(&self) {
        let id = self.child.id().expect("the peer is running");
        kill(Pid::from_raw(id as i32), Signal::SIGKILL).expect("the peer is running");
    }
}

/// The program, built once where there is Go.
async fn program() -> Option<&'static PathBuf> {
    static BUILT: OnceCell<Option<PathBuf>> = OnceCell::const_new();
    BUILT.get_or_init(build).await.as_ref()
}

#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
async fn build() -> Option<PathBuf> {
    let go = Command::new("go").arg("version").output().await;
    if !go.is_ok_and(|output| output.status.success()) {
        println!("skipped: tests with etcd's own Go recipes need Go");
        return None;
    }
    let test = std::env::current_exe().expect("a running test has a file");
    let target = test
        .ancestors()
        .nth(3)
        .expect("tests are in target/<profile>/deps");
    let program = target.join("peer/peer");
    let built = Command::new("go")
        .args(["build", "-buildvcs=false", "-o"])
        .arg(&program)
        .arg(".")
        .current_dir(tools::root().join("tests/support/go"))
        .output()
        .await
        .expect("go runs");
    assert!(
        built.status.success(),
        "the Go peer cannot be built: {}",
        String::from_utf8_lossy(&built.stderr)
    );
    Some(program)
}
