//! The embedded etcd starts and ends with its gateway, keeps its data, and refuses incompatible data.

use std::fs::{self, File};
use std::io::{BufRead as _, BufReader, Lines, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use gateway::embedded::{Embedded, EmbeddedError, Options};
use gateway::etcd::{Etcd, Get, Put, Range, Settings};
use gateway::identity::Caller;
use tempfile::TempDir;

const WATCHGATE: &str = env!("CARGO_BIN_EXE_watchgate");
/// Generous: other tests keep the machine busy.
const DEADLINE: Duration = Duration::from_secs(30);

fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

fn options(dir: &Path) -> Options {
    Options::new(dir.join("etcd"), Some(WATCHGATE.into())).expect("the supervisor is named")
}

/// The path of a script that replaces etcd.
fn fake_etcd(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fakes")
        .join(name)
}

async fn connect(embedded: &Embedded) -> Etcd {
    let settings = Settings::new(embedded.urls().to_vec(), Duration::from_secs(2));
    Etcd::new(settings).await.expect("a client URL")
}

fn caller() -> Caller {
    Caller::gateway(DEADLINE)
}

/// Waits until the data folder's lock is free: gateway, supervisor and etcd have ended.
fn wait_until_free(dir: &Path) {
    let lock = File::open(dir.join("etcd/lock")).expect("the lock file exists");
    eventually("the lock is free", || lock.try_lock().is_ok());
}

#[expect(clippy::disallowed_methods, reason = "no executor runs here")]
fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + DEADLINE;
    while !holds() {
        assert!(Instant::now() < until, "not within {DEADLINE:?}: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// The process ids of the children of `parent`, from Linux's process table.
fn children(parent: u32) -> Vec<u32> {
    let parent_of = |pid: u32| -> Option<u32> {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit_once(") ")?.1.split(' ').nth(1)?.parse().ok()
    };
    let processes = fs::read_dir("/proc").expect("Linux has /proc");
    processes
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|pid| parent_of(*pid) == Some(parent))
        .collect()
}

fn only_child(parent: u32) -> u32 {
    match children(parent)[..] {
        [child] => child,
        ref others => panic!("{parent} has the children {others:?}"),
    }
}

fn kill(pid: u32) {
    let status = Command::new("kill").args(["-9", &pid.to_string()]).status();
    assert!(status.expect("`kill` is installed").success());
}

/// A gateway process with an embedded etcd; killed at the end.
struct Gateway {
    process: Child,
    /// Keeps the pipe open, so that the gateway can write to it.
    _stdout: Lines<BufReader<ChildStdout>>,
    etcd: String,
}

impl Gateway {
    fn start(dir: &Path) -> Self {
        let mut process = Command::new(WATCHGATE)
            .arg("--data-dir")
            .arg(dir)
            .args(["--listen", "127.0.0.1:0"])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("watchgate runs");
        let stdout = process.stdout.take().expect("stdout is a pipe");
        let mut lines = BufReader::new(stdout).lines();
        let etcd = lines
            .by_ref()
            .map_while(Result::ok)
            .find_map(|line| {
                let (_, rest) = line.split_once(" at ")?;
                let (url, about) = rest.split_once(": ")?;
                about.starts_with("etcd 3.").then(|| url.to_owned())
            })
            .expect("the first lines name the cluster and its version");
        Self {
            process,
            _stdout: lines,
            etcd,
        }
    }

    fn supervisor(&self) -> u32 {
        only_child(self.process.id())
    }

    /// Whether its etcd accepts connections.
    fn etcd_is_up(&self) -> bool {
        let address = self.etcd.strip_prefix("http://").expect("an http URL");
        std::net::TcpStream::connect(address).is_ok()
    }

    /// Waits until the gateway has ended; returns whether it succeeded, and its stderr.
    fn wait(&mut self) -> (bool, String) {
        eventually("the gateway ended", || {
            self.process
                .try_wait()
                .expect("the process is our child")
                .is_some()
        });
        let mut text = String::new();
        let stderr = self.process.stderr.as_mut().expect("stderr is a pipe");
        stderr.read_to_string(&mut text).expect("stderr is UTF-8");
        (
            self.process
                .wait()
                .expect("the process is our child")
                .success(),
            text,
        )
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[tokio::test]
async fn data_is_kept_between_runs() {
    let dir = folder();
    let embedded = Embedded::start(options(dir.path())).await.expect("starts");
    let put = Put {
        key: b"k".to_vec(),
        value: b"v".to_vec(),
        ..Put::default()
    };
    connect(&embedded)
        .await
        .put(&caller(), put)
        .await
        .expect("etcd accepts a put at once");
    embedded.stop().await;
    wait_until_free(dir.path());

    let embedded = Embedded::start(options(dir.path()))
        .await
        .expect("starts again");
    let etcd = connect(&embedded).await;
    let status = etcd.status(&caller()).await.expect("etcd responds");
    assert_eq!(status.version, embedded.version());
    let response = etcd
        .range(&caller(), &Range::single("k"), &Get::default())
        .await
        .expect("etcd responds");
    assert_eq!(
        response.kvs.first().map(|kv| &kv.value[..]),
        Some(&b"v"[..])
    );
    embedded.stop().await;
}

#[tokio::test]
async fn a_second_start_on_the_same_data_is_refused() {
    let dir = folder();
    let first = Embedded::start(options(dir.path())).await.expect("starts");
    let refused = Embedded::start(options(dir.path()))
        .await
        .expect_err("the data is in use")
        .to_string();
    assert!(
        refused.contains(&format!("process id {}", std::process::id())),
        "{refused}"
    );
    assert!(refused.contains(&first.urls()[0]), "{refused}");
    first.stop().await;
}

#[tokio::test]
async fn data_of_another_minor_is_refused_before_the_start() {
    let dir = folder();
    Embedded::start(options(dir.path()))
        .await
        .expect("starts")
        .stop()
        .await;
    let record = dir.path().join("etcd/version");
    let found = fs::read_to_string(&record).expect("the minor version is recorded");
    fs::write(&record, "3.3\n").expect("the record can be written");
    let refused = Embedded::start(options(dir.path()))
        .await
        .expect_err("the minor version differs");
    assert!(
        matches!(refused, EmbeddedError::OtherMinor { .. }),
        "{refused}"
    );
    let text = refused.to_string();
    assert!(text.contains("written by etcd 3.3"), "{text}");
    assert!(text.contains(&format!("is {}", found.trim())), "{text}");
}

#[tokio::test]
async fn the_output_of_an_etcd_that_fails_to_start_is_shown() {
    let dir = folder();
    let mut options = options(dir.path());
    options.etcd = fake_etcd("etcd-failing");
    let error = Embedded::start(options).await.expect_err("fails");
    assert!(matches!(error, EmbeddedError::Failed(_)), "{error}");
    let text = error.to_string();
    assert!(
        text.contains("the disk is made of cheese") && text.contains("exit code 3"),
        "{text}"
    );
    wait_until_free(dir.path());
}

#[tokio::test]
async fn an_etcd_that_never_becomes_ready_is_ended_and_its_output_shown() {
    let dir = folder();
    let mut options = options(dir.path());
    options.etcd = fake_etcd("etcd-silent");
    options.ready_timeout = Duration::from_millis(500);
    let error = Embedded::start(options).await.expect_err("fails");
    assert!(matches!(error, EmbeddedError::NotReady { .. }), "{error}");
    assert!(
        error.to_string().contains("waiting for a friend"),
        "{error}"
    );
    wait_until_free(dir.path());
}

#[tokio::test]
async fn a_start_is_retried_on_other_ports() {
    let dir = folder();
    let mut options = options(dir.path());
    options.etcd = fake_etcd("etcd-unlucky");
    let embedded = Embedded::start(options)
        .await
        .expect("starts at the second attempt");
    assert!(
        dir.path().join("etcd/data.tried").exists(),
        "there was a first attempt"
    );
    embedded.stop().await;
}

#[tokio::test]
async fn a_missing_etcd_is_named_with_its_fix() {
    let dir = folder();
    let mut options = options(dir.path());
    options.etcd = dir.path().join("no-etcd-here");
    let error = Embedded::start(options).await.expect_err("fails");
    assert!(matches!(error, EmbeddedError::NotFound { .. }), "{error}");
    assert!(error.to_string().contains("--etcd http://"), "{error}");
}

#[test]
fn a_killed_gateway_leaves_no_orphan_and_can_restart() {
    let dir = folder();
    let mut gateway = Gateway::start(dir.path());
    assert!(gateway.etcd_is_up());
    gateway.process.kill().expect("the process is our child");
    gateway.process.wait().expect("the process is our child");
    // Immediately: the new gateway waits until the old one's etcd has ended.
    let again = Gateway::start(dir.path());
    assert!(!gateway.etcd_is_up(), "the first etcd is still running");
    assert!(again.etcd_is_up());
    drop(again);
    wait_until_free(dir.path());
}

#[test]
fn killing_the_supervisor_ends_etcd_and_the_gateway_reports_it() {
    let dir = folder();
    let mut gateway = Gateway::start(dir.path());
    kill(gateway.supervisor());
    let (success, text) = gateway.wait();
    assert!(!success && text.contains("etcd exited with"), "{text}");
    wait_until_free(dir.path());
}

#[test]
fn a_killed_etcd_ends_the_gateway_with_an_error() {
    let dir = folder();
    let mut gateway = Gateway::start(dir.path());
    kill(only_child(gateway.supervisor()));
    let (success, text) = gateway.wait();
    assert!(
        !success && text.contains("etcd exited with signal 9"),
        "{text}"
    );
    wait_until_free(dir.path());
}
