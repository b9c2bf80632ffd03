//! Installing several things side by side, with their progress on one line.
//!
//! Items of one lane run one after another, lanes at the same time: a build leaves cores idle while it
//! links or compiles its last crate, and another fills them. More than two would only fight.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError, mpsc};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};

use super::{build_folder, say};
use crate::proc;

/// How much of a failed command's output is shown; the rest is in its log.
const TAIL_LINES: usize = 30;

/// What may run at the same time as what.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Lane {
    /// Copies and rustup: quick.
    Quick,
    /// The longest build.
    First,
    /// The other builds.
    Second,
    /// The system's package manager.
    System,
}

type Install = Box<dyn FnOnce(&Job) -> Result<()> + Send>;

/// One missing thing and how to get it.
pub(super) struct Item {
    /// What, with its version.
    pub(super) name: String,
    /// What it is for, in half a sentence.
    pub(super) why: &'static str,
    /// Where it goes.
    pub(super) into: String,
    /// How long that takes.
    pub(super) estimate: &'static str,
    /// What it shares its time with.
    pub(super) lane: Lane,
    /// The command that mends a failure.
    pub(super) mend: String,
    /// Does it.
    pub(super) install: Install,
}

/// A running installation: collects the output and the last line of it.
pub(super) struct Job {
    name: String,
    started: Instant,
    last: Mutex<String>,
}

impl Job {
    /// Runs a command whose output goes to `.tools/build/<name>.log`.
    pub(super) fn run(&self, command: &mut Command) -> Result<()> {
        let folder = build_folder();
        std::fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
        let file_name: String = self
            .name
            .chars()
            .map(|c| if c.is_alphanumeric() { c } else { '-' })
            .collect();
        let log_path = folder.join(format!("{file_name}.log"));
        let log = Mutex::new(File::options().create(true).append(true).open(&log_path)?);
        let tail = Mutex::new(VecDeque::new());

        let shown = proc::show(command);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .with_context(|| format!("run `{shown}`"))?;
        let stdout = child.stdout.take().context("stdout is piped")?;
        let stderr = child.stderr.take().context("stderr is piped")?;
        let status = thread::scope(|scope| {
            scope.spawn(|| self.follow(stdout, &log, &tail));
            scope.spawn(|| self.follow(stderr, &log, &tail));
            child.wait()
        })?;
        if status.success() {
            return Ok(());
        }
        let tail = tail.into_inner().unwrap_or_else(PoisonError::into_inner);
        let text: Vec<String> = tail.into_iter().map(|line| format!("    {line}")).collect();
        bail!(
            "`{shown}` failed: {status}\n{}\n  (all of its output: {})",
            text.join("\n"),
            log_path.display()
        )
    }

    /// Shows what a step without a command is doing.
    pub(super) fn note(&self, text: &str) {
        text.trim()
            .clone_into(&mut self.last.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn follow(&self, stream: impl Read, log: &Mutex<File>, tail: &Mutex<VecDeque<String>>) {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            self.note(&line);
            // The log is a convenience; a full disk shows in the build itself.
            let _ = writeln!(log.lock().unwrap_or_else(PoisonError::into_inner), "{line}");
            let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
            if tail.len() == TAIL_LINES {
                tail.pop_front();
            }
            tail.push_back(line);
        }
    }

    fn status(&self) -> String {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let last: String = last.chars().take(40).collect();
        format!("{} ({}): {last}", self.name, say::took(self.started))
    }
}

/// Runs every item; all lanes are tried, and the first failure is the result.
pub(super) fn run_all(items: Vec<Item>) -> Result<()> {
    let mut lanes: Vec<(Lane, Vec<Item>)> = Vec::new();
    for item in items {
        match lanes.iter_mut().find(|(lane, _)| *lane == item.lane) {
            Some((_, items)) => items.push(item),
            None => lanes.push((item.lane, vec![item])),
        }
    }
    let running: Mutex<Vec<std::sync::Arc<Job>>> = Mutex::new(Vec::new());
    let (done_tx, done_rx) = mpsc::channel::<Result<()>>();
    let running = &running;

    thread::scope(|scope| {
        let lane_count = lanes.len();
        for (_, items) in lanes {
            let done = done_tx.clone();
            scope.spawn(move || {
                let result = items
                    .into_iter()
                    .try_for_each(|item| run_one(item, running));
                // The receiver outlives every lane.
                let _ = done.send(result);
            });
        }
        let mut first_failure = None;
        let mut finished = 0;
        while finished < lane_count {
            match done_rx.recv_timeout(say::status_interval()) {
                Ok(result) => {
                    finished += 1;
                    if let Err(error) = result {
                        say::clear_status();
                        say::line(format!("  failed: {error:#}"));
                        first_failure.get_or_insert_with(|| anyhow!("set-up is not complete"));
                    }
                }
                Err(_) => show_running(running),
            }
        }
        first_failure.map_or(Ok(()), Err)
    })
}

fn show_running(running: &Mutex<Vec<std::sync::Arc<Job>>>) {
    let jobs = running.lock().unwrap_or_else(PoisonError::into_inner);
    let text: Vec<String> = jobs.iter().map(|job| job.status()).collect();
    if !text.is_empty() {
        say::status(&format!("  … {}", text.join(" | ")));
    }
}

fn run_one(item: Item, running: &Mutex<Vec<std::sync::Arc<Job>>>) -> Result<()> {
    let job = std::sync::Arc::new(Job {
        name: item.name.clone(),
        started: Instant::now(),
        last: Mutex::new(String::new()),
    });
    running
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(job.clone());
    let result = (item.install)(&job);
    running
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .retain(|other| !std::sync::Arc::ptr_eq(other, &job));
    say::clear_status();
    match result {
        Ok(()) => {
            say::line(format!("  ✓ {} ({})", item.name, say::took(job.started)));
            Ok(())
        }
        Err(error) => Err(anyhow!("{}: {error:#}\n  {}", item.name, item.mend)),
    }
}
