//! etcdctl, the other client of every walk.

use std::process::Stdio;

use tokio::process::{Child, Command};

use crate::{Etcd, tools};

/// Runs etcdctl to its end and gives its output; it must succeed.
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

/// Starts etcdctl with its output piped; it is killed when dropped.
pub fn etcdctl_beside(etcd: &Etcd, args: &[&str]) -> Child {
    command(etcd, args)
        .stdout(Stdio::piped())
        .spawn()
        .expect("etcdctl was found and runs")
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
