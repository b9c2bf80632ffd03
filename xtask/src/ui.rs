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

use crate::{compress, paths, proc, say, setup};

/// Which build of the dashboard is wanted.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// Small and compressed: what is released, and what the browser tests load.
    Release,
    /// Quick to build, for work on the dashboard.
    Debug,
}

/// Cargo's flags for the dashboard's target.
const TARGET_FLAGS: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS";

/// Brings `dist/` up to date.
pub(crate) fn build(profile: Profile) -> Result<()> {
    let started = Instant::now();
    let fingerprint = fingerprint(profile)?;
    let stamp = paths::dist().join(".fingerprint");
    if fs::read_to_string(&stamp).is_ok_and(|old| old == fingerprint) {
        return Ok(());
    }
    say::line("Dashboard: building with Trunk");
    trunk(profile)?;
    if profile == Profile::Release {
        compress::folder(&paths::dist())?;
    }
    fs::write(&stamp, fingerprint).with_context(|| format!("write {}", stamp.display()))?;
    say::line(format!("Dashboard: built in {}", say::took(started)));
    Ok(())
}

fn trunk(profile: Profile) -> Result<()> {
    let mut command = Command::new("trunk");
    command
        .current_dir(paths::root())
        .arg("build")
        .env("PATH", setup::trunk_path()?);
    if profile == Profile::Release {
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
    proc::run(
        &mut command,
        "the compiler's message is above; try again: cargo xtask build",
    )
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
    hasher.write(&[u8::from(profile == Profile::Release), 1]);
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
