//! etcd and etcdctl from their Go modules.
//!
//! `go install` refuses etcd's modules (they carry replace directives), so a small module of our own
//! imports their main packages. Go's own caches are the only other thing that grows.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result};

use super::Version;
use crate::job::{Job, build_folder};
use crate::proc;

/// Whether Go is available.
pub(super) fn present() -> bool {
    proc::output("go", &["version"]).is_some()
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

/// Builds both (without `server` only etcdctl) into `target`.
pub(super) fn build(job: &Job, version: Version, server: bool, target: &Path) -> Result<()> {
    let folder = build_folder().join("etcd");
    // `go mod init` would refuse an incomplete module of an earlier attempt.
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
        .map(|module| format!("{module}@v{version}"));
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
    fs::create_dir_all(target).with_context(|| format!("create {}", target.display()))?;
    for (name, _) in programs {
        let file = format!("{name}{}", std::env::consts::EXE_SUFFIX);
        fs::rename(out.join(&file), target.join(&file))
            .with_context(|| format!("move {file} into {}", target.display()))?;
    }
    Ok(())
}

fn go(folder: &Path) -> Command {
    let mut command = Command::new("go");
    // A surrounding go.work or a vendoring flag must not affect this module.
    command
        .current_dir(folder)
        .env("GOWORK", "off")
        .env("GOFLAGS", "-mod=mod -buildvcs=false");
    command
}
