//! etcd and etcdctl from Debian's packages, unpacked into the tool folder.
//!
//! Unpacked, not installed: the installed package would start a system service. Unpacking needs no
//! root either.

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

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    const WANTED: [(&str, &str); 2] = [(SERVER, "etcd"), (CLIENT, "etcdctl")];

    /// An empty folder for this test below the build folder.
    fn folder(name: &str) -> std::path::PathBuf {
        let folder = build_folder().join(format!("test-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the tool folder can be written");
        folder
    }

    /// A package with this script as its program, and a service like the real one.
    fn package(folder: &Path, name: &str, program: &str, script: &str) {
        let root = folder.join(format!("{name}.root"));
        for (file, text) in [
            (
                "DEBIAN/control".to_owned(),
                format!(
                    "Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: a test <a@b>\n\
                     Description: a test\n"
                ),
            ),
            (format!("usr/bin/{program}"), script.to_owned()),
            (
                format!("lib/systemd/system/{program}.service"),
                "[Unit]\n".to_owned(),
            ),
        ] {
            let file = root.join(file);
            fs::create_dir_all(file.parent().expect("a folder")).expect("folders can be made");
            fs::write(&file, text).expect("files can be written");
        }
        let executable = fs::Permissions::from_mode(0o755);
        let program = root.join("usr/bin").join(program);
        fs::set_permissions(program, executable).expect("the file is ours");
        let built = Command::new("dpkg-deb")
            .args(["--build", "--root-owner-group"])
            .arg(&root)
            .arg(folder.join(format!("{name}.deb")))
            .output()
            .expect("dpkg-deb runs");
        assert!(built.status.success(), "{built:?}");
        fs::remove_dir_all(root).expect("the folder is ours");
    }

    /// Whether dpkg-deb is available; prints a note if not.
    fn can_build() -> bool {
        let can = proc::on_path("dpkg-deb").is_some();
        if !can {
            eprintln!("skipped: dpkg-deb is not available");
        }
        can
    }

    fn names(folder: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder).expect("the folder exists");
        let mut names: Vec<_> = entries
            .map(|entry| {
                entry
                    .expect("an entry")
                    .file_name()
                    .to_string_lossy()
                    .into_owned()
            })
            .collect();
        names.sort();
        names
    }

    #[test]
    fn only_the_programs_are_unpacked() {
        if !can_build() {
            return;
        }
        let (from, target) = (folder("packages"), folder("programs"));
        package(
            &from,
            SERVER,
            "etcd",
            "#!/bin/sh\necho etcd Version: 3.4.23\n",
        );
        package(
            &from,
            CLIENT,
            "etcdctl",
            "#!/bin/sh\necho etcdctl version: 3.4.23\n",
        );
        let version = extract(&Job::new("a test"), &from, &WANTED, &target).expect("both exist");
        assert_eq!(
            version.map(|version| version.to_string()).as_deref(),
            Some("3.4.23")
        );
        assert_eq!(names(&target), ["etcd", "etcdctl"]);
        let runs = proc::output(target.join("etcdctl"), &["version"]);
        assert_eq!(runs.as_deref(), Some("etcdctl version: 3.4.23"));
        for folder in [from, target] {
            fs::remove_dir_all(folder).expect("the folder is ours");
        }
    }

    #[test]
    fn a_package_for_another_architecture_is_refused() {
        if !can_build() {
            return;
        }
        let (from, target) = (folder("foreign"), folder("nothing"));
        package(&from, SERVER, "etcd", "#!/bin/sh\nexit 126\n");
        package(&from, CLIENT, "etcdctl", "#!/bin/sh\n");
        let error =
            extract(&Job::new("a test"), &from, &WANTED, &target).expect_err("it does not run");
        assert_eq!(
            error.to_string(),
            "the package etcd-server contains no etcd that runs on this machine"
        );
        assert!(names(&target).is_empty());
        for folder in [from, target] {
            fs::remove_dir_all(folder).expect("the folder is ours");
        }
    }
}
