//! Builds the dashboard with Trunk into `dist/`, and compresses it there.
//!
//! Skipped if its sources have not changed: a fingerprint of them is stored in `dist/`, which Trunk
//! empties, so that a manual build is never mistaken for one of xtask.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, Result};

use crate::job::{Item, Lane};
use crate::{compress, paths, proc, say, setup};

/// The kind of build.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Profile {
    /// The dashboard small and compressed, which the browser tests load too; the gateway optimised.
    Release,
    /// For a first run: the dashboard optimised but large, unless a release build of it exists; the
    /// gateway a development build, which the tests share.
    Demo,
    /// Both quick to build, for work on either.
    Debug,
}

impl Profile {
    /// The dashboard's profile in Cargo.toml; `None` for a development build.
    fn cargo_profile(self) -> Option<&'static str> {
        match self {
            Self::Release => Some("web"),
            Self::Demo => Some("demo"),
            Self::Debug => None,
        }
    }
}

/// Cargo's flags for the dashboard's target.
const TARGET_FLAGS: &str = "CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUSTFLAGS";

/// Brings `dist/` up to date.
pub(crate) fn build(profile: Profile) -> Result<()> {
    let started = Instant::now();
    let sources = fingerprint()?;
    if is_built(profile, &sources) {
        return Ok(());
    }
    say::line("Dashboard: building with Trunk");
    bundle(profile, &sources, |trunk| {
        proc::run(
            trunk,
            "the compiler's message is above; try again: cargo xtask build",
        )
    })?;
    say::line(format!("Dashboard: built in {}", say::took(started)));
    Ok(())
}

/// As [`build`], as two items that run concurrently with others: cargo's build, which needs none of the
/// tools that take minutes to build, and Trunk's. `None` if `dist/` is up to date. (Errors are
/// reported by [`build`].)
pub(crate) fn items(profile: Profile) -> Option<[Item; 2]> {
    let sources = fingerprint().ok()?;
    if is_built(profile, &sources) {
        return None;
    }
    let item = |id, name: &str, into: &str, estimate, after, install| Item {
        id,
        name: name.to_owned(),
        why: "the user interface in the browser",
        into: into.to_owned(),
        estimate,
        lane: Lane::First,
        after,
        hint: "try again: cargo xtask build".to_owned(),
        install,
    };
    Some([
        item(
            "frontend",
            "the dashboard's code",
            "target",
            "about 4 min on two cores",
            &[setup::TARGET],
            Box::new(move |job| job.run(&mut cargo(profile))),
        ),
        item(
            "dashboard",
            "the dashboard",
            "dist",
            "seconds",
            &["frontend", "trunk", "wasm-bindgen"],
            Box::new(move |job| bundle(profile, &sources, |trunk| job.run(trunk))),
        ),
    ])
}

fn stamp() -> PathBuf {
    paths::dist().join(".fingerprint")
}

/// Whether `dist/` was built from these sources, with this profile or a better one.
fn is_built(profile: Profile, sources: &str) -> bool {
    let good_enough = match profile {
        Profile::Demo => &[Profile::Demo, Profile::Release][..],
        _ => &[profile],
    };
    fs::read_to_string(stamp()).is_ok_and(|old| {
        good_enough
            .iter()
            .any(|built| old == stamp_text(*built, sources))
    })
}

fn stamp_text(profile: Profile, sources: &str) -> String {
    let profile = match profile {
        Profile::Release => "release",
        Profile::Demo => "demo",
        Profile::Debug => "debug",
    };
    format!("{profile} {sources}")
}

fn bundle(
    profile: Profile,
    sources: &str,
    run: impl FnOnce(&mut Command) -> Result<()>,
) -> Result<()> {
    run(&mut trunk(profile)?)?;
    if profile == Profile::Release {
        compress::folder(&paths::dist())?;
    }
    let stamp = stamp();
    fs::write(&stamp, stamp_text(profile, sources))
        .with_context(|| format!("write {}", stamp.display()))
}

/// Trunk's command.
fn trunk(profile: Profile) -> Result<Command> {
    let mut command = Command::new("trunk");
    command
        .current_dir(paths::root())
        .arg("build")
        .env("PATH", setup::trunk_path()?);
    if let Some(name) = profile.cargo_profile() {
        command.args(["--release", "--cargo-profile", name]);
    }
    set_flags(&mut command, profile);
    // Trunk accepts only "true" and "false" here, while 1 is common elsewhere.
    if proc::env_var("NO_COLOR").is_some() {
        command.env("NO_COLOR", "true");
    }
    Ok(command)
}

/// The cargo build that Trunk runs, done beforehand so that Trunk finds it up to date.
fn cargo(profile: Profile) -> Command {
    let mut command = proc::cargo();
    command.args(["build", "--package", "frontend", "--target", setup::TARGET]);
    if let Some(name) = profile.cargo_profile() {
        command.args(["--profile", name]);
    }
    set_flags(&mut command, profile);
    command
}

/// Leptos compiles each view once instead of once for every type around it: a sixth less on the wire.
/// For the dashboard's target only: the flags must not invalidate the hook's own build.
fn set_flags(command: &mut Command, profile: Profile) {
    if profile.cargo_profile().is_some() {
        let mut flags = proc::env_var(TARGET_FLAGS).unwrap_or_default();
        flags.push(" --cfg erase_components");
        command.env(TARGET_FLAGS, flags);
    }
}

/// A hash of every source of the dashboard with its path.
fn fingerprint() -> Result<String> {
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
    // The version of the build procedure: increase it when that changes.
    hasher.write(&[2]);
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

/// All files except hidden ones, which are generated or belong to an editor.
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
