//! Builds the dashboard with Trunk into `dist/`, and compresses it there once for all requests.
//!
//! Skipped where nothing it is made of has changed: a fingerprint of the sources lies in `dist/`,
//! which Trunk empties, so that a build by hand is never taken for ours.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::job::{Item, Lane};
use crate::{compress, paths, proc, say, setup};

/// Which build is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// The dashboard small and compressed, which the browser tests load too; the gateway optimised.
    Release,
    /// The same dashboard in a gateway that is quicker to build: for the first look.
    Demo,
    /// Both quick to build, for work on either.
    Debug,
}

/// Cargo's flags for the dashboard's target.
const TARGET_FLAGS: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS";

/// Brings `dist/` up to date.
pub(crate) fn build(profile: Profile) -> Result<()> {
    let started = Instant::now();
    let fingerprint = fingerprint(profile)?;
    if is_built(&fingerprint) {
        return Ok(());
    }
    say::line("Dashboard: building with Trunk");
    make(profile, &fingerprint, |trunk| {
        proc::run(
            trunk,
            "the compiler's message is above; try again: cargo xtask build",
        )
    })?;
    say::line(format!("Dashboard: built in {}", say::took(started)));
    Ok(())
}

/// The same beside other work; `None` where nothing is to be done. (What cannot be told here, [`build`]
/// will say.)
pub(crate) fn item(profile: Profile) -> Option<Item> {
    let fingerprint = fingerprint(profile).ok()?;
    (!is_built(&fingerprint)).then(|| Item {
        id: "dashboard",
        name: "the dashboard".to_owned(),
        why: "what a browser shows",
        into: "dist".to_owned(),
        estimate: "about 4 min on two cores",
        lane: Lane::First,
        after: &["trunk", "wasm-bindgen", "wasm32-unknown-unknown"],
        mend: "try again: cargo xtask build".to_owned(),
        install: Box::new(move |job| make(profile, &fingerprint, |trunk| job.run(trunk))),
    })
}

fn stamp() -> PathBuf {
    paths::dist().join(".fingerprint")
}

fn is_built(fingerprint: &str) -> bool {
    fs::read_to_string(stamp()).is_ok_and(|old| old == fingerprint)
}

fn make(
    profile: Profile,
    fingerprint: &str,
    run: impl FnOnce(&mut Command) -> Result<()>,
) -> Result<()> {
    run(&mut trunk(profile)?)?;
    if profile != Profile::Debug {
        compress::folder(&paths::dist())?;
    }
    let stamp = stamp();
    fs::write(&stamp, fingerprint).with_context(|| format!("write {}", stamp.display()))
}

/// Trunk's command.
fn trunk(profile: Profile) -> Result<Command> {
    let mut command = Command::new("trunk");
    command
        .current_dir(paths::root())
        .arg("build")
        .env("PATH", setup::trunk_path()?);
    if profile != Profile::Debug {
        command.args(["--release", "--cargo-profile", "web"]);
        // Leptos compiles each view once instead of once for every type around it: a sixth less on the
        // wire. For this target alone: the hook's own build must not start anew.
        let mut flags = proc::env_var(TARGET_FLAGS).unwrap_or_default();
        flags.push(" --cfg erase_components");
        command.env(TARGET_FLAGS, flags);
    }
    // Trunk takes only "true" and "false" here, and the rest of the world sets 1.
    if proc::env_var("NO_COLOR").is_some() {
        command.env("NO_COLOR", "true");
    }
    Ok(command)
}

/// A hash of every source of the dashboard with its path.
fn fingerprint(profile: Profile) -> Result<String> {
    let root = paths::root();
    let mut files = Vec::new();
    for folder in ["frontend", "shared"] {
        sources(&root.join(folder), &mut files)?;
    }
    for file in ["Cargo.toml", "Cargo.lock", "Trunk.toml"] {
        files.push(root.join(file));
    }
    files.sort();
    let mut hasher = DefaultHasher::new();
    // The second byte stands for how we build: raise it when that changes.
    hasher.write(&[u8::from(profile != Profile::Debug), 1]);
    for file in files {
        let bytes = fs::read(&file).with_context(|| format!("read {}", file.display()))?;
        hasher.write(
            file.strip_prefix(&root)
                .unwrap_or(&file)
                .to_string_lossy()
                .as_bytes(),
        );
        hasher.write_usize(bytes.len());
        hasher.write(&bytes);
    }
    Ok(format!("{:016x}", hasher.finish()))
}

/// All files but the hidden ones, which are generated or an editor's.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("read {}", folder.display()))? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().starts_with('.') {
            continue;
        }
        let path = entry.path();
        if path.is_dir() {
            sources(&path, files)?;
        } else {
            files.push(path);
        }
    }
    Ok(())
}
