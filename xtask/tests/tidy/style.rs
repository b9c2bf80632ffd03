//! Files are short, and colours are named in one place.

use super::source::{self, Finding, Source, has_word};
use super::{assert_none, broken_lines};

/// The limit on lines of a file.
const MAX_LINES: usize = 600;

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

/// Light and dark stay one decision as long as `tokens.css` alone names colours. The page's icon
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
