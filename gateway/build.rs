//! Generates what the gateway is built from besides its own code: the descriptors of etcd's messages, which `/v3`
//! needs, and a placeholder for the dashboard.
//!
//! The descriptors are compiled from the `.proto` files in the etcd-client crate, wherever cargo keeps it: so both use
//! the same version of etcd's API, and no file of another project is in this repository.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// The files whose services etcd's JSON gateway serves. Their imports are included.
const SERVICES: [&str; 3] = [
    "etcd/api/etcdserverpb/rpc.proto",
    "etcd/server/etcdserver/api/v3election/v3electionpb/v3election.proto",
    "etcd/server/etcdserver/api/v3lock/v3lockpb/v3lock.proto",
];

fn main() -> Result<()> {
    // Without any `rerun-if-changed` line cargo would watch the whole package.
    println!("cargo::rerun-if-changed=build.rs");
    create_placeholder_page().context("cannot create dist/index.html")?;
    compile_descriptors()
}

/// Writes an empty page if the dashboard is not built: the gateway then says how to build it. The program embeds the
/// page by name, so that cargo notices when Trunk writes the real one. Also, a debug build refers to the folder by its
/// path, and would record a wrong path for a missing folder.
fn create_placeholder_page() -> std::io::Result<()> {
    let page = Path::new("../dist/index.html");
    if page.exists() {
        return Ok(());
    }
    std::fs::create_dir_all("../dist")?;
    std::fs::write(page, "")
}

/// Writes the descriptors of etcd's services, including the options with their HTTP paths.
fn compile_descriptors() -> Result<()> {
    // Another version of the crate is in another folder.
    println!("cargo::rerun-if-changed=../Cargo.lock");
    let root = package_folder("etcd-client")?.join("proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let descriptors = protox::Compiler::new([&root])?
        .include_imports(true)
        .open_files(SERVICES)
        .context("cannot compile the .proto files of etcd-client")?
        .encode_file_descriptor_set();
    let out = Path::new(&variable("OUT_DIR")?).join("etcd.bin");
    std::fs::write(&out, descriptors).with_context(|| format!("cannot write {}", out.display()))
}

/// The folder in which cargo keeps a dependency.
fn package_folder(package: &str) -> Result<PathBuf> {
    let output = Command::new(variable("CARGO")?)
        .args(["metadata", "--format-version", "1", "--filter-platform"])
        .arg(variable("TARGET")?)
        .output()
        .context("cannot run cargo")?;
    ensure!(
        output.status.success(),
        "cargo metadata: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).context("cargo metadata is not JSON")?;
    let packages = metadata["packages"].as_array();
    let manifest = packages
        .into_iter()
        .flatten()
        .find(|candidate| candidate["name"] == package)
        .and_then(|found| found["manifest_path"].as_str())
        .with_context(|| format!("cargo metadata lists no package {package}"))?;
    let folder = Path::new(manifest).parent();
    Ok(folder.context("a manifest has a parent folder")?.to_owned())
}

#[expect(
    clippy::disallowed_methods,
    reason = "cargo passes values to build scripts in the environment only"
)]
fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("cargo did not set {name}"))
}
