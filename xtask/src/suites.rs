//! The acceptance suites, two at a time: most of them wait for etcd, which leaves the processor to another one.

use std::collections::VecDeque;
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

use crate::{proc, say};

/// The suites, folders of `tests/`, the slowest first: so the two lanes end at about the same time.
const SUITES: [&str; 9] = [
    "browser",
    "conformance",
    "locks",
    "faults",
    "watch",
    "access",
    "kv",
    "cluster",
    "http",
];

/// How many suites run at the same time.
const LANES: usize = 2;

/// Whether there is a suite of this name.
pub(crate) fn is_suite(name: &str) -> bool {
    SUITES.contains(&name)
}

/// Runs the named suites (all of them if none is named), and of those the tests whose names contain one of `names`
/// (all tests if there are none). `prepare` sets the environment of a command.
pub(crate) fn run(
    chosen: &[&str],
    names: &[&str],
    prepare: impl Fn(&mut Command) + Sync,
) -> Result<()> {
    let mut build = proc::cargo();
    build.args(["test", "--quiet", "--package", "tests", "--no-run"]);
    let mut queue = VecDeque::new();
    for suite in SUITES {
        if chosen.is_empty() || chosen.contains(&suite) {
            build.args(["--test", suite]);
            queue.push_back(suite);
        }
    }
    prepare(&mut build);
    proc::run(&mut build, "the compiler's message is above")?;

    let alone = queue.len() == 1;
    let queue = Mutex::new(queue);
    let failed = Mutex::new(Vec::new());
    thread::scope(|scope| {
        for _ in 0..LANES {
            scope.spawn(|| {
                loop {
                    // The lock is released before the suite runs.
                    let next = lock(&queue).pop_front();
                    let Some(suite) = next else { break };
                    let mut command = proc::cargo();
                    command
                        .args(["test", "--package", "tests", "--test", suite, "--"])
                        .args(names);
                    prepare(&mut command);
                    let passed = if alone {
                        run_suite(&mut command)
                    } else {
                        // What passed tests print: why this machine or this etcd cannot run a part of them.
                        run_quietly(suite, command.arg("--show-output"))
                    };
                    if let Err(error) = passed {
                        lock(&failed).push(format!("{suite}: {error:#}"));
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().unwrap_or_else(PoisonError::into_inner);
    if failed.is_empty() {
        return Ok(());
    }
    bail!(
        "{}\n  the failed tests are named above; one alone: cargo xtask test --only <part of its name>",
        failed.join("\n")
    )
}

/// Runs the only suite: its output appears while it runs.
fn run_suite(command: &mut Command) -> Result<()> {
    let status = command.status().context("run cargo")?;
    if !status.success() {
        bail!("failed: {status}");
    }
    Ok(())
}

/// Runs one of several suites. Its output is printed at its end: all of it after a failure, else the summary.
fn run_quietly(suite: &str, command: &mut Command) -> Result<()> {
    let started = Instant::now();
    say::line(format!("   {suite} runs"));
    let output = command.stdin(Stdio::null()).output().context("run cargo")?;
    let text = String::from_utf8_lossy(&output.stdout);
    if !output.status.success() {
        say::line(format!(
            "── {suite} failed after {}; its output:\n{text}{}",
            say::took(started),
            String::from_utf8_lossy(&output.stderr)
        ));
        bail!("failed: {}", output.status);
    }
    let is_reason = |line: &&str| line.starts_with("skipped:");
    for line in text.lines().filter(is_reason) {
        say::line(format!("   {suite}: {line}"));
    }
    let is_result = |line: &&str| line.starts_with("test result:");
    let result = text.lines().find(is_result).unwrap_or_default();
    say::line(format!("   {suite} in {}: {result}", say::took(started)));
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::paths;

    #[test]
    fn every_suite_of_the_tests_is_run() {
        let manifest = std::fs::read_to_string(paths::root().join("tests/Cargo.toml"))
            .expect("the tests have a manifest");
        let mut declared: Vec<&str> = manifest
            .split("[[test]]")
            .skip(1)
            .filter_map(|rest| rest.split('"').nth(1))
            .collect();
        declared.sort_unstable();
        let mut run = SUITES;
        run.sort_unstable();
        assert_eq!(declared, run);
    }
}
