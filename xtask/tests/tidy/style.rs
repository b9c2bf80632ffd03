//! Files are short, modules are laid out in one way, and colours are defined in one place.

use super::source::{self, Finding, Source, has_word};
use super::{assert_none, broken_lines};

/// The limit on lines of a file.
const MAX_LINES: usize = 600;
/// Inline unit tests of this many lines or more must move to `tests.rs`.
const MAX_INLINE_TESTS: usize = 60;

fn too_long(files: &[Source]) -> Vec<Finding> {
    files
        .iter()
        .filter(|file| file.is("rs") || file.is("css"))
        .filter(|file| file.text.lines().count() > MAX_LINES)
        .map(|file| {
            file.finding(
                MAX_LINES + 1,
                format!("longer than {MAX_LINES} lines: split it into named parts"),
            )
        })
        .collect()
}

/// A module with parts is `name/mod.rs`; its unit tests are `name/tests.rs`, or a short block in the
/// file. So a module's files are in one folder, and a reader finds its tests without a search.
fn module_layout(files: &[Source]) -> Vec<Finding> {
    let modules = files.iter().filter(|file| is_module(file));
    modules
        .flat_map(|file| {
            let beside = beside_its_folder(file, files);
            beside.into_iter().chain(misplaced_tests(file))
        })
        .collect()
}

/// Whether the file is Rust in the `src` folder of a crate.
fn is_module(file: &Source) -> bool {
    const CRATES: [&str; 4] = ["gateway/src/", "shared/src/", "frontend/src/", "xtask/src/"];
    file.is("rs") && CRATES.iter().any(|root| file.path.starts_with(root))
}

/// `name.rs` beside a folder `name/` that contains Rust.
fn beside_its_folder(file: &Source, files: &[Source]) -> Option<Finding> {
    let folder = format!("{}/", file.path.strip_suffix(".rs")?);
    let beside = files
        .iter()
        .any(|other| other.is("rs") && other.path.starts_with(&folder));
    beside.then(|| {
        file.finding(
            1,
            format!("the folder {folder} exists, too: move the file to {folder}mod.rs"),
        )
    })
}

/// Modules with `#[path]`, modules of unit tests that are not named `tests`, and inline ones that are too long.
fn misplaced_tests(file: &Source) -> Vec<Finding> {
    let mut found = Vec::new();
    let code: Vec<(usize, &str)> = file.code().collect();
    for (index, (number, line)) in code.iter().enumerate() {
        if line.trim_start().starts_with("#[path") {
            found.push(file.finding(*number, "#[path]: move the file to its module's folder"));
        }
        let Some(name) = line.trim().strip_prefix("mod ") else {
            continue;
        };
        let is_test = code[..index]
            .iter()
            .rev()
            .take_while(|(_, attribute)| attribute.trim_start().starts_with("#["))
            .any(|(_, attribute)| attribute.trim() == "#[cfg(test)]");
        if is_test && name.trim_end_matches([';', ' ', '{']) != "tests" {
            found.push(file.finding(*number, "a module of unit tests must be named `tests`"));
        }
        if !name.starts_with("tests") || !name.ends_with('{') {
            continue;
        }
        let indent = &line[..line.len() - line.trim_start().len()];
        let end = format!("{indent}}}");
        let rest = &code[index..];
        let length = rest
            .iter()
            .position(|(_, line)| line.trim_end() == end)
            .map_or(rest.len(), |last| last + 1);
        if length >= MAX_INLINE_TESTS {
            found.push(file.finding(
                *number,
                format!("{length} lines of inline tests: move them to the module's tests.rs"),
            ));
        }
    }
    found
}

/// Only `tokens.css` defines colours, so that both themes are changed in one place. The page's icon
/// (in index.html) cannot use a token.
fn colour_outside_tokens(files: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in files {
        let sheet = file.is("css")
            && file.path.starts_with("frontend/")
            && file.path != "frontend/styles/tokens.css";
        let view = file.is("rs")
            && file.path.starts_with("frontend/src/")
            && !file.path.starts_with("frontend/src/model");
        if !sheet && !view {
            continue;
        }
        let lines: Box<dyn Iterator<Item = (usize, &str)>> = if sheet {
            Box::new(file.code())
        } else {
            Box::new(file.product_code())
        };
        for (number, line) in lines {
            if let Some(colour) = hex_colour(line)
                .or_else(|| functional_colour(line))
                .or_else(|| named_colour(line, sheet))
            {
                found.push(file.finding(
                    number,
                    format!("{colour}: only frontend/styles/tokens.css names colours"),
                ));
            }
        }
    }
    found
}

/// `#fff`, `#0b6bcb`, with or without alpha; not `#page-locks {`, and not a link's `#a`.
fn hex_colour(line: &str) -> Option<String> {
    line.match_indices('#').find_map(|(at, _)| {
        let digits: String = line[at + 1..]
            .chars()
            .take_while(|c| c.is_alphanumeric() || *c == '-' || *c == '_')
            .collect();
        let is_colour =
            matches!(digits.len(), 3 | 4 | 6 | 8) && digits.chars().all(|c| c.is_ascii_hexdigit());
        // An id selector starts a rule; a colour follows a colon, a space, a comma or a quote.
        let follows =
            line[..at].ends_with([':', ' ', ',', '(', '"', '\'']) && !line[..at].trim().is_empty();
        (is_colour && follows).then(|| format!("#{digits}"))
    })
}

fn functional_colour(line: &str) -> Option<String> {
    ["rgb(", "rgba(", "hsl(", "hsla(", "oklch(", "oklab(", "hwb("]
        .iter()
        .find(|function| {
            line.match_indices(**function)
                .any(|(at, _)| !line[..at].ends_with(char::is_alphanumeric))
        })
        .map(|function| format!("{function}…)"))
}

/// A name as a value in a style sheet.
fn named_colour(line: &str, sheet: bool) -> Option<String> {
    if !sheet {
        return None;
    }
    line.split(['{', '}', ';']).find_map(named_in_declaration)
}

fn named_in_declaration(declaration: &str) -> Option<String> {
    const NAMES: [&str; 14] = [
        "white", "black", "red", "green", "blue", "gray", "grey", "orange", "yellow", "purple",
        "violet", "silver", "gold", "pink",
    ];
    const PROPERTIES: [&str; 7] = [
        "color",
        "background",
        "border",
        "outline",
        "shadow",
        "fill",
        "stroke",
    ];
    let (property, value) = declaration.split_once(':')?;
    if !PROPERTIES.iter().any(|word| property.contains(word)) {
        return None;
    }
    // Inside var(--…) it is a token's name.
    let mut parts = value.split("var(");
    let mut rest = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        rest.push_str(part.split_once(')').map_or("", |(_, after)| after));
    }
    NAMES
        .iter()
        .find(|name| has_word(&rest, name))
        .map(|name| (*name).to_owned())
}

#[test]
fn no_file_is_too_long() {
    assert_none(&too_long(&source::all()));
    assert_eq!(
        broken_lines(too_long, "gateway/src/a.rs", &"\n".repeat(MAX_LINES + 1)),
        [MAX_LINES + 1]
    );
    assert!(broken_lines(too_long, "gateway/src/a.rs", &"\n".repeat(MAX_LINES)).is_empty());
}

#[test]
fn modules_are_laid_out_in_one_way() {
    let lines = |path: &str, text: &str| broken_lines(module_layout, path, text);
    let inline = |length: usize| {
        let body = "    // a test\n".repeat(length - 2);
        format!("#[cfg(test)]\nmod tests {{\n{body}}}\nfn after() {{}}\n")
    };
    for (text, expected) in [
        (inline(MAX_INLINE_TESTS), &[2][..]),
        (inline(MAX_INLINE_TESTS - 1), &[]),
        (
            "#[cfg(test)]\n#[path = \"b_tests.rs\"]\nmod tests;".to_owned(),
            &[2],
        ),
        ("#[cfg(test)]\nmod file_tests;".to_owned(), &[2]),
        ("#[cfg(test)]\nmod tests;\nmod file;".to_owned(), &[]),
    ] {
        assert_eq!(lines("gateway/src/a.rs", &text), expected, "{text}");
        assert!(lines("tests/http/a.rs", &text).is_empty(), "{text}");
    }

    let source = |path: &str| Source::new(path.to_owned(), String::new());
    let refused = |path: &str, part: &str| !module_layout(&[source(path), source(part)]).is_empty();
    assert!(refused("shared/src/a.rs", "shared/src/a/tests.rs"));
    assert!(!refused("shared/src/a/mod.rs", "shared/src/a/tests.rs"));
    assert!(!refused("shared/src/a.rs", "shared/src/ab/mod.rs"));
    assert!(!refused("frontend/src/a.rs", "frontend/src/a/a.css"));
    assert_none(&module_layout(&source::all()));
}

#[test]
fn only_the_tokens_name_colours() {
    assert_none(&colour_outside_tokens(&source::all()));
    for line in [
        "a { color: #fff; }",
        "background: rgb(1 2 3);",
        "border: 1px solid white;",
        "fill:#0b6bcb80",
    ] {
        assert_eq!(
            broken_lines(colour_outside_tokens, "frontend/src/ui/a.css", line),
            [1],
            "{line}"
        );
    }
    assert_eq!(
        broken_lines(
            colour_outside_tokens,
            "frontend/src/ui/a.rs",
            "let c = \"#0b6bcb\";"
        ),
        [1]
    );
    for line in [
        "#add { color: var(--white); }",
        "color: transparent;",
        "a { color: var(--ink); white-space: pre; }",
        "a[href=\"#top\"] {}",
    ] {
        assert!(
            broken_lines(colour_outside_tokens, "frontend/src/ui/a.css", line).is_empty(),
            "{line}"
        );
    }
    assert!(
        broken_lines(
            colour_outside_tokens,
            "frontend/styles/tokens.css",
            "--a: #fff;"
        )
        .is_empty()
    );
}
