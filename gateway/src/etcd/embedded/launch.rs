//! One etcd process: its ports, its flags, its supervisor, its end.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::PathBuf;
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use super::Options;
use super::error::{EmbeddedError, Ended};
use super::output::Output;
use crate::supervise;
use crate::tasks::Tasks;

/// How long the last lines may take to arrive once the process has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);

/// What is started, and where it will be reached.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    pub(super) name: String,
    /// The client URL.
    pub(super) client: String,
    peer: String,
    data: PathBuf,
    options: Options,
}

/// A supervisor with its etcd. Dropping it closes the pipe, upon which the supervisor ends etcd.
#[derive(Debug)]
pub(super) struct Process {
    supervisor: Child,
    /// Open as long as etcd is to run. Apart from the child, which closes its own pipe in `wait`.
    pipe: Option<ChildStdin>,
    pub(super) output: Output,
    reading: Tasks,
}

impl Launch {
    /// Chooses free ports. Somebody else may take them before etcd does: try again then.
    pub(super) fn choose(
        options: &Options,
        data: PathBuf,
        name: String,
    ) -> Result<Self, EmbeddedError> {
        let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(EmbeddedError::NoPort);
        // Both are held until both are known, so that they differ.
        let (client, peer) = (listen()?, listen()?);
        let url = |listener: &TcpListener| {
            let address = listener.local_addr().map_err(EmbeddedError::NoPort)?;
            Ok(format!("http://{address}"))
        };
        Ok(Self {
            name,
            client: url(&client)?,
            peer: url(&peer)?,
            data,
            options: options.clone(),
        })
    }

    /// Flags that etcd 3.4 to 3.7 all have.
    fn flags(&self) -> Vec<String> {
        let Self {
            name,
            client,
            peer,
            data,
            options,
        } = self;
        vec![
            format!("--name={name}"),
            format!("--data-dir={}", data.display()),
            format!("--listen-client-urls={client}"),
            format!("--advertise-client-urls={client}"),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster={name}={peer}"),
            "--initial-cluster-state=new".to_owned(),
            "--auto-compaction-mode=periodic".to_owned(),
            format!("--auto-compaction-retention={}h", options.retention_hours),
            "--logger=zap".to_owned(),
            "--log-outputs=stderr".to_owned(),
            "--log-level=warn".to_owned(),
        ]
    }

    /// Starts etcd under its supervisor. `lock` is held by both as long as they live.
    pub(super) fn start(&self, lock: File) -> Result<Process, EmbeddedError> {
        let supervisor = &self.options.supervisor;
        let mut command = Command::new(supervisor);
        command
            .args(["supervise", "--"])
            .arg(&self.options.etcd)
            .args(self.flags());
        for variable in &self.options.hidden_variables {
            command.env_remove(variable);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::from(lock))
            .stderr(Stdio::piped())
            // Ctrl-C in a terminal is for the gateway alone, which ends etcd last.
            .process_group(0)
            .spawn()
            .map_err(|source| EmbeddedError::Supervisor {
                supervisor: supervisor.clone(),
                source,
            })?;
        let pipe = child.stdin.take();
        let stderr = child.stderr.take().expect("stderr is a pipe");
        let output = Output::default();
        let reading = Tasks::default();
        // Ends with etcd, which ends with the pipe: it must not stop sooner, since an etcd that
        // nobody reads from would block.
        reading.spawn(output.clone().collect(stderr));
        Ok(Process {
            supervisor: child,
            pipe,
            output,
            reading,
        })
    }
}

impl Process {
    /// Waits until etcd has ended by itself.
    pub(super) async fn ended(&mut self) -> Ended {
        let status = self.supervisor.wait().await;
        self.reading.wait(LAST_WORDS).await;
        Ended {
            status: describe(status),
            output: self.output.tail(),
        }
    }

    /// Ends etcd and waits for it.
    pub(super) async fn stop(&mut self) {
        drop(self.pipe.take());
        let patience = supervise::GRACE + LAST_WORDS;
        if timeout(patience, self.supervisor.wait()).await.is_err() {
            // A stuck supervisor; the kernel kills its etcd with it.
            let _ = self.supervisor.kill().await;
        }
        self.reading.wait(LAST_WORDS).await;
    }
}

fn describe(status: std::io::Result<ExitStatus>) -> String {
    match status {
        // The supervisor says 128 + n when signal n ended etcd.
        Ok(status) => match status.code() {
            Some(code @ 129..) => format!("signal {}", code - 128),
            Some(code) => format!("exit code {code}"),
            None => format!("its supervisor: {status}"),
        },
        Err(error) => format!("an unknown status ({error})"),
    }
}
