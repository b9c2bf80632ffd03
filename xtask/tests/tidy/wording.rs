//! Words of a private dialect, each with the standard term that replaces it.

use super::source::{self, Finding, Source};
use super::{assert_none, broken_lines};

/// Refused words, with what to say instead.
const WORDS: [(&str, &str); 15] = [
    ("mend", "fix"),
    ("mends", "fixes"),
    ("mended", "fixed"),
    ("mending", "fixing"),
    ("anew", "again"),
    ("whoever", "the client, the caller, the holder"),
    ("hole", "known bug"),
    ("holes", "known bugs"),
    ("told", "sent, reported, notified, delivered"),
    ("asker", "caller"),
    ("askers", "callers"),
    ("patience", "timeout"),
    ("deaf", "unresponsive"),
    ("deed", "action, command"),
    ("deeds", "actions, commands"),
];

/// Refused phrases, with what to say instead.
const PHRASES: [(&str, &str); 5] = [
    ("is none of the", "unknown; one of"),
    ("die with", "are deleted with, end with"),
    ("dies with", "is deleted with, ends with"),
    ("goes on where", "resumes from"),
    ("asked for", "requested"),
];

/// Paths, each a prefix, that have not been reworded yet. The list only shrinks: a folder that has
/// been reworded is removed, and no path is added. `CHANGELOG.md` stays, since it names what was
/// renamed.
const EXEMPT: &[&str] = &[
    "CHANGELOG.md",
    // The rule names what it refuses.
    "xtask/tests/tidy/",
];

/// Every refused word and phrase in a file: comments, strings and identifiers alike. A phrase may
/// continue on the next line.
fn private_dialect(files: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| !is_exempt(&file.path)) {
        let lines: Vec<Vec<String>> = file.text.lines().map(words).collect();
        for (index, line) in lines.iter().enumerate() {
            for (word, instead) in WORDS {
                if line.iter().any(|one| one == word) {
                    found.push(file.finding(index + 1, format!("`{word}`: say {instead}")));
                }
            }
            let next = lines.get(index + 1).map_or(&[][..], Vec::as_slice);
            for (phrase, instead) in PHRASES {
                if starts_in(line, next, phrase) {
                    found.push(file.finding(index + 1, format!("`{phrase}`: say {instead}")));
                }
            }
        }
    }
    found
}

fn is_exempt(path: &str) -> bool {
    EXEMPT.iter().any(|prefix| path.starts_with(prefix))
}

/// The words of a line in lower case; `snake_case` and `CamelCase` are split.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut after_lower = false;
    for c in line.chars() {
        if !c.is_ascii_alphabetic() || (c.is_ascii_uppercase() && after_lower) {
            words.extend((!word.is_empty()).then(|| std::mem::take(&mut word)));
        }
        if c.is_ascii_alphabetic() {
            word.push(c.to_ascii_lowercase());
        }
        after_lower = c.is_ascii_lowercase();
    }
    words.extend((!word.is_empty()).then_some(word));
    words
}

/// Whether a phrase starts in `line`; it may end in `next`.
fn starts_in(line: &[String], next: &[String], phrase: &str) -> bool {
    let phrase: Vec<&str> = phrase.split(' ').collect();
    let both: Vec<&str> = line.iter().chain(next).map(String::as_str).collect();
    (0..line.len()).any(|at| both[at..].starts_with(&phrase))
}

#[test]
fn only_standard_terms_are_used() {
    assert_none(&private_dialect(&source::all()));
    let path = "gateway/src/caller.rs";
    for (line, expected) in [
        ("/// What a watch was told.", &[1][..]),
        ("let patience = 5;", &[1]),
        ("fn what_mends_it() {}", &[1]),
        ("struct AskerKind;", &[1]),
        ("fn run(deed: &KeyCommand) {}", &[1]),
        ("// The start asked\n// for is compacted.", &[1]),
        ("\"`x` is none of the orders\"", &[1]),
        (
            "//! The lease ends, and its keys\n//! die\n//! with it.",
            &[2],
        ),
        ("let deafness = whole.recommend(amended);", &[]),
    ] {
        assert_eq!(
            broken_lines(private_dialect, path, line),
            expected,
            "{line}"
        );
    }
    assert!(broken_lines(private_dialect, "CHANGELOG.md", "// told").is_empty());
}
