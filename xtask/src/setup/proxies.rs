//! nginx, Caddy and HAProxy for the tests of docs/DEPLOY.md, from Debian's packages, unpacked into the tool
//! folder.
//!
//! Unpacked, not installed: each installed package would start a service on port 80. Unpacking needs no root
//! either. Other systems have no such packages; there the tests report that they are skipped.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::system;
use crate::job::{Item, Job, Lane, build_folder};
use crate::{paths, proc};

/// The packages, each with its program. The tests look for the same names.
const PROXIES: [(&str, &str); 3] = [
    ("nginx", "usr/sbin/nginx"),
    ("caddy", "usr/bin/caddy"),
    ("haproxy", "usr/sbin/haproxy"),
];

/// Where the packages are unpacked.
fn folder() -> PathBuf {
    paths::tools().join("proxies")
}

/// Adds the missing proxies, if this system has packages of them.
pub(super) fn add_missing(items: &mut Vec<Item>) {
    let not_on_path: Vec<_> = PROXIES
        .iter()
        .filter(|(name, _)| proc::on_path(name).is_none())
        .collect();
    let unpacked = |(_, program): &&(&str, &str)| folder().join(program).is_file();
    if not_on_path.iter().all(unpacked) || !system::has_packages() {
        return;
    }
    let wanted: Vec<&str> = not_on_path.into_iter().map(|(name, _)| *name).collect();
    items.push(Item {
        id: "proxies",
        name: wanted.join(", "),
        why: "the tests run the proxies that docs/DEPLOY.md describes",
        into: ".tools/proxies, unpacked from the system's packages; nothing is started".to_owned(),
        estimate: "about 10 s",
        lane: Lane::System,
        after: &[],
        hint: "try manually: apt-get update".to_owned(),
        install: Box::new(move |job| unpack(job, &wanted, &folder())),
    });
}

/// Unpacks these packages, with the libraries that this system lacks, into `target`.
fn unpack(job: &Job, wanted: &[&str], target: &Path) -> Result<()> {
    let download = build_folder().join("proxy-packages");
    // A package of an earlier attempt would be mistaken for the one downloaded now.
    let _ = fs::remove_dir_all(&download);
    fs::create_dir_all(&download).with_context(|| format!("create {}", download.display()))?;
    job.note("downloading packages");
    let get = || {
        let packages = with_dependencies(wanted)?;
        let mut command = Command::new("apt-get");
        command.current_dir(&download).arg("download");
        command.args(packages);
        job.run(&mut command)
    };
    // Package lists may be missing (a slim image) or old: update them before giving up.
    get().or_else(|error: anyhow::Error| {
        if !system::can_apt() {
            return Err(error.context("type: sudo apt-get update (the package lists may be old)"));
        }
        job.run(&mut system::apt_update())?;
        get()
    })?;
    // Moved into place only when complete, so that a partial result is never used.
    let unpacked = download.join("unpacked");
    for entry in fs::read_dir(&download)? {
        let file = entry?.path();
        if file.extension().is_some_and(|kind| kind == "deb") {
            job.run(Command::new("dpkg-deb").arg("-x").arg(&file).arg(&unpacked))?;
        }
    }
    let _ = fs::remove_dir_all(target);
    fs::rename(&unpacked, target).with_context(|| format!("create {}", target.display()))?;
    let _ = fs::remove_dir_all(&download);
    Ok(())
}

/// The packages that an installation of these would add: themselves and missing libraries.
fn with_dependencies(wanted: &[&str]) -> Result<Vec<String>> {
    let mut arguments = vec!["--simulate", "--no-install-recommends", "install"];
    arguments.extend(wanted);
    match proc::output("apt-get", &arguments).map(|plan| added_packages(&plan)) {
        Some(packages) if !packages.is_empty() => Ok(packages),
        _ => bail!("apt-get cannot install {}", wanted.join(", ")),
    }
}

/// The packages that a simulated installation adds; one that it would only upgrade is already installed.
fn added_packages(plan: &str) -> Vec<String> {
    plan.lines()
        .filter_map(|line| line.strip_prefix("Inst ")?.split_once(' '))
        .filter(|(_, rest)| rest.starts_with('('))
        .map(|(name, _)| name.to_owned())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn upgraded_packages_are_not_downloaded() {
        let plan = "NOTE: This is only a simulation!\n\
                    Inst liblua5.3-0 (5.3.6-2 Debian:12.15/oldstable [amd64])\n\
                    Inst libnss3 [2:3.87.1-1] (2:3.87.1-2 Debian-Security:12 [amd64])\n\
                    Inst haproxy (2.6.12-1 Debian-Security:12/oldstable-security [amd64]) []\n\
                    Conf liblua5.3-0 (5.3.6-2 Debian:12.15/oldstable [amd64])\n";
        assert_eq!(added_packages(plan), ["liblua5.3-0", "haproxy"]);
        assert!(added_packages("").is_empty());
    }
}
