//! Paths of the repository, its tool folder, and the build's output.

use std::path::{Path, PathBuf};

/// The repository's root folder.
pub(crate) fn root() -> PathBuf {
    // Cargo names the manifest's folder at run time; the compiled-in one would be wrong after a
    // checkout has been moved.
    #[expect(
        clippy::disallowed_methods,
        reason = "xtask is the build tool, not the product: it has no config layer"
    )]
    let manifest = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    // A hook started by another crate's build gets that crate's folder: all crates are one level deep.
    manifest
        .parent()
        .map_or_else(|| manifest.clone(), Path::to_path_buf)
}

/// The project's own tools, separate from the user's.
pub(crate) fn tools() -> PathBuf {
    root().join(".tools")
}

/// The executables in the tool folder.
pub(crate) fn tools_bin() -> PathBuf {
    tools().join("bin")
}

/// The built dashboard, which the gateway embeds.
pub(crate) fn dist() -> PathBuf {
    root().join("dist")
}

/// The files generated for the dashboard's build (git-ignored).
pub(crate) fn generated() -> PathBuf {
    root().join("frontend/.generated")
}
