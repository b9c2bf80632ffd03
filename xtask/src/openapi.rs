//! `cargo xtask openapi`: the OpenAPI document as a file in git, so that its changes are reviewed.

use std::fs;

use anyhow::{Context as _, Result, bail};

use crate::{paths, proc, say};

/// Writes `gateway/openapi.json` from the handlers, or with `check` fails if it differs.
pub(crate) fn run(check: bool) -> Result<()> {
    let file = paths::root().join("gateway/openapi.json");
    let mut command = proc::cargo();
    command.args([
        "run",
        "--quiet",
        "--package",
        "gateway",
        "--bin",
        "watchgate",
        "--",
        "openapi",
    ]);
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .context("run the gateway")?;
    if !output.status.success() {
        bail!("`watchgate openapi` failed: {}", output.status);
    }
    let fresh = format!(
        "{}\n",
        String::from_utf8(output.stdout)
            .context("the document is not UTF-8")?
            .trim_end()
    );
    let kept = fs::read_to_string(&file).unwrap_or_default();
    if kept == fresh {
        return Ok(());
    }
    if check {
        let line = kept
            .lines()
            .zip(fresh.lines())
            .take_while(|(kept, fresh)| kept == fresh)
            .count()
            + 1;
        bail!(
            "gateway/openapi.json:{line}: differs from the handlers\n  \
             if the change is intended, type: cargo xtask openapi"
        );
    }
    fs::write(&file, fresh).with_context(|| format!("write {}", file.display()))?;
    say::line("Wrote gateway/openapi.json");
    Ok(())
}
