//! etcd and etcdctl from Debian's packages, unpacked into the tool folder.
//!
//! Unpacked, not installed: the installed package would start a system service. Unpacking needs no
//! root either.

#[cfg(test)]
mod tests;

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::super::system;
use super::{Version, version_of};
use crate::job::{Job, build_folder};
use crate::proc;

/// The server's package; its program is `etcd`.
const SERVER: &str = "etcd-server";
/// The client's package; its program is `etcdctl`.
const CLIENT: &str = "etcd-client";

/// Whether this system has these packages.
pub(super) fn present() -> bool {
    system::has_packages()
}

/// Unpacks both (without `server` only etcdctl) into `target`; returns the server's version.
pub(super) fn unpack(job: &Job, server: bool, target: &Path) -> Result<Option<Version>> {
    let folder = build_folder().join("etcd-packages");
    // A package of an earlier attempt would be mistaken for the one downloaded now.
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
    let wanted = if server {
        &[(SERVER, "etcd"), (CLIENT, "etcdctl")][..]
    } else {
        &[(CLIENT, "etcdctl")]
    };
    job.note("downloading packages");
    let download = || {
        let mut command = Command::new("apt-get");
        command.current_dir(&folder).arg("download");
        command.args(wanted.iter().map(|(package, _)| package));
        command
    };
    // Package lists may be missing (a slim image) or old: update them before giving up.
    job.run(&mut download()).or_else(|error| {
        if !system::can_apt() {
            return Err(error.context("type: sudo apt-get update (the package lists may be old)"));
        }
        job.run(&mut system::apt_update())?;
        job.run(&mut download())
    })?;
    let found = extract(job, &folder, wanted, target)?;
    let _ = fs::remove_dir_all(&folder);
    Ok(found)
}

/// Moves the programs from the packages in `folder` to `target`; returns the server's version.
fn extract(
    job: &Job,
    folder: &Path,
    wanted: &[(&str, &str)],
    target: &Path,
) -> Result<Option<Version>> {
    let unpacked = folder.join("unpacked");
    for entry in fs::read_dir(folder)? {
        let file = entry?.path();
        if file.extension().is_some_and(|kind| kind == "deb") {
            job.run(Command::new("dpkg-deb").arg("-x").arg(&file).arg(&unpacked))?;
        }
    }
    let programs = unpacked.join("usr/bin");
    let found = if wanted.iter().any(|(package, _)| *package == SERVER) {
        let file = programs.join("etcd");
        let Some(version) = proc::output(&file, &["--version"]).and_then(|text| version_of(&text))
        else {
            bail!("the package {SERVER} contains no etcd that runs on this machine");
        };
        Some(version)
    } else {
        None
    };
    fs::create_dir_all(target).with_context(|| format!("create {}", target.display()))?;
    for (package, program) in wanted {
        fs::rename(programs.join(program), target.join(program))
            .with_context(|| format!("extract {program} from {package}"))?;
    }
    Ok(found)
}
