//! The repository's text files, and their code without comments.

use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

/// The folders that the rules read.
const ROOTS: [&str; 7] = [
    "gateway", "shared", "frontend", "tests", "xtask", "docs", ".ci",
];
/// The extensions of text files.
const KINDS: [&str; 7] = ["rs", "css", "html", "toml", "md", "json", "sh"];

/// One text file.
pub(crate) struct Source {
    /// The path relative to the repository's root, with slashes.
    pub(crate) path: String,
    pub(crate) text: String,
    code: Vec<String>,
}

/// A broken rule.
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

impl Source {
    pub(crate) fn new(path: String, text: String) -> Self {
        let code = if is(&path, "rs") {
            code_lines(&text)
        } else {
            text.lines().map(str::to_owned).collect()
        };
        Self { path, text, code }
    }

    pub(crate) fn is(&self, kind: &str) -> bool {
        is(&self.path, kind)
    }

    /// Numbered lines; without comments if the file is Rust.
    pub(crate) fn code(&self) -> impl Iterator<Item = (usize, &str)> {
        self.code
            .iter()
            .enumerate()
            .map(|(index, line)| (index + 1, line.as_str()))
    }

    /// As [`Self::code`], up to the unit tests at the file's end; empty for a file of tests.
    pub(crate) fn product_code(&self) -> impl Iterator<Item = (usize, &str)> {
        let is_test = self.path.ends_with("/tests.rs") || self.path.contains("/tests/");
        let end = if is_test { 0 } else { self.tests_start() };
        self.code().take(end)
    }

    /// The index of the line where an inline `#[cfg(test)] mod … {` starts.
    fn tests_start(&self) -> usize {
        let starts = |pair: &[String]| {
            let module = pair[1].trim();
            pair[0].trim() == "#[cfg(test)]" && module.starts_with("mod ") && module.ends_with('{')
        };
        self.code
            .windows(2)
            .position(starts)
            .unwrap_or(self.code.len())
    }

    pub(crate) fn finding(&self, line: usize, message: impl Into<String>) -> Finding {
        Finding {
            path: self.path.clone(),
            line,
            message: message.into(),
        }
    }
}

fn is(path: &str, kind: &str) -> bool {
    path.rsplit_once('.').is_some_and(|(_, ext)| ext == kind)
}

/// Every text file of the repository, except generated ones.
pub(crate) fn all() -> Vec<Source> {
    let root = root();
    let mut paths = Vec::new();
    for part in ROOTS {
        walk(&root.join(part), &mut paths);
    }
    for entry in fs::read_dir(&root).expect("the repository's root can be read") {
        let path = entry.expect("the repository's root can be read").path();
        if path.is_file() && is_text(&path) {
            paths.push(path);
        }
    }
    paths.sort();
    paths
        .into_iter()
        .filter_map(|path| {
            let text = fs::read_to_string(&path).ok()?;
            let shown = path
                .strip_prefix(&root)
                .expect("walked from the root")
                .to_string_lossy()
                .replace('\\', "/");
            Some(Source::new(shown, text))
        })
        .collect()
}

pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("xtask is a folder of the repository")
        .to_path_buf()
}

fn walk(folder: &Path, paths: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    for entry in entries.filter_map(Result::ok) {
        let path = entry.path();
        let name = entry.file_name();
        let name = name.to_string_lossy();
        if path.is_dir() {
            // Hidden folders are generated; a crate may have its own `target` after a build there.
            if !name.starts_with('.') && name != "target" {
                walk(&path, paths);
            }
        } else if is_text(&path) || name == "run" {
            paths.push(path);
        }
    }
}

fn is_text(path: &Path) -> bool {
    path.extension()
        .and_then(|ext| ext.to_str())
        .is_some_and(|ext| KINDS.contains(&ext))
}

/// Rust without comments. Strings are kept, since a rule may search them.
fn code_lines(text: &str) -> Vec<String> {
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    let mut depth = 0_usize;
    while let Some(c) = chars.next() {
        let next = chars.peek().copied();
        match (c, next) {
            ('/', Some('*')) => {
                chars.next();
                depth += 1;
            }
            ('*', Some('/')) if depth > 0 => {
                chars.next();
                depth -= 1;
            }
            ('\n', _) => out.push('\n'),
            _ if depth > 0 => {}
            ('/', Some('/')) => {
                while chars.peek().is_some_and(|c| *c != '\n') {
                    chars.next();
                }
            }
            ('"', _) => {
                let raw = raw_hashes(&out);
                out.push('"');
                string(&mut chars, raw, &mut out);
            }
            // A double quote in a char literal does not open a string.
            ('\'', Some('"')) => {
                out.push_str("'\"");
                chars.next();
            }
            ('\'', Some('\\')) => {
                out.push_str("'\\");
                chars.next();
                out.extend(chars.next());
            }
            _ => out.push(c),
        }
    }
    out.lines().map(str::to_owned).collect()
}

/// The number of hashes if the text ends with the start of a raw string such as `r##`.
fn raw_hashes(before: &str) -> Option<usize> {
    let stem = before.trim_end_matches('#');
    stem.ends_with('r').then(|| before.len() - stem.len())
}

/// Copies the rest of a string literal, including its closing quote.
fn string(
    chars: &mut std::iter::Peekable<std::str::Chars<'_>>,
    raw: Option<usize>,
    out: &mut String,
) {
    while let Some(c) = chars.next() {
        out.push(c);
        match (c, raw) {
            ('\\', None) => out.extend(chars.next()),
            ('"', None) => return,
            ('"', Some(hashes)) => {
                let mut seen = 0;
                while seen < hashes && chars.peek() == Some(&'#') {
                    out.extend(chars.next());
                    seen += 1;
                }
                if seen == hashes {
                    return;
                }
            }
            _ => {}
        }
    }
}

/// Whether `line` contains `word` as a whole word.
pub(crate) fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        !before.is_some_and(is_word) && !after.is_some_and(is_word)
    })
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

#[test]
fn comments_are_removed_and_strings_are_kept() {
    let text = "a // b\n/* c\n/* d */ e */ f\nlet s = \"// g\"; // h\nlet r = r#\"\"//\"#; // i\n'\"' // j\n'\\'' // k";
    assert_eq!(
        code_lines(text),
        [
            "a ",
            "",
            " f",
            "let s = \"// g\"; ",
            "let r = r#\"\"//\"#; ",
            "'\"' ",
            "'\\'' "
        ]
    );
}

#[test]
fn unit_tests_are_not_product_code() {
    let lines = |path: &str| {
        let file = Source::new(
            path.to_owned(),
            "a\n#[cfg(test)]\nmod tests {\nb\n}".to_owned(),
        );
        file.product_code()
            .map(|(line, _)| line)
            .collect::<Vec<_>>()
    };
    assert_eq!(lines("gateway/src/x.rs"), [1]);
    assert!(lines("gateway/src/x/tests.rs").is_empty());
    // A declaration at the top of a file is not the start of its tests.
    let declared = "#[cfg(test)]\nmod tests;\na".to_owned();
    let file = Source::new("gateway/src/x/mod.rs".to_owned(), declared);
    assert_eq!(file.product_code().count(), 3);
}

#[test]
fn only_whole_words_match() {
    assert!(has_word("use etcd_client::Client;", "etcd_client"));
    assert!(!has_word("let my_etcd_client = 1;", "etcd_client"));
}
