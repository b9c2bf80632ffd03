//! Packages made for the test, unpacked.

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
    let error = extract(&Job::new("a test"), &from, &WANTED, &target)
        .expect_err("the program does not run");
    assert_eq!(
        error.to_string(),
        "the package etcd-server contains no etcd that runs on this machine"
    );
    assert!(names(&target).is_empty());
    for folder in [from, target] {
        fs::remove_dir_all(folder).expect("the folder is ours");
    }
}
