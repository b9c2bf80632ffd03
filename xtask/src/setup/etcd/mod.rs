//! etcd and etcdctl: the ones on PATH, else built from their Go modules, else unpacked from the
//! system's packages, else the command to type. Another version for the tests goes to
//! `.tools/etcd/<version>`.

mod debian;
mod go;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Result, bail};

use super::Purpose;
use super::system::{self, System};
use crate::job::{Item, Job, Lane};
use crate::{paths, proc, say};

/// The version to build if none is found.
const VERSION: Version = Version(3, 7, 3);

/// The oldest minor version that the gateway supports.
const OLDEST: (u32, u32) = (3, 4);

/// The newest minor version that is end of life.
const END_OF_LIFE: (u32, u32) = (3, 4);

/// The first minor version whose programs are importable Go modules.
const FIRST_MODULES: (u32, u32) = (3, 5);

/// A released version of etcd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Version(u32, u32, u32);

impl Version {
    fn minor(self) -> (u32, u32) {
        (self.0, self.1)
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl FromStr for Version {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let numbers: Result<Vec<u32>, _> = text.split('.').map(str::parse).collect();
        match numbers.as_deref() {
            Ok(&[major, minor, patch]) => Ok(Self(major, minor, patch)),
            _ => Err("a version is three numbers, such as 3.6.16".to_owned()),
        }
    }
}

/// A version that the gateway works with, for the command line.
pub(crate) fn parse_usable(text: &str) -> Result<Version, String> {
    let version: Version = text.parse()?;
    if version.minor() < OLDEST {
        return Err("the gateway needs etcd 3.4 or newer".to_owned());
    }
    Ok(version)
}

/// The first etcd that is new enough: on PATH, then in the tool folder.
pub(super) fn find() -> Option<PathBuf> {
    folders().find_map(|folder| {
        let server = proc::in_folder(&folder, "etcd")?;
        let minor = minor_of(&proc::output(&server, &["--version"])?)?;
        (minor >= OLDEST).then_some(server)
    })
}

fn find_etcdctl() -> Option<PathBuf> {
    folders().find_map(|folder| proc::in_folder(&folder, "etcdctl"))
}

fn folders() -> impl Iterator<Item = PathBuf> {
    proc::path_folders()
        .into_iter()
        .chain(std::iter::once(paths::tools_bin()))
}

/// Where the programs of a version for the tests are.
pub(crate) fn folder_of(version: Version) -> PathBuf {
    paths::tools().join("etcd").join(version.to_string())
}

/// `etcd Version: 3.7.3` → `3.7.3`.
fn number_of(version_text: &str) -> Option<&str> {
    let version = version_text
        .lines()
        .find_map(|line| line.strip_prefix("etcd Version:"))?;
    Some(version.trim())
}

fn minor_of(version_text: &str) -> Option<(u32, u32)> {
    let mut parts = number_of(version_text)?.split('.');
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

fn version_of(version_text: &str) -> Option<Version> {
    number_of(version_text)?.parse().ok()
}

/// Adds what the purpose needs: the tests need etcdctl as well.
pub(super) fn add_missing(purpose: Purpose, items: &mut Vec<Item>) -> Result<()> {
    if let Purpose::TestsOn(version) = purpose {
        return add_missing_version(version, items);
    }
    let server = find().is_none();
    let client = purpose.tests() && find_etcdctl().is_none();
    if !server && !client {
        return Ok(());
    }
    let what = if server {
        "etcd and etcdctl"
    } else {
        "etcdctl"
    };
    let why = if server {
        "the database itself; not on PATH"
    } else {
        "the tests compare with it; not on PATH"
    };
    let hint = format!("alternatively: {}", install_command());
    if go::present() {
        items.push(Item {
            id: "etcd",
            name: format!("{what} {VERSION}"),
            why,
            into: ".tools/bin, built by Go from its modules".to_owned(),
            estimate: "1 to 2 min on two cores",
            lane: Lane::Second,
            after: &[],
            hint,
            install: Box::new(move |job| go::build(job, VERSION, server, &paths::tools_bin())),
        });
    } else if debian::present() {
        items.push(Item {
            id: "etcd",
            name: format!("{what} from this system's packages"),
            why,
            into: ".tools/bin, unpacked and not installed: no service is started".to_owned(),
            estimate: "seconds",
            lane: Lane::System,
            after: &[],
            hint,
            install: Box::new(move |job| {
                let bin = paths::tools_bin();
                let Some(version) = debian::unpack(job, server, &bin)? else {
                    return Ok(());
                };
                check_package_version(version).inspect_err(|_| {
                    // Otherwise this etcdctl would be found the next time.
                    for program in ["etcd", "etcdctl"] {
                        let _ = std::fs::remove_file(bin.join(program));
                    }
                })
            }),
        });
    } else {
        bail!(
            "{what} is missing (on PATH and in .tools/bin), and Go is not available to build it\n  {}",
            install_command()
        );
    }
    Ok(())
}

/// Checks the version of the system's package.
fn check_package_version(version: Version) -> Result<()> {
    if version.minor() < OLDEST {
        bail!("this system's package is etcd {version}; the gateway needs 3.4 or newer");
    }
    if let Some(warning) = end_of_life(version) {
        say::line(warning);
    }
    Ok(())
}

fn end_of_life(version: Version) -> Option<String> {
    (version.minor() <= END_OF_LIFE).then(|| {
        format!(
            "  warning: etcd {version} is end of life. For {VERSION}: install \
             Go (https://go.dev/dl), delete .tools/bin/etcd and .tools/bin/etcdctl, run this again"
        )
    })
}

/// Adds another version for the tests, if it is missing.
fn add_missing_version(version: Version, items: &mut Vec<Item>) -> Result<()> {
    let folder = folder_of(version);
    let server = proc::in_folder(&folder, "etcd")
        .and_then(|server| version_of(&proc::output(&server, &["--version"])?));
    if server == Some(version) && proc::in_folder(&folder, "etcdctl").is_some() {
        return Ok(());
    }
    let from_modules = version.minor() >= FIRST_MODULES;
    let into = format!(".tools/etcd/{version}");
    let name = format!("etcd and etcdctl {version}");
    let why = "the version to test on";
    if from_modules && go::present() {
        items.push(Item {
            id: "etcd",
            name,
            why,
            into: format!("{into}, built by Go from its modules"),
            estimate: "1 to 2 min on two cores",
            lane: Lane::Second,
            after: &[],
            hint: format!("does this version exist? or put both programs into {into} yourself"),
            install: Box::new(move |job| go::build(job, version, true, &folder)),
        });
    } else if debian::present() {
        items.push(Item {
            id: "etcd",
            name,
            why,
            into: format!("{into}, unpacked from this system's packages"),
            estimate: "seconds",
            lane: Lane::System,
            after: &[],
            hint: format!("or put both programs into {into} yourself"),
            install: Box::new(move |job| unpack_exactly(job, version, &folder)),
        });
    } else if from_modules {
        bail!(
            "etcd {version} must be built with Go, which is missing: https://go.dev/dl\n  \
             or put etcd and etcdctl into {into} yourself"
        );
    } else {
        bail!(
            "etcd {version} cannot be built from Go modules (they exist since 3.5); it is unpacked from \
             Debian's packages, on Debian only (Debian 12 has 3.4.23)\n  \
             put etcd and etcdctl into {into} yourself"
        );
    }
    Ok(())
}

fn unpack_exactly(job: &Job, version: Version, folder: &Path) -> Result<()> {
    let found = debian::unpack(job, true, folder)?;
    if found == Some(version) {
        return Ok(());
    }
    // In the wrong folder it would be accepted the next time.
    let _ = std::fs::remove_dir_all(folder);
    let found = found.map_or_else(
        || "of another version".to_owned(),
        |found| found.to_string(),
    );
    let need = if version.minor() >= FIRST_MODULES {
        "any other version must be built with Go: https://go.dev/dl"
    } else {
        "3.4 is available only as Debian's package: 3.4.23 in Debian 12"
    };
    bail!("this system's package is etcd {found}; {need}")
}

fn install_command() -> &'static str {
    match system::detect() {
        System::Debian => {
            "type: sudo apt-get install etcd-server etcd-client (or install Go, then run this again: https://go.dev/dl)"
        }
        System::Fedora => {
            "type: sudo dnf install golang (then run this again; etcd is built with it)"
        }
        System::Arch => "type: sudo pacman -S go (then run this again; etcd is built with it)",
        System::Alpine => "type: sudo apk add go (then run this again; etcd is built with it)",
        System::Mac => "type: brew install etcd",
        System::Windows => {
            "type: winget install GoLang.Go (then run this again; etcd is built with it)"
        }
        System::Other => {
            "put etcd 3.4 or newer on PATH, or install Go (https://go.dev/dl) and run this again"
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_minor_version_is_parsed_from_etcds_output() {
        for (text, minor) in [
            ("etcd Version: 3.7.3\nGit SHA: Not provided\n", Some((3, 7))),
            ("etcd Version: 3.4.23\nGit SHA: abc", Some((3, 4))),
            ("etcd Version: 3.6.0-rc.5", Some((3, 6))),
            ("something else", None),
        ] {
            assert_eq!(minor_of(text), minor, "{text}");
        }
    }

    #[test]
    fn a_usable_version_has_three_numbers_and_is_new_enough() {
        assert_eq!(parse_usable("3.6.16"), Ok(Version(3, 6, 16)));
        for wrong in ["3.6", "3.6.16.1", "v3.6.16", "3.6.x", "", "3.3.25", "2.3.8"] {
            assert!(parse_usable(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Version(3, 5, 35).to_string(), "3.5.35");
    }

    #[test]
    fn an_end_of_life_release_gets_a_warning() {
        let warning = end_of_life(Version(3, 4, 23)).expect("3.4 has ended");
        assert!(warning.contains("3.4.23") && warning.contains("3.7.3"));
        assert!(end_of_life(Version(3, 5, 16)).is_none());
        assert!(check_package_version(Version(3, 3, 25)).is_err());
    }
}
