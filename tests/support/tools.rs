//! The programs that the tests run: etcd and etcdctl from PATH or `.tools/bin`, and our own binary.
//!
//! To test another version of etcd, put it first on PATH (`cargo xtask test --etcd VERSION`).
//! Tests whose expectations depend on the server call [`etcd_version`] and name the versions.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("the tests' folder is in the repository")
}

/// `etcd`.
pub fn etcd() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| find("etcd", "--version"))
}

/// `etcdctl`.
pub fn etcdctl() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| find("etcdctl", "version"))
}

/// A version of etcd, such as `(3, 7, 3)`.
pub type Version = (u32, u32, u32);

/// The version of the etcd under test.
pub fn etcd_version() -> Version {
    static FOUND: OnceLock<Version> = OnceLock::new();
    *FOUND.get_or_init(|| {
        let output = Command::new(etcd())
            .arg("--version")
            .stdin(Stdio::null())
            .output()
            .expect("etcd was found and runs");
        let output = String::from_utf8_lossy(&output.stdout).into_owned();
        parse_version(&output).unwrap_or_else(|| panic!("`etcd --version` prints {output}"))
    })
}

/// The first revision that a watch delivers after a compaction at `compacted`.
///
/// Before 3.4.36 and 3.5.18 etcd may omit a delete at exactly that revision, so the gateway resumes
/// after it.
pub fn first_after_compaction(compacted: i64) -> i64 {
    match etcd_version() {
        (3, 4, ..36) | (3, 5, ..18) => compacted + 1,
        _ => compacted,
    }
}

/// Count and size of the entries of one revision that is watched with previous entries. The arguments,
/// or the same bytes in fewer entries where etcd's time grows with the square of the count.
///
/// 3.4 needs 15 s for 10,000 deletes and a minute for 20,000, for any client (etcdctl, too).
pub fn workload_with_prev(count: usize, size: usize) -> (usize, usize) {
    let fewer = count.min(2_500);
    if etcd_version() < (3, 5, 0) {
        (fewer, count * size / fewer)
    } else {
        (count, size)
    }
}

/// Parses the line `etcd Version: 3.7.3`, with any suffix.
fn parse_version(output: &str) -> Option<Version> {
    let mut lines = output.lines();
    let version = lines.find_map(|line| line.strip_prefix("etcd Version:"))?;
    let gateway::etcd::Version(major, minor, patch) = version.parse().ok()?;
    Some((major, minor, patch))
}

fn find(name: &str, version: &str) -> PathBuf {
    let ours = root().join(".tools/bin").join(name);
    for candidate in [PathBuf::from(name), ours] {
        let ran = Command::new(&candidate)
            .arg(version)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        match ran {
            Ok(_) => return candidate,
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => panic!("{} does not run: {error}", candidate.display()),
        }
    }
    panic!("no {name} on PATH or in .tools/bin: run `cargo xtask setup --tests`");
}

/// A proxy that `docs/DEPLOY.md` describes, from PATH or where set-up unpacked it. `None`, with a line of
/// output that says so, on a system without Debian packages.
pub fn proxy(name: &str) -> Option<Command> {
    let unpacked = root().join(".tools/proxies");
    let ours = ["usr/sbin", "usr/bin"].map(|folder| unpacked.join(folder).join(name));
    let folders: Vec<PathBuf> = std::env::split_paths(&path_variable()).collect();
    let mut on_path = folders.iter().map(|folder| folder.join(name));
    if let Some(program) = on_path.find(|program| program.is_file()) {
        return Some(Command::new(program));
    }
    if let Some(program) = ours.into_iter().find(|program| program.is_file()) {
        let mut command = Command::new(program);
        // Libraries that this system lacks are next to the program.
        let libraries = std::fs::read_dir(unpacked.join("usr/lib"));
        let libraries = libraries.into_iter().flatten().flatten();
        let libraries = std::env::join_paths(libraries.map(|entry| entry.path()));
        command.env(
            "LD_LIBRARY_PATH",
            libraries.expect("no library path has a colon"),
        );
        return Some(command);
    }
    let has_packages = folders
        .iter()
        .any(|folder| folder.join("dpkg-deb").is_file());
    assert!(
        !has_packages,
        "no {name} on PATH or in .tools/proxies: run `cargo xtask setup --tests`"
    );
    eprintln!("skipped: no {name}, and this system has no Debian packages");
    None
}

/// The `watchgate` binary of this build.
///
/// Cargo does not build another package's binaries for a test, so the binary beside the test is used,
/// which must be as new as each of its source files.
pub fn watchgate() -> &'static Path {
    static FOUND: OnceLock<PathBuf> = OnceLock::new();
    FOUND.get_or_init(|| {
        let test = std::env::current_exe().expect("a running test has a file");
        let folder = test
            .ancestors()
            .nth(2)
            .expect("tests are in target/<profile>/deps");
        let binary = folder.join("watchgate");
        if let Err(reason) = fresh(&binary) {
            panic!("{reason}: run `cargo build -p gateway` first");
        }
        binary
    })
}

/// Fails if the binary is older than a file that its `.d` file names.
fn fresh(binary: &Path) -> Result<(), String> {
    let modified = |path: &Path| path.metadata().and_then(|about| about.modified());
    let built = modified(binary).map_err(|_| format!("{} is missing", binary.display()))?;
    let list = binary.with_extension("d");
    let list =
        std::fs::read_to_string(&list).map_err(|_| format!("{} is missing", list.display()))?;
    let (_, files) = list.split_once(": ").unwrap_or_default();
    // Spaces in a path are escaped; no path of ours has one that matters here.
    for file in files.split_whitespace().map(Path::new) {
        if file.extension().is_some_and(|kind| kind == "rs")
            && modified(file).is_ok_and(|changed| changed > built)
        {
            return Err(format!(
                "{} is newer than {}",
                file.display(),
                binary.display()
            ));
        }
    }
    Ok(())
}

/// PATH of this process.
#[expect(
    clippy::disallowed_methods,
    reason = "the binary under test needs the same folders"
)]
pub fn path_variable() -> std::ffi::OsString {
    std::env::var_os("PATH").unwrap_or_default()
}
