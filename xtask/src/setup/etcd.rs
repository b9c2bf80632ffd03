//! etcd and etcdctl: the ones on PATH, else built from their Go modules, else the line to type.
//!
//! `go install` refuses etcd's modules (they carry replace directives), so a small module of our own
//! imports their main packages. Go's own caches are the only other thing that grows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use super::job::{Item, Job, Lane};
use super::system::{self, System};
use super::{For, build_folder};
use crate::{paths, proc};

/// What is built where there is none.
const VERSION: &str = "3.7.3";

/// The oldest minor that has what the gateway asks for.
const OLDEST: (u32, u32) = (3, 4);

/// The first etcd that is new enough: on PATH, then in the tool folder.
pub(super) fn find() -> Option<PathBuf> {
    folders().find_map(|folder| {
        let server = proc::in_folder(&folder, "etcd")?;
        let minor = minor_of(&proc::output(&server, &["--version"])?)?;
        (minor >= OLDEST).then_some(server)
    })
}

fn find_etcdctl() -> Option<PathBuf> {
    folders().find_map(|folder| proc::in_folder(&folder, "etcdctl"))
}

fn folders() -> impl Iterator<Item = PathBuf> {
    proc::path_folders()
        .into_iter()
        .chain(std::iter::once(paths::tools_bin()))
}

/// `etcd Version: 3.7.3` → (3, 7).
fn minor_of(version_text: &str) -> Option<(u32, u32)> {
    let version = version_text
        .lines()
        .find_map(|line| line.strip_prefix("etcd Version:"))?;
    let mut parts = version.trim().split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Adds what the purpose needs: the tests speak etcdctl as well.
pub(super) fn missing(purpose: For, items: &mut Vec<Item>) -> Result<()> {
    let server = find().is_none();
    let client = purpose == For::Tests && find_etcdctl().is_none();
    if !server && !client {
        return Ok(());
    }
    let what = if server { "etcd" } else { "etcdctl" };
    if proc::output("go", &["version"]).is_none() {
        bail!(
            "{what} is missing (on PATH and in .tools/bin), and there is no Go to build it with\n  {}",
            line_to_type()
        );
    }
    items.push(Item {
        name: if server {
            format!("etcd and etcdctl {VERSION}")
        } else {
            format!("etcdctl {VERSION}")
        },
        why: if server {
            "the database itself: none is on PATH"
        } else {
            "the tests compare with it: none is on PATH"
        },
        into: ".tools/bin, built by Go from its modules",
        estimate: "1 to 2 min on two cores",
        lane: Lane::Second,
        mend: format!("or take another way: {}", line_to_type()),
        install: Box::new(move |job| build(job, server)),
    });
    Ok(())
}

fn line_to_type() -> &'static str {
    match system::detect() {
        System::Debian => {
            "type: sudo apt-get install etcd-server etcd-client (or install Go, then run this again: https://go.dev/dl)"
        }
        System::Fedora => {
            "type: sudo dnf install golang (then run this again; etcd is built with it)"
        }
        System::Arch => "type: sudo pacman -S go (then run this again; etcd is built with it)",
        System::Alpine => "type: sudo apk add go (then run this again; etcd is built with it)",
        System::Mac => "type: brew install etcd",
        System::Windows => {
            "type: winget install GoLang.Go (then run this again; etcd is built with it)"
        }
        System::Other => {
            "put etcd 3.4 or newer on PATH, or install Go (https://go.dev/dl) and run this again"
        }
    }
}

/// The wrapper module; one for both programs, which share most of their packages.
const PROGRAMS: [(&str, &str); 2] = [
    (
        "etcd",
        "package main\n\nimport (\n\t\"os\"\n\n\t\"go.etcd.io/etcd/server/v3/etcdmain\"\n)\n\n\
         func main() { etcdmain.Main(os.Args) }\n",
    ),
    (
        "etcdctl",
        "package main\n\nimport \"go.etcd.io/etcd/etcdctl/v3/ctlv3\"\n\nfunc main() { ctlv3.MustStart() }\n",
    ),
];

fn build(job: &Job, server: bool) -> Result<()> {
    let folder = build_folder().join("etcd");
    // Half a module of an earlier try would be refused by `go mod init`.
    let _ = fs::remove_dir_all(&folder);
    let out = folder.join("out");
    fs::create_dir_all(&out).with_context(|| format!("create {}", out.display()))?;
    let programs = if server {
        &PROGRAMS[..]
    } else {
        &PROGRAMS[1..]
    };
    for (name, source) in programs {
        fs::create_dir_all(folder.join(name))?;
        fs::write(folder.join(name).join("main.go"), source)?;
    }
    job.run(go(&folder).args(["mod", "init", "watchgate.invalid/etcd"]))?;
    let modules = ["go.etcd.io/etcd/server/v3", "go.etcd.io/etcd/etcdctl/v3"]
        .map(|module| format!("{module}@v{VERSION}"));
    job.note("fetching modules");
    job.run(go(&folder).arg("get").args(&modules))?;
    job.run(go(&folder).args(["mod", "tidy"]))?;
    job.note("compiling");
    // Stripped, and without cgo, as the official builds are.
    job.run(
        go(&folder)
            .env("CGO_ENABLED", "0")
            .args(["build", "-trimpath", "-ldflags", "-s -w", "-o"])
            .arg(&out)
            .arg("./..."),
    )?;
    for (name, _) in programs {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        fs::rename(out.join(&file), paths::tools_bin().join(&file))
            .with_context(|| format!("move {file} into .tools/bin"))?;
    }
    Ok(())
}

fn go(folder: &Path) -> Command {
    let mut command = Command::new("go");
    // A go.work or a vendoring flag of the surroundings is none of this module's business.
    command
        .current_dir(folder)
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=mod -buildvcs=false");
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minor_is_read_from_what_etcd_prints() {
        for (text, minor) in [
            ("etcd Version: 3.7.3\nGit SHA: Not provided\n", Some((3, 7))),
            ("etcd Version: 3.4.23\nGit SHA: abc", Some((3, 4))),
            ("etcd Version: 3.6.0-rc.5", Some((3, 6))),
            ("something else", None),
        ] {
            assert_eq!(minor_of(text), minor, "{text}");
        }
    }
}
