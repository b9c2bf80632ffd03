//! The components of the Rust toolchain: the WASM target, and for the tests rustfmt and clippy.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, bail};

use super::{Purpose, system};
use crate::job::{Item, Lane};
use crate::proc;

/// The dashboard's compilation target.
pub(crate) const TARGET: &str = "wasm32-unknown-unknown";

/// Adds the missing components.
pub(super) fn add_missing(purpose: Purpose, items: &mut Vec<Item>) -> Result<()> {
    if !has_target() {
        need_rustup(TARGET, target_line())?;
        items.push(rustup(
            ["target", "add", TARGET],
            "the dashboard's compilation target",
        ));
    }
    if purpose.tests() {
        for (component, program) in [("rustfmt", "cargo-fmt"), ("clippy", "cargo-clippy")] {
            if proc::output(program, &["--version"]).is_none() {
                need_rustup(component, "install it from the same source as your cargo")?;
                items.push(rustup(
                    ["component", "add", component],
                    "part of the checks",
                ));
            }
        }
    }
    Ok(())
}

/// Whether the target's libraries are installed, by the compiler's library folder: fast, and works without
/// rustup.
fn has_target() -> bool {
    proc::output("rustc", &["--print", "target-libdir", "--target", TARGET])
        .is_some_and(|folder| Path::new(&folder).is_dir())
}

fn need_rustup(what: &str, line: &str) -> Result<()> {
    if proc::on_path("rustup").is_some() {
        return Ok(());
    }
    bail!("{what} is missing, and rustup is not available to add it\n  {line}")
}

/// The command to type if Rust comes from the system's packages.
fn target_line() -> &'static str {
    match system::detect() {
        system::System::Debian => "type: sudo apt-get install libstd-rust-dev-wasm32",
        system::System::Fedora => "type: sudo dnf install rust-std-static-wasm32-unknown-unknown",
        system::System::Arch => "type: sudo pacman -S rust-wasm",
        system::System::Alpine => "type: sudo apk add rust-wasm",
        _ => "install Rust with rustup (https://rustup.rs) and run this again",
    }
}

fn rustup(args: [&'static str; 3], why: &'static str) -> Item {
    Item {
        id: args[2],
        name: args[2].to_owned(),
        why,
        into: "your Rust toolchain, by rustup".to_owned(),
        estimate: "seconds",
        lane: Lane::Quick,
        after: &[],
        hint: format!("try manually: rustup {}", args.join(" ")),
        install: Box::new(move |job| job.run(Command::new("rustup").args(args))),
    }
}
