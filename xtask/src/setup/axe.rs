//! axe-core, which checks the dashboard for what keeps people with a disability out. For the browser tests
//! only, and only where npm is: without it they say so and run the others.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};

use crate::job::{Item, Lane};
use crate::{paths, proc, say};

/// Another version may find other things: raised on purpose.
const VERSION: &str = "4.14.1";

/// Where the tests look for it.
fn file() -> PathBuf {
    paths::tools().join("axe-core/axe.min.js")
}

/// Whether it is there, in this version: it says so in its first line.
fn is_there() -> bool {
    fs::read_to_string(file()).is_ok_and(|script| {
        let first = script.lines().next().unwrap_or_default();
        first.starts_with(&format!("/*! axe v{VERSION}"))
    })
}

/// Adds it where npm can fetch it; says what is left out where there is no npm.
pub(super) fn missing(items: &mut Vec<Item>) {
    if is_there() {
        return;
    }
    if proc::on_path("npm").is_none() {
        say::line(
            "axe-core is missing and there is no npm to fetch it with: accessibility is not tested\n  \
             install Node.js with npm for it",
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
        hint: format!("try by hand: npm pack axe-core@{VERSION}"),
        install: Box::new(|job| {
            let folder = paths::tools().join("axe-core");
            fs::create_dir_all(&folder).with_context(|| format!("create {}", folder.display()))?;
            let package = format!("axe-core@{VERSION}");
            // npm compares the package with the checksum that its registry has.
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
            if !is_there() {
                bail!("{} is not axe-core {VERSION}", file().display());
            }
            Ok(())
        }),
    });
}
