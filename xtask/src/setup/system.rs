//! Detects the operating system, for the command to type if something must come from its package manager.

use std::process::Command;

use crate::proc;

/// The systems whose install command is known.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum System {
    Debian,
    Fedora,
    Arch,
    Alpine,
    Mac,
    Windows,
    Other,
}

/// The system of this machine.
pub(super) fn detect() -> System {
    if cfg!(target_os = "macos") {
        return System::Mac;
    }
    if cfg!(windows) {
        return System::Windows;
    }
    from_os_release(&std::fs::read_to_string("/etc/os-release").unwrap_or_default())
}

fn from_os_release(text: &str) -> System {
    let ids = text
        .lines()
        .filter_map(|line| {
            line.strip_prefix("ID=")
                .or_else(|| line.strip_prefix("ID_LIKE="))
        })
        .flat_map(|ids| ids.trim_matches('"').split_whitespace());
    for id in ids {
        match id {
            "debian" | "ubuntu" => return System::Debian,
            "fedora" | "rhel" | "centos" => return System::Fedora,
            "arch" => return System::Arch,
            "alpine" => return System::Alpine,
            _ => {}
        }
    }
    System::Other
}

/// Whether this system has Debian's packages, which any user may unpack.
pub(super) fn has_packages() -> bool {
    detect() == System::Debian
        && proc::on_path("apt-get").is_some()
        && proc::on_path("dpkg-deb").is_some()
}

/// Whether we may install Debian packages ourselves.
pub(super) fn can_apt() -> bool {
    detect() == System::Debian && proc::on_path("apt-get").is_some() && is_root()
}

fn is_root() -> bool {
    proc::output("id", &["-u"]).as_deref() == Some("0")
}

/// `apt-get install`, non-interactive and without recommended packages.
pub(super) fn apt_install(package: &str) -> Command {
    let mut command = Command::new("apt-get");
    command.env("DEBIAN_FRONTEND", "noninteractive");
    command.args(["install", "-y", "--no-install-recommends", package]);
    command
}

/// `apt-get update`.
pub(super) fn apt_update() -> Command {
    let mut command = Command::new("apt-get");
    command.args(["update", "-q"]);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derived_systems_are_detected_by_id_like() {
        for (text, system) in [
            ("PRETTY_NAME=\"x\"\nID=debian\n", System::Debian),
            ("ID=linuxmint\nID_LIKE=\"ubuntu debian\"\n", System::Debian),
            (
                "ID=\"rocky\"\nID_LIKE=\"rhel centos fedora\"\n",
                System::Fedora,
            ),
            ("ID=alpine", System::Alpine),
            ("ID=void", System::Other),
            ("", System::Other),
        ] {
            assert_eq!(from_os_release(text), system, "{text}");
        }
    }
}
