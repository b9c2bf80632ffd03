//! Trunk and wasm-bindgen's command line, built by cargo into the tool folder.
//!
//! A tool of the right version on PATH is used as it is. Ours are built unoptimised: wasm-bindgen then
//! takes three seconds more per run, but two minutes of two cores less to build. They are built without
//! their downloaders: Trunk runs offline here.

use std::path::PathBuf;

use anyhow::{Result, anyhow};

use super::locked_version;
use crate::job::{Item, Job, Lane, build_folder};
use crate::{paths, proc};

/// The newest Trunk for our toolchain.
const TRUNK: &str = "0.21.14";

struct Tool {
    package: &'static str,
    program: &'static str,
    version: String,
    why: &'static str,
    estimate: &'static str,
    /// Its lane, chosen so that both lanes take about the same time.
    lane: Lane,
    /// Whether the package's own lock file can be used.
    locked: bool,
}

fn tools() -> Result<[Tool; 2]> {
    Ok([
        Tool {
            package: "trunk",
            program: "trunk",
            version: TRUNK.to_owned(),
            why: "bundles the dashboard",
            estimate: "about 4 min on two cores",
            lane: Lane::First,
            locked: true,
        },
        Tool {
            package: "wasm-bindgen-cli",
            program: "wasm-bindgen",
            // The two halves of wasm-bindgen work together only in exactly the same version.
            version: locked_version("wasm-bindgen")?,
            why: "joins WebAssembly and JavaScript, at exactly the lock file's version",
            estimate: "about 1 min on two cores",
            lane: Lane::Second,
            // 0.2.130's lock file lacks an entry of its own workspace.
            locked: false,
        },
    ])
}

impl Tool {
    /// The tool in the tool folder, or one of the right version on PATH.
    fn find(&self) -> Option<PathBuf> {
        std::iter::once(paths::tools_bin())
            .chain(proc::path_folders())
            .filter_map(|folder| proc::in_folder(&folder, self.program))
            .find(|file| {
                proc::output(file, &["--version"])
                    .is_some_and(|text| text.split_whitespace().any(|word| word == self.version))
            })
    }

    fn install(&self, job: &Job) -> Result<()> {
        let mut command = proc::cargo();
        command
            .args([
                "install",
                self.package,
                "--version",
                &format!("={}", self.version),
            ])
            .args([
                "--bin",
                self.program,
                "--no-default-features",
                "--force",
                "--root",
            ])
            .arg(paths::tools())
            .env("CARGO_TARGET_DIR", build_folder().join(self.package))
            .env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0")
            .env("CARGO_PROFILE_RELEASE_LTO", "off")
            .env("CARGO_PROFILE_RELEASE_CODEGEN_UNITS", "16")
            .env("CARGO_PROFILE_RELEASE_DEBUG", "0");
        if self.locked {
            command.arg("--locked");
        }
        job.run(&mut command)
    }
}

/// Adds the missing tools.
pub(super) fn add_missing(items: &mut Vec<Item>) -> Result<()> {
    for tool in tools()? {
        if tool.find().is_some() {
            continue;
        }
        items.push(Item {
            id: tool.program,
            name: format!("{} {}", tool.package, tool.version),
            why: tool.why,
            into: ".tools/bin".to_owned(),
            estimate: tool.estimate,
            lane: tool.lane,
            after: &[],
            hint: format!(
                "try manually: cargo install {} --version {} --root .tools",
                tool.package, tool.version
            ),
            install: Box::new(move |job| tool.install(job)),
        });
    }
    Ok(())
}

/// The paths of both tools, by program name.
pub(super) fn find_all() -> Result<Vec<(&'static str, PathBuf)>> {
    tools()?
        .iter()
        .map(|tool| {
            let file = tool.find().ok_or_else(|| {
                anyhow!(
                    "{} {} is missing\n  type: cargo xtask setup",
                    tool.program,
                    tool.version
                )
            })?;
            Ok((tool.program, file))
        })
        .collect()
}
