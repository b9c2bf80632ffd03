//! axe-core, which checks the dashboard's accessibility. Only for the browser tests, and only if npm is
//! available: without it those tests report that they are skipped.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::job::{Item, Lane};
use crate::{paths, proc, say};

/// Pinned, since another version may report other violations.
const VERSION: &str = "4.14.1";

/// Where the tests look for it.
fn file() -> PathBuf {
    paths::tools().join("axe-core/axe.min.js")
}

/// Whether it is installed in this version, which its first line names.
fn is_installed() -> bool {
    fs::read_to_string(file()).is_ok_and(|script| {
        let first = script.lines().next().unwrap_or_default();
        first.starts_with(&format!("/*! axe v{VERSION}"))
    })
}

/// Adds it if it is missing; without npm, reports that accessibility is not tested.
pub(super) fn add_missing(items: &mut Vec<Item>) {
    if is_installed() {
        return;
    }
    if proc::on_path("npm").is_none() {
        say::line(
            "axe-core is missing, and npm is not available to download it: accessibility is not tested\n  \
             to test it, install Node.js with npm",
        );
        return;
    }
    items.push(Item {
        id: "axe-core",
        name: format!("axe-core {VERSION}"),
        why: "checks the dashboard's accessibility in the browser tests",
        into: ".tools/axe-core".to_owned(),
        estimate: "seconds",
        lane: Lane::Quick,
        after: &[],
        hint: format!("try manually: npm pack axe-core@{VERSION}"),
        install: Box::new(|job| {
            let folder = paths::tools().join("axe-core");
            fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
            let package = format!("axe-core@{VERSION}");
            // npm verifies the package against the checksum in its registry.
            let pack = ["pack", "--ignore-scripts", "--silent", &package];
            job.run(Command::new("npm").args(pack).current_dir(&folder))?;
            let archive = format!("axe-core-{VERSION}.tgz");
            let unpack = ["-xzf", &archive, "--strip-components=1"];
            job.run(
                Command::new("tar")
                    .args(unpack)
                    .args(["package/axe.min.js", "package/LICENSE"])
                    .current_dir(&folder),
            )?;
            let archive = folder.join(archive);
            fs::remove_file(&archive).with_context(|| format!("remove {}", archive.display()))?;
            if !is_installed() {
                bail!("{} is not axe-core {VERSION}", file().display());
            }
            Ok(())
        }),
    });
}
