//! `cargo xtask setup`: everything the build and the tests need, into the project's tool folder.
//!
//! Each piece looks first and installs only what is missing; what takes minutes runs side by side.
//! Nothing of the user's is replaced: tools go to `.tools`, the only exceptions (a rustup target, a
//! system package) are named before they happen.

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

/// What the set-up is for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum For {
    /// Build and run.
    Run,
    /// Build, run and test.
    Tests,
    /// The same on another etcd than the one that is found.
    TestsOn(Version),
}

impl For {
    /// Whether tests are to run.
    fn tests(self) -> bool {
        self != Self::Run
    }
}

/// Installs what is missing, and says nothing where nothing is.
pub(crate) fn run(purpose: For) -> Result<()> {
    run_with(purpose, |_| ())
}

/// As [`run`]; where something is missing, `add` puts before and behind it what can be made beside it:
/// builds that would otherwise wait for tools that they do not need.
pub(crate) fn run_with(purpose: For, add: impl FnOnce(&mut Vec<Item>)) -> Result<()> {
    let (mut missing, mut etcd) = (Vec::new(), Vec::new());
    let mut looked = vec![
        components::missing(purpose, &mut missing),
        protoc::missing(&mut missing),
        cargo_tools::missing(&mut missing),
        etcd::missing(purpose, &mut etcd),
    ];
    if purpose.tests() {
        looked.push(chromium::missing(&mut missing));
        proxies::missing(&mut missing);
        axe::missing(&mut missing);
    }
    // All that a person has to do at once, before minutes are spent on the rest.
    let impossible: Vec<String> = looked
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
    // Behind the builds: it is needed last. (And the gateway's build locks out Trunk's hook, which cargo
    // runs too: so it is not left for the time when Trunk bundles the dashboard.)
    missing.append(&mut etcd);
    let started = Instant::now();
    say::line("Set-up: missing here, and made now");
    for item in &missing {
        say::line(format!(
            "  - {}: {} (into {}; {})",
            item.name, item.why, item.into, item.estimate
        ));
    }
    std::fs::create_dir_all(paths::tools_bin()).context("create the tool folder .tools/bin")?;
    job::run_all(missing)?;
    // Intermediate files of finished builds; of a build that failed they are kept for the next try.
    let _ = std::fs::remove_dir_all(job::build_folder());
    say::line(format!("Set-up done in {}", say::took(started)));
    Ok(())
}

/// `cargo xtask setup`: as [`run`], and says so where nothing was missing.
pub(crate) fn command(purpose: For) -> Result<()> {
    let started = Instant::now();
    run(purpose)?;
    say::line(format!("Everything is in place ({})", say::took(started)));
    Ok(())
}

/// PATH for Trunk: it looks for wasm-bindgen there.
pub(crate) fn trunk_path() -> Result<OsString> {
    Ok(path_for(&cargo_tools::found()?))
}

/// PATH for the gateway and the tests, which look for etcd and etcdctl there and nowhere before: with
/// that version of both.
pub(crate) fn path_with_etcd(version: Version) -> OsString {
    proc::path_with(&[etcd::folder_of(version)], &paths::tools_bin())
}

/// PATH for the gateway and the tests: they look for etcd, etcdctl there.
pub(crate) fn etcd_path() -> OsString {
    path_for(
        &etcd::find()
            .map(|file| ("etcd", file))
            .into_iter()
            .collect::<Vec<_>>(),
    )
}

/// The user's PATH, with our tool folder last; a chosen program that would not be the one found gets
/// its folder first. (Not always first: its folder may hold another cargo, too.)
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
            bail!("Cargo.lock names no package {package}\n  restore it: git checkout Cargo.lock")
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
    fn the_lock_file_tells_the_version_of_exactly_the_named_package() {
        let lock = "[[package]]\nname = \"wasm-bindgen-futures\"\nversion = \"0.4.1\"\n\n\
                    [[package]]\nname = \"wasm-bindgen\"\nversion = \"0.2.130\"\n";
        assert_eq!(parse_locked_version(lock, "wasm-bindgen"), Some("0.2.130"));
        assert_eq!(parse_locked_version(lock, "wasm"), None);
    }
}
