//! `cargo xtask fuzz`: coverage-guided fuzzing of everything that parses client input.
//!
//! libFuzzer comes with the crate `libfuzzer-sys`; the instrumentation is the compiler's own, which
//! a stable toolchain allows only with `RUSTC_BOOTSTRAP`. Failing inputs are written to
//! `tests/fuzz/cases/<target>`, which the acceptance tests replay on every run.

use std::fs;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::{paths, proc, say};

/// The fuzz targets: one per parser that a client can reach.
const TARGETS: [&str; 8] = [
    "txn", "query", "key", "cursor", "body", "v3", "socket", "v3_watch",
];

/// The flags of cargo-fuzz: coverage for libFuzzer, and checks that release builds omit.
const INSTRUMENTED: &str = "--cfg fuzzing -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
     -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
     -Cllvm-args=-sanitizer-coverage-trace-compares -Cdebug-assertions -Coverflow-checks -Ccodegen-units=1";

/// Runs each target for `seconds`, or the one that is named.
pub(crate) fn run(target: Option<&str>, seconds: u64) -> Result<()> {
    let folder = paths::root().join("tests/fuzz");
    if let Some(target) = target {
        let known = TARGETS.join(", ");
        ensure!(
            TARGETS.contains(&target),
            "unknown target `{target}`; one of {known}"
        );
    }
    let host = host()?;
    build(&folder, &host)?;
    for name in TARGETS
        .iter()
        .filter(|name| target.is_none_or(|target| target == **name))
    {
        let cases = folder.join("cases").join(name);
        let corpus = paths::root().join("target/fuzz/corpus").join(name);
        for folder in [&cases, &corpus] {
            fs::create_dir_all(folder).with_context(|| format!("create {}", folder.display()))?;
        }
        say::line(format!("── {name}: {seconds} s"));
        let program = paths::root()
            .join("target/fuzz")
            .join(&host)
            .join("release")
            .join(name);
        let mut command = Command::new(program);
        command
            .arg(&corpus)
            .arg(&cases)
            .arg(format!("-max_total_time={seconds}"))
            .args([
                "-max_len=4096",
                "-timeout=30",
                "-rss_limit_mb=4096",
                "-print_final_stats=1",
            ])
            .arg(format!("-dict={}", folder.join("words.dict").display()))
            .arg(format!("-artifact_prefix={}/", cases.display()));
        proc::run(
            &mut command,
            "the input is kept in tests/fuzz/cases; fix the bug, and commit the input",
        )?;
    }
    Ok(())
}

fn build(folder: &std::path::Path, host: &str) -> Result<()> {
    let mut command = proc::cargo();
    command
        .current_dir(folder)
        .env("RUSTC_BOOTSTRAP", "1")
        .env("RUSTFLAGS", INSTRUMENTED)
        .env("CARGO_TARGET_DIR", paths::root().join("target/fuzz"))
        // An explicit target keeps build scripts and macros free of the instrumentation.
        .args(["build", "--release", "--target", host]);
    proc::run(
        &mut command,
        "libFuzzer needs a C++ compiler: apt-get install g++",
    )
}

/// The compiler's host triple.
fn host() -> Result<String> {
    let output = proc::output("rustc", &["--version", "--verbose"]).context("cannot run rustc")?;
    let host = output.lines().find_map(|line| line.strip_prefix("host: "));
    Ok(host.context("rustc does not report a host")?.to_owned())
}
