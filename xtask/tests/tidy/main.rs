//! The repository's rules, as tests: each names the file and line that breaks it.
//!
//! Every rule has a self-test on a snippet that breaks it, since a rule that finds nothing looks the
//! same as a rule that does not work.

mod classes;
mod contrast;
mod crates;
mod cycles;
mod layers;
mod leftovers;
mod source;
mod style;
mod wording;

use source::{Finding, Source};

/// Fails with one line per finding.
#[track_caller]
fn assert_none(findings: &[Finding]) {
    let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
    assert!(findings.is_empty(), "\n{}\n", lines.join("\n"));
}

/// Runs a rule on a made-up file; returns the lines that break it.
fn broken_lines(rule: fn(&[Source]) -> Vec<Finding>, path: &str, text: &str) -> Vec<usize> {
    let file = Source::new(path.to_owned(), text.to_owned());
    rule(&[file])
        .into_iter()
        .map(|finding| finding.line)
        .collect()
}

#[test]
fn the_rules_see_every_crate() {
    let files = source::all();
    for part in [
        "gateway/src/",
        "shared/src/",
        "frontend/src/",
        "tests/",
        "xtask/src/",
    ] {
        assert!(
            files.iter().any(|file| file.path.starts_with(part)),
            "no file of {part} was read"
        );
    }
}
