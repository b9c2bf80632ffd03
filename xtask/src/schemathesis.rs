//! `cargo xtask schemathesis`: requests made from the served OpenAPI document, right ones and wrong ones,
//! against a gateway with the demo; every answer is held against what the document says.
//!
//! What is tried, and what is left out and why, stands in `tests/schemathesis.toml`; what is changed in
//! the requests, in `tests/schemathesis.py`.

use std::ffi::OsString;
use std::fs;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};

use crate::{paths, proc, product, say, setup, ui};

/// Another version makes other requests.
const VERSION: &str = "4.32.5";
/// The demo is up long before.
const START: Duration = Duration::from_mins(1);

/// Where the gateway's own words go.
const WORDS: &str = "gateway.log";

/// Sets up, starts a gateway, and tries it.
pub(crate) fn run(flags: &[OsString]) -> Result<()> {
    setup::run(setup::For::Run)?;
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
        "each failure above has a curl line; mend it, and keep the request as an acceptance test",
    )?;
    ensure!(
        gateway.runs()?,
        "the gateway ended while it was tried:\n{}",
        gateway.words()
    );
    gateway.has_not_panicked()
}

/// Into an environment of its own, in the tool folder.
fn install() -> Result<PathBuf> {
    let folder = paths::tools().join("schemathesis");
    let program = folder.join("bin/schemathesis");
    let is_it = |shown: String| shown.ends_with(VERSION);
    if proc::output(&program, &["--version"]).is_some_and(is_it) {
        return Ok(program);
    }
    say::line(format!("Installing schemathesis {VERSION} by pip"));
    let mut environment = Command::new("python3");
    environment.args(["-m", "venv", "--clear"]).arg(&folder);
    proc::run(
        &mut environment,
        "type: apt-get install python3-venv, or what your system calls it",
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
        let words = fs::File::create(folder.join(WORDS)).context("write a log")?;
        command
            .args(["--demo", "--listen", &address.to_string(), "--data-dir"])
            .arg(folder.join("etcd"))
            .env("PATH", setup::etcd_path())
            .stdin(Stdio::null())
            .stderr(words);
        let child = command.spawn().context("start the gateway")?;
        Ok(Self { child, folder })
    }

    fn runs(&mut self) -> Result<bool> {
        Ok(self.child.try_wait().context("ask for it")?.is_none())
    }

    /// What it has said of itself.
    fn words(&self) -> String {
        fs::read_to_string(self.folder.join(WORDS)).unwrap_or_default()
    }

    /// A panic of a handler is a 500, which is seen; one of a task of its own is only told.
    fn has_not_panicked(&self) -> Result<()> {
        let words = self.words();
        let panics: Vec<_> = words
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

    /// Until it listens, which it does once etcd runs.
    #[expect(
        clippy::disallowed_methods,
        reason = "xtask has no executor whose thread could be blocked"
    )]
    fn wait(&mut self, address: SocketAddr) -> Result<()> {
        let started = Instant::now();
        while TcpStream::connect(address).is_err() {
            ensure!(self.runs()?, "the gateway ended:\n{}", self.words());
            if started.elapsed() > START {
                bail!("the gateway does not listen after {START:?}");
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        // It may have ended by itself; its etcd ends with it however it ends.
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = fs::remove_dir_all(&self.folder);
    }
}
