//! What the gateway is built from besides its own code: the descriptions of etcd's messages that `/v3`
//! works by, and a place for the dashboard.
//!
//! The former are compiled from the files that the etcd-client crate ships, wherever cargo keeps it:
//! so both speak of the same etcd, and no file of another project lies in ours.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

/// The files whose services etcd's JSON gateway serves; what they import comes with them.
const SERVICES: [&str; 3] = [
    "etcd/api/etcdserverpb/rpc.proto",
    "etcd/server/etcdserver/api/v3election/v3electionpb/v3election.proto",
    "etcd/server/etcdserver/api/v3lock/v3lockpb/v3lock.proto",
];

fn main() -> Result<()> {
    // Named alone, since without any line cargo would watch the whole package.
    println!("cargo::rerun-if-changed=build.rs");
    keep_a_place_for_the_page().context("dist/index.html cannot be made")?;
    describe_etcd()
}

/// Writes an empty page where none is built: the gateway then says how to build the dashboard. The
/// program embeds the page by name, and so cargo sees when Trunk writes the real one. And a debug build
/// would know a folder that was missing by a path at which it never is.
fn keep_a_place_for_the_page() -> std::io::Result<()> {
    let page = Path::new("../dist/index.html");
    if page.exists() {
        return Ok(());
    }
    std::fs::create_dir_all("../dist")?;
    std::fs::write(page, "")
}

/// Writes the descriptions of etcd's services, their options with the HTTP paths included.
fn describe_etcd() -> Result<()> {
    // Another version of the crate lies in another folder.
    println!("cargo::rerun-if-changed=../Cargo.lock");
    let root = folder_of("etcd-client")?.join("proto");
    println!("cargo::rerun-if-changed={}", root.display());
    let described = protox::Compiler::new([&root])?
        .include_imports(true)
        .open_files(SERVICES)
        .context("the files of etcd-client cannot be compiled")?
        .encode_file_descriptor_set();
    let out = Path::new(&variable("OUT_DIR")?).join("etcd.bin");
    std::fs::write(&out, described).with_context(|| format!("cannot write {}", out.display()))
}

/// Where cargo keeps the package that this one depends on.
fn folder_of(package: &str) -> Result<PathBuf> {
    let output = Command::new(variable("CARGO")?)
        .args(["metadata", "--format-version", "1", "--filter-platform"])
        .arg(variable("TARGET")?)
        .output()
        .context("cargo cannot be run")?;
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
        .with_context(|| format!("cargo knows no package {package}"))?;
    let folder = Path::new(manifest).parent();
    Ok(folder.context("a manifest lies in a folder")?.to_owned())
}

#[expect(
    clippy::disallowed_methods,
    reason = "cargo tells build scripts in no other way"
)]
fn variable(name: &str) -> Result<String> {
    std::env::var(name).with_context(|| format!("cargo says no {name}"))
}
