//! `cargo xtask build` and `cargo xtask run`: the product, with the dashboard inside.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;
use std::time::Instant;

use anyhow::Result;

use crate::job::{Item, Lane};
use crate::{paths, proc, say, setup, ui};

/// Sets up, builds the dashboard and the gateway with it; returns the binary's path.
pub(crate) fn build(profile: ui::Profile) -> Result<PathBuf> {
    setup::run_with(setup::Purpose::Run, |items| {
        if let Some([code, bundle]) = ui::items(profile) {
            // Before the tools: its last crate keeps a single core busy for a minute.
            items.insert(0, code);
            items.push(bundle);
        }
        items.push(gateway_without_dashboard(profile));
    })?;
    ui::build(profile)?;
    gateway(profile)
}

/// The part of the gateway that can be built before the dashboard: for a release, which embeds the
/// dashboard, only the library.
fn gateway_without_dashboard(profile: ui::Profile) -> Item {
    let what: &[&str] = match profile {
        ui::Profile::Release => &["--lib"],
        ui::Profile::Demo | ui::Profile::Debug => &["--bin", "watchgate"],
    };
    Item {
        id: "gateway",
        name: "the gateway".to_owned(),
        why: "the part that does not need the dashboard",
        into: "target".to_owned(),
        estimate: "about 4 min on two cores",
        lane: Lane::Second,
        after: &["protoc"],
        hint: "try again: cargo xtask build".to_owned(),
        install: Box::new(move |job| job.run(cargo_build(profile).args(what))),
    }
}

/// Builds the gateway with the existing dashboard.
pub(crate) fn gateway(profile: ui::Profile) -> Result<PathBuf> {
    proc::run(
        cargo_build(profile).args(["--bin", "watchgate"]),
        "the compiler's message is above; try again: cargo xtask build",
    )?;
    Ok(binary(profile))
}

fn cargo_build(profile: ui::Profile) -> Command {
    let mut command = proc::cargo();
    command.args(["build", "--package", "gateway"]);
    match profile {
        ui::Profile::Release => command.arg("--release"),
        ui::Profile::Demo | ui::Profile::Debug => &mut command,
    };
    command
}

fn binary(profile: ui::Profile) -> PathBuf {
    let folder = match profile {
        ui::Profile::Release => "release",
        ui::Profile::Demo | ui::Profile::Debug => "debug",
    };
    let target = proc::env_var("CARGO_TARGET_DIR")
        .map_or_else(|| paths::root().join("target"), PathBuf::from);
    paths::root()
        .join(target)
        .join(folder)
        .join(format!("watchgate{}", std::env::consts::EXE_SUFFIX))
}

/// `cargo xtask build`.
pub(crate) fn build_command(profile: ui::Profile) -> Result<()> {
    let started = Instant::now();
    let binary = build(profile)?;
    let shown = binary.strip_prefix(paths::root()).unwrap_or(&binary);
    say::line(format!(
        "Built {} in {}",
        shown.display(),
        say::took(started)
    ));
    Ok(())
}

/// `cargo xtask run [-- flags]`: the demo, unless the flags name a cluster or a subcommand.
pub(crate) fn run(profile: ui::Profile, mut flags: Vec<OsString>) -> Result<()> {
    let started = Instant::now();
    let binary = build(profile)?;
    if wants_demo(&flags, |name| proc::env_var(name).is_some()) {
        flags.insert(0, "--demo".into());
    }
    say::line(format!("Ready to start after {}", say::took(started)));
    let mut command = Command::new(&binary);
    command.args(&flags).env("PATH", setup::etcd_path());
    exec(&mut command)
}

/// No demo with a cluster, a config file or a subcommand; the first two may also come from the
/// environment.
fn wants_demo(flags: &[OsString], is_set: impl Fn(&str) -> bool) -> bool {
    let first_is_word = flags
        .first()
        .is_some_and(|flag| !flag.to_string_lossy().starts_with('-'));
    let excludes_demo = |flag: &OsString| {
        let flag = flag.to_string_lossy();
        let name = flag.split('=').next().unwrap_or_default();
        matches!(
            name,
            "--etcd"
                | "--etcd-config"
                | "--config"
                | "--demo"
                | "--help"
                | "-h"
                | "--version"
                | "-V"
        )
    };
    let variables = [
        "WATCHGATE_ETCD",
        "WATCHGATE_ETCD_CONFIG",
        "WATCHGATE_CONFIG",
    ];
    !first_is_word && !flags.iter().any(excludes_demo) && !variables.into_iter().any(is_set)
}

/// Replaces this process, so that signals reach the gateway itself and its exit code is ours.
#[cfg(unix)]
fn exec(command: &mut Command) -> Result<()> {
    use std::os::unix::process::CommandExt as _;
    let shown = proc::show(command);
    Err(anyhow::Error::from(command.exec()).context(format!("start `{shown}`")))
}

#[cfg(not(unix))]
fn exec(command: &mut Command) -> Result<()> {
    let status = command.status()?;
    std::process::exit(status.code().unwrap_or(1));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_demo_starts_unless_the_flags_name_a_cluster() {
        for (flags, demo) in [
            (&[][..], true),
            (&["--listen", "127.0.0.1:0"], true),
            (&["--etcd", "http://127.0.0.1:2379"], false),
            (&["--etcd=http://127.0.0.1:2379"], false),
            (&["--members", "3"], true),
            (&["--config", "w.toml"], false),
            (&["--etcd-config", "etcd.yml"], false),
            (&["--demo"], false),
            (&["doctor"], false),
        ] {
            let flags: Vec<OsString> = flags.iter().map(Into::into).collect();
            assert_eq!(wants_demo(&flags, |_| false), demo, "{flags:?}");
        }
    }

    #[test]
    fn the_environment_may_name_a_cluster() {
        for (variable, demo) in [
            ("WATCHGATE_LISTEN", true),
            ("WATCHGATE_ETCD", false),
            ("WATCHGATE_ETCD_CONFIG", false),
            ("WATCHGATE_CONFIG", false),
        ] {
            assert_eq!(wants_demo(&[], |name| name == variable), demo, "{variable}");
        }
    }
}
