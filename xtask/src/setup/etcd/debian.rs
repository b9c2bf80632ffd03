//! etcd and etcdctl out of Debian's packages, unpacked into the tool folder.
//!
//! Unpacked, not installed: the installed package starts a system service that nobody asked for. That
//! needs no root either.

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

/// Whether this system has such packages.
pub(super) fn present() -> bool {
    system::detect() == system::System::Debian
        && proc::on_path("apt-get").is_some()
        && proc::on_path("dpkg-deb").is_some()
}

/// Puts both (without the server etcdctl alone) into `target`; the server's version.
pub(super) fn unpack(job: &Job, server: bool, target: &Path) -> Result<Option<Version>> {
    let folder = build_folder().join("etcd-packages");
    // A package of an earlier try would be taken for the one that is downloaded now.
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
    // Package lists may be absent (a slim image) or old: look again before giving up.
    job.run(&mut download()).or_else(|error| {
        if !system::can_apt() {
            return Err(error.context("type: sudo apt-get update (the package lists may be old)"));
        }
        job.run(&mut system::apt_update())?;
        job.run(&mut download())
    })?;
    let unpacked = folder.join("unpacked");
    for entry in fs::read_dir(&folder)? {
        let file = entry?.path();
        if file.extension().is_some_and(|kind| kind == "deb") {
            job.run(Command::new("dpkg-deb").arg("-x").arg(&file).arg(&unpacked))?;
        }
    }
    let programs = unpacked.join("usr/bin");
    let found = if server {
        let file = programs.join("etcd");
        let Some(version) = proc::output(&file, &["--version"]).and_then(|text| version_of(&text))
        else {
            bail!("the package {SERVER} holds no etcd that runs here");
        };
        Some(version)
    } else {
        None
    };
    fs::create_dir_all(target).with_context(|| format!("create {}", target.display()))?;
    for (package, program) in wanted {
        fs::rename(programs.join(program), target.join(program))
            .with_context(|| format!("take {program} out of {package}"))?;
    }
    let _ = fs::remove_dir_all(&folder);
    Ok(found)
}
