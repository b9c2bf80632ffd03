//! Runs several installations and builds concurrently, with their progress on one line.
//!
//! Items of one lane run one after another, lanes at the same time: a build leaves cores idle while it
//! links or compiles its last crate, and another build uses them. More than two would only compete.

#[cfg(test)]
mod tests;

use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io::{BufRead as _, BufReader, Read, Write as _};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, anyhow, bail};

use crate::{paths, proc, say};

/// How much of a failed command's output is shown; the rest is in its log.
const TAIL_LINES: usize = 30;

/// The lane of an item: items of different lanes run concurrently.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Lane {
    /// Copies and rustup: quick.
    Quick,
    /// Trunk, which takes longest, and the dashboard.
    First,
    /// The other builds.
    Second,
    /// The system's package manager.
    System,
}

type Install = Box<dyn FnOnce(&Job) -> Result<()> + Send>;

/// A missing tool or build result, and how to get it.
pub(crate) struct Item {
    /// Its id, for other items' `after`.
    pub(crate) id: &'static str,
    /// Its name with the version.
    pub(crate) name: String,
    /// Its purpose, as a short phrase.
    pub(crate) why: &'static str,
    /// The target folder.
    pub(crate) into: String,
    /// How long it takes.
    pub(crate) estimate: &'static str,
    /// Its lane.
    pub(crate) lane: Lane,
    /// The ids of items it depends on, in any lane.
    pub(crate) after: &'static [&'static str],
    /// What to do after a failure.
    pub(crate) hint: String,
    /// Installs it.
    pub(crate) install: Install,
}

/// A running installation: collects the output and the last line of it.
pub(crate) struct Job {
    name: String,
    started: Instant,
    last: Mutex<String>,
}

impl Job {
    /// A job that has just started.
    pub(crate) fn new(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            started: Instant::now(),
            last: Mutex::new(String::new()),
        }
    }

    /// Runs a command whose output goes to `.tools/build/<name>.log`.
    pub(crate) fn run(&self, command: &mut Command) -> Result<()> {
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

    /// Shows the progress of a step without a command.
    pub(crate) fn note(&self, text: &str) {
        text.trim()
            .clone_into(&mut self.last.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn follow(&self, stream: impl Read, log: &Mutex<File>, tail: &Mutex<VecDeque<String>>) {
        for line in BufReader::new(stream).split(b'\n').map_while(Result::ok) {
            let line = String::from_utf8_lossy(&line).into_owned();
            self.note(&line);
            // The log is optional; a full disk fails the build itself.
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

/// Where intermediate files and logs go; on the same disk as the tool folder, so that a failed build
/// can be resumed.
pub(crate) fn build_folder() -> PathBuf {
    paths::tools().join("build")
}

/// The results of items that others depend on.
#[derive(Default)]
struct Outcomes {
    by_id: Mutex<HashMap<&'static str, Option<bool>>>,
    changed: Condvar,
}

impl Outcomes {
    fn of(items: &[Item]) -> Self {
        let by_id = items.iter().map(|item| (item.id, None)).collect();
        Self {
            by_id: Mutex::new(by_id),
            changed: Condvar::new(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<&'static str, Option<bool>>> {
        self.by_id.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn set(&self, id: &'static str, success: bool) {
        self.lock().insert(id, Some(success));
        self.changed.notify_all();
    }

    /// Waits for all of `ids`; returns whether they all succeeded. An unknown id is already available.
    fn wait(&self, ids: &[&str]) -> bool {
        let pending = |by_id: &mut HashMap<&'static str, Option<bool>>| {
            ids.iter().any(|id| by_id.get(id) == Some(&None))
        };
        let by_id = self
            .changed
            .wait_while(self.lock(), pending)
            .unwrap_or_else(PoisonError::into_inner);
        !ids.iter().any(|id| by_id.get(id) == Some(&Some(false)))
    }
}

/// Runs every item; all lanes run to the end, and the first failure is returned. An item whose
/// dependency failed is skipped silently.
pub(crate) fn run_all(items: Vec<Item>) -> Result<()> {
    let outcomes = Outcomes::of(&items);
    let outcomes = &outcomes;
    let mut lanes: Vec<(Lane, Vec<Item>)> = Vec::new();
    for item in items {
        match lanes.iter_mut().find(|(lane, _)| *lane == item.lane) {
            Some((_, items)) => items.push(item),
            None => lanes.push((item.lane, vec![item])),
        }
    }
    let running: Mutex<Vec<Arc<Job>>> = Mutex::new(Vec::new());
    let (done_tx, done_rx) = mpsc::channel::<Result<()>>();
    let running = &running;

    thread::scope(|scope| {
        let lane_count = lanes.len();
        for (_, items) in lanes {
            let done = done_tx.clone();
            scope.spawn(move || {
                let mut result = Ok(());
                for item in items {
                    let id = item.id;
                    if result.is_ok() && outcomes.wait(item.after) {
                        result = run_one(item, running);
                        outcomes.set(id, result.is_ok());
                    } else {
                        outcomes.set(id, false);
                    }
                }
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

fn show_running(running: &Mutex<Vec<Arc<Job>>>) {
    let jobs = running.lock().unwrap_or_else(PoisonError::into_inner);
    let text: Vec<String> = jobs.iter().map(|job| job.status()).collect();
    if !text.is_empty() {
        say::status(&format!("  … {}", text.join(" | ")));
    }
}

fn run_one(item: Item, running: &Mutex<Vec<Arc<Job>>>) -> Result<()> {
    let job = Arc::new(Job::new(&item.name));
    running
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .push(job.clone());
    let result = (item.install)(&job);
    running
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .retain(|other| !Arc::ptr_eq(other, &job));
    match result {
        Ok(()) => {
            say::line(format!("  ✓ {} ({})", item.name, say::took(job.started)));
            Ok(())
        }
        Err(error) => Err(anyhow!("{}: {error:#}\n  {}", item.name, item.hint)),
    }
}
