//! `cargo xtask test` and `cargo xtask tidy`: all checks, the cheapest first.
//!
//! They share one development build, plus one release build of the dashboard (which the browser tests
//! load), so that nothing is compiled in more ways than necessary.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::{openapi, proc, say, setup, suites, ui};

/// One check. `--only` takes its name.
struct Step {
    name: &'static str,
    what: &'static str,
    run: fn(&Chosen) -> Result<()>,
}

/// The selection on the command line.
struct Chosen {
    /// Acceptance suites, and filters on test names.
    filters: Vec<String>,
    /// The etcd version to test on, if not the default one.
    etcd: Option<setup::Version>,
}

/// The steps that run an etcd, and their prerequisites; the others do not depend on its version.
const ON_ETCD: [&str; 3] = ["unit", "dashboard", "acceptance"];

const STEPS: [Step; 9] = [
    Step {
        name: "format",
        what: "formatting by rustfmt",
        run: |_| format(),
    },
    Step {
        name: "tidy",
        what: "the repository's rules, and the unit tests of xtask",
        run: |_| invariants(),
    },
    Step {
        name: "lint",
        what: "clippy, on this machine's target",
        run: |_| lint(),
    },
    Step {
        name: "lint-ui",
        what: "clippy, the dashboard on wasm32",
        run: |_| lint_ui(),
    },
    Step {
        name: "unit",
        what: "unit tests of the gateway and the wire types",
        run: unit,
    },
    Step {
        name: "model",
        what: "unit tests of the dashboard's model",
        run: |_| model(),
    },
    Step {
        name: "openapi",
        what: "gateway/openapi.json matches the handlers",
        run: |_| openapi::run(true),
    },
    Step {
        name: "dashboard",
        what: "the release build of the dashboard",
        run: |_| ui::build(ui::Profile::Release),
    },
    Step {
        name: "acceptance",
        what: "against a real etcd and a real Chromium",
        run: acceptance,
    },
];

/// Runs everything, or only the named steps, acceptance suites (folders of `tests/`) or acceptance
/// tests (by a part of their names). With `etcd` runs only what depends on it, on that version.
pub(crate) fn test(only: &[String], etcd: Option<setup::Version>) -> Result<()> {
    let started = Instant::now();
    let filters: Vec<String> = only.iter().filter(|name| !is_step(name)).cloned().collect();
    let chosen = Chosen { filters, etcd };
    let wanted = |step: &Step| {
        let needed_by_filter =
            matches!(step.name, "dashboard" | "acceptance") && !chosen.filters.is_empty();
        let by_default = only.is_empty() && (etcd.is_none() || ON_ETCD.contains(&step.name));
        by_default || needed_by_filter || only.iter().any(|name| name == step.name)
    };
    setup::run(etcd.map_or(setup::Purpose::Tests, setup::Purpose::TestsOn)).context("set-up")?;
    if let Some(version) = etcd {
        say::line(format!("── on etcd {version}"));
    }
    let mut times = Vec::new();
    for step in STEPS.iter().filter(|step| wanted(step)) {
        say::line(format!("── {}: {}", step.name, step.what));
        let step_started = Instant::now();
        (step.run)(&chosen).with_context(|| {
            format!(
                "step {} failed after {}; alone: cargo xtask test --only {0}",
                step.name,
                say::took(step_started)
            )
        })?;
        times.push((step.name, step_started.elapsed()));
    }
    say::line("── all passed");
    for (name, time) in times {
        say::line(format!("   {name:<12}{:>14}", say::duration(time)));
    }
    say::line(format!("   {:<12}{:>14}", "total", say::took(started)));
    Ok(())
}

fn is_step(name: &str) -> bool {
    STEPS.iter().any(|step| step.name == name)
}

/// `cargo xtask tidy`: formats the code, then checks the repository's rules.
pub(crate) fn tidy() -> Result<()> {
    proc::run(
        proc::cargo().args(["fmt", "--all"]),
        "type: rustup component add rustfmt",
    )?;
    invariants()
}

fn format() -> Result<()> {
    proc::run(
        proc::cargo().args(["fmt", "--all", "--check"]),
        "type: cargo xtask tidy",
    )
}

fn invariants() -> Result<()> {
    cargo_test(
        &["--package", "xtask"],
        "each line above names a file, a line and the rule",
        None,
    )
}

fn lint() -> Result<()> {
    // The dashboard is linted for the target it runs on.
    clippy(&["--workspace", "--exclude", "frontend", "--all-targets"])
}

fn lint_ui() -> Result<()> {
    clippy(&[
        "--package",
        "frontend",
        "--all-targets",
        "--target",
        "wasm32-unknown-unknown",
    ])
}

fn clippy(what: &[&str]) -> Result<()> {
    let mut command = proc::cargo();
    command
        .args(["clippy", "--quiet"])
        .args(what)
        .args(["--", "-D", "warnings"]);
    proc::run(&mut command, "each message above names its file and line")
}

fn unit(chosen: &Chosen) -> Result<()> {
    cargo_test(
        &["--package", "gateway", "--package", "shared"],
        "the failed tests are named above",
        chosen.etcd,
    )
}

fn model() -> Result<()> {
    cargo_test(
        &["--package", "frontend"],
        "the failed tests are named above",
        None,
    )
}

fn cargo_test(what: &[&str], hint: &str, etcd: Option<setup::Version>) -> Result<()> {
    let mut command = proc::cargo();
    command.args(["test", "--quiet"]).args(what);
    with_tools(&mut command, etcd);
    proc::run(&mut command, hint)
}

fn acceptance(chosen: &Chosen) -> Result<()> {
    // Some tests kill the process, so they need the program itself, not only the crate.
    let mut program = proc::cargo();
    program.args([
        "build",
        "--quiet",
        "--package",
        "gateway",
        "--bin",
        "watchgate",
    ]);
    proc::run(&mut program, "the compiler's message is above")?;
    let (suites, names): (Vec<&str>, Vec<&str>) = chosen
        .filters
        .iter()
        .map(String::as_str)
        .partition(|filter| suites::is_suite(filter));
    suites::run(&suites, &names, |command| with_tools(command, chosen.etcd))
}

/// The gateway and the tests look for etcd on PATH only.
fn with_tools(command: &mut Command, etcd: Option<setup::Version>) {
    let path = etcd.map_or_else(setup::etcd_path, setup::path_with_etcd);
    command.env("PATH", path);
}
