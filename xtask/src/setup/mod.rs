//! `cargo xtask setup`: everything the build and the tests need, into the project's tool folder.
//!
//! Each part installs only what is missing; long builds run concurrently. Nothing of the user's is
//! replaced: tools go to `.tools`, and the only exceptions (a rustup target, a system package) are announced
//! before they are installed.

mod axe;
mod cargo_tools;
mod chromium;
mod components;
mod etcd;
mod protoc;
mod proxies;
mod system;

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Instant;

use anyhow::{Context as _, Result, bail};

pub(crate) use self::components::TARGET;
pub(crate) use self::etcd::{Version, parse_usable};
use crate::job::{self, Item};
use crate::{paths, proc, say};

/// The purpose of the set-up.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// Build and run.
    Run,
    /// Build, run and test.
    Tests,
    /// As `Tests`, on this version of etcd.
    TestsOn(Version),
}

impl Purpose {
    /// Whether tests will run.
    fn tests(self) -> bool {
        self != Self::Run
    }
}

/// Installs what is missing; prints nothing if nothing is missing.
pub(crate) fn run(purpose: Purpose) -> Result<()> {
    run_with(purpose, |_| ())
}

/// As [`run`]; if something is missing, `add` inserts builds before and after it that can run
/// concurrently: otherwise they would wait for tools that they do not need.
pub(crate) fn run_with(purpose: Purpose, add: impl FnOnce(&mut Vec<Item>)) -> Result<()> {
    let (mut missing, mut etcd) = (Vec::new(), Vec::new());
    let mut checked = vec![
        components::add_missing(purpose, &mut missing),
        protoc::add_missing(&mut missing),
        cargo_tools::add_missing(&mut missing),
        etcd::add_missing(purpose, &mut etcd),
    ];
    if purpose.tests() {
        checked.push(chromium::add_missing(&mut missing));
        proxies::add_missing(&mut missing);
        axe::add_missing(&mut missing);
    }
    // Report everything that the user must do manually before spending minutes on the rest.
    let impossible: Vec<String> = checked
        .into_iter()
        .filter_map(Result::err)
        .map(|error| format!("{error:#}"))
        .collect();
    if !impossible.is_empty() {
        bail!("{}", impossible.join("\n"));
    }
    if missing.is_empty() && etcd.is_empty() {
        return Ok(());
    }

    add(&mut missing);
    // etcd is built after the gateway, since it is needed last. (The gateway's build also holds cargo's lock,
    // which Trunk's hook needs, so it must be done before Trunk bundles the dashboard.)
    missing.append(&mut etcd);
    let started = Instant::now();
    say::line("Set-up: these are missing and are installed now");
    for item in &missing {
        say::line(format!(
            "  - {}: {} (into {}; {})",
            item.name, item.why, item.into, item.estimate
        ));
    }
    std::fs::create_dir_all(paths::tools_bin()).context("create the tool folder .tools/bin")?;
    job::run_all(missing)?;
    // Removes intermediate files; after a failed build they are kept for the next attempt.
    let _ = std::fs::remove_dir_all(job::build_folder());
    say::line(format!("Set-up done in {}", say::took(started)));
    Ok(())
}

/// `cargo xtask setup`: as [`run`], and reports that everything is installed.
pub(crate) fn command(purpose: Purpose) -> Result<()> {
    let started = Instant::now();
    run(purpose)?;
    say::line(format!("Everything is in place ({})", say::took(started)));
    Ok(())
}

/// PATH for Trunk, which looks for wasm-bindgen there.
pub(crate) fn trunk_path() -> Result<OsString> {
    Ok(path_for(&cargo_tools::find_all()?))
}

/// PATH for the gateway and the tests, with this version of etcd and etcdctl first.
pub(crate) fn path_with_etcd(version: Version) -> OsString {
    proc::path_with(&[etcd::folder_of(version)], &paths::tools_bin())
}

/// PATH for the gateway and the tests, which look for etcd and etcdctl only there.
pub(crate) fn etcd_path() -> OsString {
    path_for(
        &etcd::find()
            .map(|file| ("etcd", file))
            .into_iter()
            .collect::<Vec<_>>(),
    )
}

/// The user's PATH with the tool folder last. If PATH would find another program than a chosen one, the
/// chosen one's folder comes first. (Not always: its folder may also contain another cargo.)
fn path_for(chosen: &[(&'static str, PathBuf)]) -> OsString {
    let mut folders: Vec<PathBuf> = Vec::new();
    for (name, file) in chosen {
        if proc::on_path(name).as_ref() != Some(file)
            && let Some(folder) = file.parent()
        {
            folders.push(folder.to_path_buf());
        }
    }
    proc::path_with(&folders, &paths::tools_bin())
}

/// The version of a package in `Cargo.lock`.
fn locked_version(package: &str) -> Result<String> {
    let file = paths::root().join("Cargo.lock");
    let lock =
        std::fs::read_to_string(&file).with_context(|| format!("read {}", file.display()))?;
    match parse_locked_version(&lock, package) {
        Some(version) => Ok(version.to_owned()),
        None => {
            bail!("Cargo.lock has no package {package}\n  restore it: git checkout Cargo.lock")
        }
    }
}

fn parse_locked_version<'a>(lock: &'a str, package: &str) -> Option<&'a str> {
    let name = format!("name = \"{package}\"");
    let after = lock.lines().skip_while(|line| *line != name).nth(1)?;
    after.strip_prefix("version = \"")?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_locked_version_is_that_of_exactly_the_named_package() {
        let lock = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.1\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(parse_locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(parse_locked_version(lock, "wasm"), None);
    }
}
