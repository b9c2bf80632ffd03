//! No unfinished work is kept, and no path of a single machine.

use super::source::{self, Finding, Source, has_word};
use super::{assert_none, broken_lines};

/// Whether the file is part of the rules, which name what they forbid.
fn is_rule(file: &Source) -> bool {
    file.path.starts_with("xtask/tests/tidy/")
}

/// Notes to oneself, stubs, and tests that do not run.
fn unfinished(files: &[Source]) -> Vec<Finding> {
    const NOTES: [&str; 4] = ["TODO", "FIXME", "XXX", "HACK"];
    const STUBS: [&str; 4] = ["todo!(", "unimplemented!(", "#[ignore", "#[should_panic]"];
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !is_rule(file)) {
        for (index, line) in file.text.lines().enumerate() {
            if let Some(note) = NOTES.iter().find(|note| has_word(line, note)) {
                found.push(file.finding(index + 1, format!("{note}: do it, or write an issue")));
            }
        }
        if file.is("rs") {
            for (number, line) in file.code() {
                if let Some(stub) = STUBS.iter().find(|stub| line.contains(*stub)) {
                    found.push(file.finding(number, format!("{stub}: finish it, or remove it")));
                }
            }
        }
    }
    found
}

/// Paths that exist on one machine only.
fn machine_path(files: &[Source]) -> Vec<Finding> {
    const FOLDERS: [&str; 6] = [
        "/home/",
        "/root/",
        "/work/",
        "/Users/",
        "C:\\Users",
        ".cargo/registry/src",
    ];
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !is_rule(file)) {
        for (index, line) in file.text.lines().enumerate() {
            // Within a longer path or an address it is not a machine's path.
            let named = FOLDERS.iter().find(|folder| {
                line.match_indices(*folder).any(|(at, _)| {
                    !line[..at].ends_with(|c: char| c.is_alphanumeric() || "./-_}".contains(c))
                })
            });
            if let Some(folder) = named {
                found.push(file.finding(index + 1, format!("{folder} is a path of one machine")));
            }
        }
    }
    found
}

#[test]
fn unfinished_work_is_found() {
    assert_none(&unfinished(&source::all()));
    assert_eq!(
        broken_lines(
            unfinished,
            "gateway/src/a.rs",
            "// TODO later\nfn f() { todo!() }\n#[ignore]\nlet todos = 1;"
        ),
        [1, 2, 3]
    );
    assert_eq!(
        broken_lines(unfinished, "frontend/src/a.css", "/* FIXME */"),
        [1]
    );
}

#[test]
fn machine_paths_are_found() {
    assert_none(&machine_path(&source::all()));
    assert_eq!(
        broken_lines(
            machine_path,
            "README.md",
            "cd /home/me/watchgate\nhttps://example.org/home/page"
        ),
        [1]
    );
}
