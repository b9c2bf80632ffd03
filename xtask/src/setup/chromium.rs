//! Chromium, for the browser tests only.

use std::path::PathBuf;

use anyhow::{Result, bail};

use super::system::{self, System};
use crate::job::{Item, Lane};
use crate::proc;

/// The names of its executable on different systems.
const NAMES: [&str; 4] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
];

/// The path of the Chromium on PATH.
fn find() -> Option<PathBuf> {
    NAMES.iter().find_map(|name| proc::on_path(name))
}

/// Adds Debian's package if Chromium is missing and we may install it.
pub(super) fn add_missing(items: &mut Vec<Item>) -> Result<()> {
    if find().is_some() {
        return Ok(());
    }
    if !system::can_apt() {
        bail!(
            "Chromium is missing; the browser tests need it\n  {}",
            install_command()
        );
    }
    items.push(Item {
        id: "chromium",
        name: "Chromium".to_owned(),
        why: "the browser tests need it",
        into: "the system, by apt-get".to_owned(),
        estimate: "about 1 min",
        lane: Lane::System,
        after: &[],
        hint: "try manually: apt-get update && apt-get install chromium".to_owned(),
        install: Box::new(|job| {
            // Package lists may be missing (a slim image) or old: update them before giving up.
            job.run(&mut system::apt_install("chromium")).or_else(|_| {
                job.run(&mut system::apt_update())?;
                job.run(&mut system::apt_install("chromium"))
            })
        }),
    });
    Ok(())
}

fn install_command() -> &'static str {
    match system::detect() {
        System::Debian => "type: sudo apt-get install chromium",
        System::Fedora => "type: sudo dnf install chromium",
        System::Arch => "type: sudo pacman -S chromium",
        System::Alpine => "type: sudo apk add chromium",
        System::Mac => "type: brew install --cask chromium",
        System::Windows => "type: winget install Google.Chrome, and put its folder on PATH",
        System::Other => "install Chromium or Chrome and put it on PATH as chromium",
    }
}
