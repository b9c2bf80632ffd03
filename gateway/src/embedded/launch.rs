//! One etcd process: its ports, its flags, its supervisor, its shutdown.

use std::fs::File;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;

use tokio::process::{Child, ChildStdin, Command};
use tokio::time::timeout;

use super::Options;
use super::error::{EmbeddedError, Ended};
use super::file::ConfigFile;
use super::folder::Folder;
use super::output::Output;
use super::supervise;
use crate::tasks::Tasks;

/// How long the last output may take to arrive after the process has ended.
const OUTPUT_DRAIN: Duration = Duration::from_secs(1);

/// An etcd process to start, and its client URL.
#[derive(Clone, Debug)]
pub(super) struct Launch {
    /// The client URL.
    pub(super) client: String,
    /// The name that distinguishes it from another etcd at the same address; `None` if a configuration
    /// file names it.
    pub(super) name: Option<String>,
    arguments: Vec<String>,
    /// Its working directory: paths in its arguments are relative to it.
    directory: Option<PathBuf>,
}

/// A supervisor with its etcd. Dropping it closes the pipe, which makes the supervisor end etcd.
#[derive(Debug)]
pub(super) struct Process {
    supervisor: Child,
    /// Open as long as etcd should run. Separate from the child, which closes its own pipe in `wait`.
    pipe: Option<ChildStdin>,
    pub(super) output: Output,
    reading: Tasks,
}

impl Launch {
    /// One member on free ports. Another program may take them before etcd does: retry then.
    pub(super) fn single_member(
        options: &Options,
        folder: &Folder,
        name: String,
    ) -> Result<Self, EmbeddedError> {
        let [client, peer] = free_urls()?;
        let mut arguments = vec![
            format!("--data-dir={}", folder.data().display()),
            format!("--listen-peer-urls={peer}"),
            format!("--initial-advertise-peer-urls={peer}"),
            format!("--initial-cluster={name}={peer}"),
        ];
        arguments.extend(flags(options, &name, &client));
        Ok(Self {
            client,
            name: Some(name),
            arguments,
            directory: None,
        })
    }

    /// Several members, with free ports for clients and sockets in the folder for peers.
    ///
    /// Peers store a member's address permanently, while a free port may be in use at the next start; a
    /// socket file is free whenever the folder is.
    pub(super) fn cluster(
        options: &Options,
        folder: &Folder,
        name: &str,
        count: usize,
    ) -> Result<Vec<Self>, EmbeddedError> {
        let token = folder.token()?;
        let named = |number: usize| format!("{name}-m{number}");
        // A socket's name must look like a host and a port. It is relative, since a path may be
        // longer than a socket's address can hold.
        let peer = |number: usize| format!("unix://peer-{number}:1");
        let initial_cluster: Vec<String> = (1..=count)
            .map(|number| format!("{}={}", named(number), peer(number)))
            .collect();
        let launch = |number: usize| {
            let [client, _] = free_urls()?;
            let (name, peer) = (named(number), peer(number));
            let data = folder.member(number);
            let data = data.file_name().map_or(data.as_path(), Path::new);
            let mut arguments = vec![
                format!("--data-dir={}", data.display()),
                format!("--listen-peer-urls={peer}"),
                format!("--initial-advertise-peer-urls={peer}"),
                format!("--initial-cluster={}", initial_cluster.join(",")),
                format!("--initial-cluster-token={token}"),
            ];
            arguments.extend(flags(options, &name, &client));
            Ok(Self {
                client,
                name: Some(name),
                arguments,
                directory: Some(folder.path().to_owned()),
            })
        };
        (1..=count).map(launch).collect()
    }

    /// The member that a configuration file describes. With a file etcd ignores all other flags.
    pub(super) fn of_file(file: &ConfigFile) -> Self {
        Self {
            client: file.client.clone(),
            name: None,
            arguments: vec![format!("--config-file={}", file.path.display())],
            directory: None,
        }
    }

    /// Starts etcd under its supervisor. Both processes hold `lock` until they exit.
    pub(super) fn start(&self, options: &Options, lock: File) -> Result<Process, EmbeddedError> {
        let supervisor = absolute(&options.supervisor);
        let mut command = Command::new(&supervisor);
        command
            .args(["supervise", "--"])
            .arg(absolute(&options.etcd))
            .args(&self.arguments);
        if let Some(directory) = &self.directory {
            command.current_dir(directory);
        }
        for variable in &options.hidden_variables {
            command.env_remove(variable);
        }
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::from(lock))
            .stderr(Stdio::piped())
            // Ctrl-C in a terminal must reach the gateway only, which ends etcd last.
            .process_group(0)
            .spawn()
            .map_err(|source| EmbeddedError::Supervisor { supervisor, source })?;
        let pipe = child.stdin.take();
        let stderr = child.stderr.take().expect("stderr is a pipe");
        let output = Output::default();
        let reading = Tasks::default();
        // Ends with etcd, which ends with the pipe: it must not stop earlier, since an etcd whose
        // output is not read would block.
        reading.spawn(output.clone().collect(stderr));
        Ok(Process {
            supervisor: child,
            pipe,
            output,
            reading,
        })
    }
}

/// Flags of every member, supported by etcd 3.4 to 3.7.
fn flags(options: &Options, name: &str, client: &str) -> [String; 9] {
    [
        format!("--name={name}"),
        format!("--listen-client-urls={client}"),
        format!("--advertise-client-urls={client}"),
        "--initial-cluster-state=new".to_owned(),
        "--auto-compaction-mode=periodic".to_owned(),
        format!("--auto-compaction-retention={}h", options.retention_hours),
        "--logger=zap".to_owned(),
        "--log-outputs=stderr".to_owned(),
        "--log-level=warn".to_owned(),
    ]
}

/// Two different loopback URLs whose ports were free a moment ago.
fn free_urls() -> Result<[String; 2], EmbeddedError> {
    let listen = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).map_err(EmbeddedError::NoPort);
    // Both are held until both are known.
    let (one, other) = (listen()?, listen()?);
    let url = |listener: &TcpListener| {
        let address = listener.local_addr().map_err(EmbeddedError::NoPort)?;
        Ok(format!("http://{address}"))
    };
    Ok([url(&one)?, url(&other)?])
}

/// A program's absolute path; a bare name is looked up on PATH and stays as it is.
fn absolute(program: &Path) -> PathBuf {
    if program.components().count() < 2 {
        return program.to_owned();
    }
    std::path::absolute(program).unwrap_or_else(|_| program.to_owned())
}

impl Process {
    /// Waits until etcd ends unexpectedly.
    pub(super) async fn ended(&mut self) -> Ended {
        let status = self.supervisor.wait().await;
        self.reading.wait(OUTPUT_DRAIN).await;
        Ended {
            status: describe(status),
            output: self.output.tail(),
        }
    }

    /// Ends etcd and waits for it.
    pub(super) async fn stop(&mut self) {
        drop(self.pipe.take());
        let limit = supervise::GRACE + OUTPUT_DRAIN;
        if timeout(limit, self.supervisor.wait()).await.is_err() {
            // The supervisor is stuck; when it is killed, the kernel kills its etcd.
            let _ = self.supervisor.kill().await;
        }
        self.reading.wait(OUTPUT_DRAIN).await;
    }
}

fn describe(status: std::io::Result<ExitStatus>) -> String {
    match status {
        // The supervisor exits with 128 + n if signal n ended etcd.
        Ok(status) => match status.code() {
            Some(code @ 129..) => format!("signal {}", code - 128),
            Some(code) => format!("exit code {code}"),
            None => format!("its supervisor: {status}"),
        },
        Err(error) => format!("an unknown status ({error})"),
    }
}
