//! etcdctl, as another client beside the gateway.

use std::process::Stdio;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tokio::io::{AsyncBufReadExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdout, Command};
use tokio::time::timeout;

use crate::{DEADLINE, Etcd, tools};

/// Runs etcdctl, which must succeed, and returns its output.
pub async fn etcdctl(etcd: &Etcd, args: &[&str]) -> String {
    let output = command(etcd, args)
        .output()
        .await
        .expect("etcdctl was found and runs");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "etcdctl {args:?}: {text}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// A running etcdctl; it is killed when dropped.
#[derive(Debug)]
pub struct Etcdctl {
    child: Child,
    output: Lines<BufReader<ChildStdout>>,
}

impl Etcdctl {
    /// Starts etcdctl in the background.
    pub fn start(etcd: &Etcd, args: &[&str]) -> Self {
        let mut child = command(etcd, args)
            .stdout(Stdio::piped())
            .spawn()
            .expect("etcdctl was found and runs");
        let output = child.stdout.take().expect("stdout is piped");
        Self {
            child,
            output: BufReader::new(output).lines(),
        }
    }

    /// The next line of output; `etcdctl lock` prints its key once it holds the lock.
    pub async fn line(&mut self) -> String {
        let line = timeout(DEADLINE, self.output.next_line()).await;
        let line = line
            .expect("etcdctl prints a line in time")
            .expect("a pipe can be read");
        line.expect("etcdctl is still running")
    }

    /// Sends etcdctl a signal.
    pub fn signal(&self, signal: Signal) {
        let id = self.child.id().expect("etcdctl is running");
        kill(Pid::from_raw(id as i32), signal).expect("etcdctl is running");
    }
}

fn command(etcd: &Etcd, args: &[&str]) -> Command {
    let mut command = Command::new(tools::etcdctl());
    command
        .env("ETCDCTL_API", "3")
        .arg(format!("--endpoints={}", etcd.direct_url()))
        .args(args)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    command
}
