//! Running other programs: with the project's tools on PATH, and with errors that say how to fix them.

use std::env;
use std::ffi::OsString;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, bail};

use crate::paths;

/// An environment variable.
#[expect(
    clippy::disallowed_methods,
    reason = "xtask is the build tool, not the product: it has no config layer"
)]
pub(crate) fn env_var(name: &str) -> Option<OsString> {
    env::var_os(name).filter(|value| !value.is_empty())
}

/// The folders of PATH.
pub(crate) fn path_folders() -> Vec<PathBuf> {
    env_var("PATH")
        .map(|path| env::split_paths(&path).collect())
        .unwrap_or_default()
}

/// The path of `name` on the user's PATH.
pub(crate) fn on_path(name: &str) -> Option<PathBuf> {
    path_folders()
        .iter()
        .find_map(|folder| in_folder(folder, name))
}

/// The executable `name` in `folder`.
pub(crate) fn in_folder(folder: &Path, name: &str) -> Option<PathBuf> {
    let file = folder.join(format!("{name}{}", env::consts::EXE_SUFFIX));
    is_executable(&file).then_some(file)
}

#[cfg(unix)]
fn is_executable(file: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    file.metadata()
        .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(not(unix))]
fn is_executable(file: &Path) -> bool {
    file.is_file()
}

/// PATH with `first` prepended and `last` appended.
pub(crate) fn path_with(first: &[PathBuf], last: &Path) -> OsString {
    let folders = first
        .iter()
        .cloned()
        .chain(path_folders())
        .chain(std::iter::once(last.to_path_buf()));
    // A folder with a separator in its name cannot be on PATH; then PATH stays unchanged.
    env::join_paths(folders).unwrap_or_else(|_| env_var("PATH").unwrap_or_default())
}

/// The cargo that started us.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env_var("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(paths::root());
    // Cargo sets these for our own package; a build script further down must not see them.
    for name in [
        "CARGO_MANIFEST_DIR",
        "CARGO_MANIFEST_PATH",
        "CARGO_PKG_NAME",
        "CARGO_PKG_VERSION",
    ] {
        command.env_remove(name);
    }
    command
}

/// The output of `program args`, or `None` if it cannot be run or fails.
pub(crate) fn output(program: impl AsRef<Path>, args: &[&str]) -> Option<String> {
    let output = Command::new(program.as_ref())
        .args(args)
        .stdin(Stdio::null())
        .output()
        .ok()?;
    output
        .status
        .success()
        .then(|| String::from_utf8_lossy(&output.stdout).trim().to_owned())
}

/// Runs a command with inherited output; an error names the command, its exit status and `hint`.
pub(crate) fn run(command: &mut Command, hint: &str) -> Result<()> {
    let shown = show(command);
    let status = match command.status() {
        Ok(status) => status,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            bail!("`{shown}`: not found\n  {hint}")
        }
        Err(error) => return Err(error).with_context(|| format!("run `{shown}`")),
    };
    if status.success() {
        return Ok(());
    }
    bail!("`{shown}` failed: {status}\n  {hint}")
}

/// The command as typed, without the folders of programs.
pub(crate) fn show(command: &Command) -> String {
    let program = Path::new(command.get_program());
    let name = program.file_stem().unwrap_or(command.get_program());
    std::iter::once(name)
        .chain(command.get_args())
        .map(|part| part.to_string_lossy().into_owned())
        .collect::<Vec<_>>()
        .join(" ")
}
