//! protoc with its well-known includes, which etcd-client's build script needs.
//!
//! The binaries are in a crate that cargo has fetched already, so this only copies them.
//! `.cargo/config.toml` points PROTOC at it; a PROTOC of the user's own wins.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, anyhow, bail};

use crate::job::{Item, Lane};
use crate::{paths, proc};

/// Adds the copy if it is missing, incomplete or of another version.
pub(super) fn add_missing(items: &mut Vec<Item>) -> Result<()> {
    let target = paths::tools().join("protoc");
    let copy = target.join("bin/protoc");
    if let Some(chosen) = proc::env_var("PROTOC").map(PathBuf::from)
        && !same_file(&chosen, &copy)
    {
        if proc::output(&chosen, &["--version"]).is_none() {
            bail!(
                "PROTOC is {}, which cannot be run\n  type: unset PROTOC",
                chosen.display()
            );
        }
        return Ok(());
    }
    let Ok(binary) = protoc_bin_vendored::protoc_bin_path() else {
        if proc::env_var("PROTOC").is_some_and(|file| Path::new(&file).is_file()) {
            return Ok(());
        }
        bail!(
            "there is no prebuilt protoc for this platform\n  \
             install protobuf-compiler with its includes and type: export PROTOC=$(command -v protoc)"
        );
    };
    let includes = protoc_bin_vendored::include_path().map_err(|error| anyhow!("{error}"))?;
    if same_size(&binary, &copy)
        && target
            .join("include/google/protobuf/descriptor.proto")
            .is_file()
    {
        return Ok(());
    }
    items.push(Item {
        id: "protoc",
        name: "protoc".to_owned(),
        why: "etcd-client's build script compiles etcd's protocol with it",
        into: ".tools/protoc".to_owned(),
        estimate: "immediate",
        lane: Lane::Quick,
        after: &[],
        hint: "try again: cargo xtask setup".to_owned(),
        install: Box::new(move |_| install(&binary, &includes, &target)),
    });
    Ok(())
}

fn install(binary: &Path, includes: &Path, target: &Path) -> Result<()> {
    fs::create_dir_all(target.join("bin"))
        .with_context(|| format!("create {}", target.display()))?;
    copy_tree(includes, &target.join("include"))?;
    // Last, since the next check compares its size.
    let copy = target.join("bin/protoc");
    fs::copy(binary, &copy).with_context(|| format!("write {}", copy.display()))?;
    make_executable(&copy)
}

fn copy_tree(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to).with_context(|| format!("create {}", to.display()))?;
    for entry in fs::read_dir(from).with_context(|| format!("read {}", from.display()))? {
        let entry = entry?;
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy_tree(&entry.path(), &target)?;
        } else {
            fs::copy(entry.path(), &target)
                .with_context(|| format!("write {}", target.display()))?;
        }
    }
    Ok(())
}

#[cfg(unix)]
fn make_executable(file: &Path) -> Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(file, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

#[cfg(not(unix))]
fn make_executable(_: &Path) -> Result<()> {
    Ok(())
}

fn same_size(a: &Path, b: &Path) -> bool {
    matches!((a.metadata(), b.metadata()), (Ok(a), Ok(b)) if a.len() == b.len())
}

/// Whether both paths name the same file; they may contain symbolic links.
fn same_file(a: &Path, b: &Path) -> bool {
    let plain = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
    plain(a) == plain(b)
}
