//! Every crate inherits the workspace's settings, and every module is documented.

use super::source::{self, Finding, Source};
use super::{assert_none, broken_lines};

/// The manifests of the workspace's crates; a crate with a workspace of its own (the fuzz targets,
/// built with instrumentation) has no rules to inherit.
fn members(files: &[Source]) -> impl Iterator<Item = &Source> {
    files.iter().filter(|file| {
        file.path.ends_with("/Cargo.toml") && !file.text.lines().any(|line| line == "[workspace]")
    })
}

fn crate_without_the_workspaces_rules(files: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in members(files) {
        if !file.text.contains("[lints]\nworkspace = true") {
            found.push(file.finding(1, "a crate inherits the lints: [lints] workspace = true"));
        }
        for key in ["edition", "version", "rust-version", "license", "publish"] {
            if !file
                .text
                .lines()
                .any(|line| line == format!("{key}.workspace = true"))
            {
                found.push(
                    file.finding(1, format!("a crate inherits {key}: {key}.workspace = true")),
                );
            }
        }
    }
    found
}

/// Modules that do not document what they own.
fn undocumented_module(files: &[Source]) -> Vec<Finding> {
    files
        .iter()
        .filter(|file| {
            file.is("rs") && file.path.contains("/src/") && !file.path.ends_with("tests.rs")
        })
        .filter(|file| !file.text.trim_start().starts_with("//!"))
        .map(|file| {
            file.finding(
                1,
                "a module opens with //!: what it owns, what it must not do",
            )
        })
        .collect()
}

#[test]
fn every_crate_inherits_the_workspaces_rules() {
    let files = source::all();
    assert_none(&crate_without_the_workspaces_rules(&files));
    assert_eq!(members(&files).count(), 5, "every crate was checked");
    assert_eq!(
        broken_lines(
            crate_without_the_workspaces_rules,
            "new/Cargo.toml",
            "[package]\nname = \"new\""
        )
        .len(),
        6
    );
}

#[test]
fn every_module_is_documented() {
    assert_none(&undocumented_module(&source::all()));
    assert_eq!(
        broken_lines(undocumented_module, "gateway/src/a.rs", "fn f() {}"),
        [1]
    );
}
