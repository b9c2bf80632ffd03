//! `cargo xtask schemathesis`: requests generated from the served OpenAPI document, valid and invalid,
//! against a gateway with the demo; every response is checked against the document.
//!
//! `tests/schemathesis.toml` lists what is tested, and what is excluded and why;
//! `tests/schemathesis.py` adapts the requests.

use std::ffi::OsString;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{paths, proc, product, say, setup, ui};

/// Pinned, since another version generates different requests.
const VERSION: &str = "4.32.5";
/// How long to wait for the demo, which normally starts much faster.
const START_TIMEOUT: Duration = Duration::from_mins(1);

/// The file of the gateway's log.
const LOG: &str = "gateway.log";

/// Sets up, starts a gateway, and runs schemathesis against it.
pub(crate) fn run(flags: &[OsString]) -> Result<()> {
    setup::run(setup::Purpose::Run)?;
    let binary = product::gateway(ui::Profile::Debug)?;
    let schemathesis = install()?;
    let address = free_address()?;
    let mut gateway = Gateway::start(&binary, address)?;
    gateway.wait(address)?;
    let mut command = Command::new(schemathesis);
    command
        .arg("--config-file")
        .arg(paths::root().join("tests/schemathesis.toml"))
        .args(["run", &format!("http://{address}/api/openapi.json")])
        .args(flags)
        .env(
            "SCHEMATHESIS_HOOKS",
            paths::root().join("tests/schemathesis.py"),
        )
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(&gateway.folder);
    proc::run(
        &mut command,
        "each failure above has a curl line; fix the bug, and keep the request as an acceptance test",
    )?;
    ensure!(
        gateway.is_running()?,
        "the gateway ended during the test:\n{}",
        gateway.log()
    );
    gateway.check_for_panics()
}

/// Installs schemathesis into its own virtual environment in the tool folder.
fn install() -> Result<PathBuf> {
    let folder = paths::tools().join("schemathesis");
    let program = folder.join("bin/schemathesis");
    let is_current = |shown: String| shown.ends_with(VERSION);
    if proc::output(&program, &["--version"]).is_some_and(is_current) {
        return Ok(program);
    }
    say::line(format!("Installing schemathesis {VERSION} by pip"));
    let mut environment = Command::new("python3");
    environment.args(["-m", "venv", "--clear"]).arg(&folder);
    proc::run(
        &mut environment,
        "type: apt-get install python3-venv (or your system's package for venv)",
    )?;
    let mut pip = Command::new(folder.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check"])
        .arg(format!("schemathesis=={VERSION}"));
    proc::run(&mut pip, "pip's message is above")?;
    Ok(program)
}

fn free_address() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").context("no free port")?;
    listener.local_addr().context("no free port")
}

/// A gateway with the demo. Ends when dropped, and etcd with it.
struct Gateway {
    child: Child,
    folder: PathBuf,
}

impl Gateway {
    fn start(binary: &PathBuf, address: SocketAddr) -> Result<Self> {
        let name = format!("watchgate-schemathesis-{}", std::process::id());
        let folder = std::env::temp_dir().join(name);
        fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        let mut command = Command::new(binary);
        let log = fs::File::create(folder.join(LOG)).context("write a log")?;
        command
            .args(["--demo", "--listen", &address.to_string(), "--data-dir"])
            .arg(folder.join("etcd"))
            .env("PATH", setup::etcd_path())
            .stdin(Stdio::null())
            .stderr(log);
        let child = command.spawn().context("start the gateway")?;
        Ok(Self { child, folder })
    }

    fn is_running(&mut self) -> Result<bool> {
        let status = self.child.try_wait();
        Ok(status.context("check the gateway's process")?.is_none())
    }

    /// Its log output.
    fn log(&self) -> String {
        fs::read_to_string(self.folder.join(LOG)).unwrap_or_default()
    }

    /// A panic in a handler is a 500, which is detected; a panic in a task is only logged.
    fn check_for_panics(&self) -> Result<()> {
        let log = self.log();
        let panics: Vec<_> = log
            .lines()
            .filter(|line| line.contains("panicked"))
            .collect();
        ensure!(
            panics.is_empty(),
            "the gateway panicked:\n{}",
            panics.join("\n")
        );
        Ok(())
    }

    /// Waits until it listens, which it does once etcd is running.
    #[expect(
        clippy::disallowed_methods,
        reason = "xtask has no executor whose thread could be blocked"
    )]
    fn wait(&mut self, address: SocketAddr) -> Result<()> {
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            ensure!(self.is_running()?, "the gateway ended:\n{}", self.log());
            if started.elapsed() > START_TIMEOUT {
                bail!("the gateway is not listening after {START_TIMEOUT:?}");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended already; its etcd ends with it in any case.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
