//! Every class that a style sheet names is set somewhere: a class renamed in one place only loses its style.

use std::collections::HashSet;

use super::source::{self, Finding, Source};
use super::{assert_none, broken_lines};

const DASHBOARD: &str = "frontend/";

/// Classes of style sheets that no source of the dashboard names.
fn unused_classes(files: &[Source]) -> Vec<Finding> {
    let named: HashSet<&str> = files
        .iter()
        .filter(|file| file.path.starts_with(DASHBOARD) && !file.is("css"))
        .flat_map(|file| file.text.split(|c: char| !is_class(c)))
        .collect();
    let sheets = files
        .iter()
        .filter(|file| file.path.starts_with(DASHBOARD) && file.is("css"));
    let mut found = Vec::new();
    for file in sheets {
        for (index, line) in file.text.lines().enumerate() {
            for class in classes(line) {
                // `who-{n}` is put together from `who-` and a number.
                let stem = class.trim_end_matches(|c: char| c.is_ascii_digit());
                let is_used =
                    named.contains(class) || (stem.ends_with('-') && named.contains(stem));
                if !is_used {
                    found.push(file.finding(index + 1, format!("nothing has the class `{class}`")));
                }
            }
        }
    }
    found
}

/// The classes in the selectors of a line: before a brace, and unlike a number such as `.5em` they begin with a letter.
fn classes(line: &str) -> impl Iterator<Item = &str> {
    let selectors = line.split('{').next().unwrap_or_default();
    selectors
        .split('.')
        .skip(1)
        .map(|rest| {
            rest.split(|c: char| !is_class(c))
                .next()
                .unwrap_or_default()
        })
        .filter(|class| class.starts_with(|c: char| c.is_ascii_alphabetic()))
}

fn is_class(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-' || c == '_'
}

#[test]
fn every_class_of_a_style_sheet_is_used() {
    assert_none(&unused_classes(&source::all()));
    let files = |css: &str| {
        [
            Source::new("frontend/src/a.css".to_owned(), css.to_owned()),
            Source::new(
                "frontend/src/a.rs".to_owned(),
                "class=\"row row-new\" format!(\"who-{n}\")".to_owned(),
            ),
        ]
    };
    let lines = |css: &str| {
        let found = unused_classes(&files(css));
        found.iter().map(|finding| finding.line).collect::<Vec<_>>()
    };
    assert_eq!(lines(".row { margin: .5em; }\n.row-gone { top: 0; }"), [2]);
    assert_eq!(lines(".row > .mark,\n.row.row-new { top: 0; }"), [1]);
    assert!(lines(".who-1, a.row:hover { opacity: 0.5; }").is_empty());
    assert!(broken_lines(unused_classes, "docs/a.css", ".x {}").is_empty());
}
