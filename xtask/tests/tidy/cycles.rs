//! The top-level modules of a crate depend on each other in one direction: no cycle.

use std::collections::{BTreeMap, BTreeSet};

use super::source::{self, Finding, Source};
use super::{assert_none, broken_lines};

/// Crates whose modules are checked. Their root, which declares the modules, cannot be part of a cycle.
const CRATES: [&str; 2] = ["gateway/src/", "frontend/src/"];

/// For each module the modules that it names, each with one place.
type Uses<'a> = BTreeMap<&'a str, BTreeMap<String, (&'a Source, usize)>>;

/// Every use that closes a cycle of modules.
fn cycles(files: &[Source]) -> Vec<Finding> {
    CRATES
        .iter()
        .flat_map(|root| of_crate(files, root))
        .collect()
}

fn of_crate(files: &[Source], root: &str) -> Vec<Finding> {
    let mut uses = Uses::new();
    for file in files.iter().filter(|file| file.is("rs")) {
        let Some(path) = file.path.strip_prefix(root) else {
            continue;
        };
        let module = path.split('/').next().unwrap_or(path);
        let module = module.strip_suffix(".rs").unwrap_or(module);
        let named = uses.entry(module).or_default();
        for (name, line) in modules_named(file) {
            named.entry(name).or_insert((file, line));
        }
    }
    for root in ["lib", "main"] {
        uses.remove(root);
    }
    let mut found = Vec::new();
    for (module, named) in &uses {
        for (other, (file, line)) in named {
            if other != module && reaches(&uses, other, module) {
                let message =
                    format!("`{module}` uses `{other}`, which uses `{module}`: a cycle of modules");
                found.push(file.finding(*line, message));
            }
        }
    }
    found
}

/// Whether `from` uses `to`, itself or through others.
fn reaches(uses: &Uses<'_>, from: &str, to: &str) -> bool {
    let mut seen = BTreeSet::new();
    let mut open = vec![from];
    while let Some(module) = open.pop() {
        if module == to {
            return true;
        }
        if seen.insert(module)
            && let Some(named) = uses.get(module)
        {
            open.extend(named.keys().map(String::as_str));
        }
    }
    false
}

/// The names after `crate::` in product code, each with its line; those of a `use crate::{…}` too.
fn modules_named(file: &Source) -> Vec<(String, usize)> {
    let mut named = Vec::new();
    // The depth of braces in a `use crate::{…}` that is open; 1 is where modules are named.
    let mut depth = 0_usize;
    for (number, line) in file.product_code() {
        let mut rest = line;
        if depth == 0 {
            let Some(at) = line.find("crate::") else {
                continue;
            };
            rest = &line[at..];
        }
        let mut word = String::new();
        let mut counts = depth == 1;
        for c in rest.chars().chain([' ']) {
            if c.is_alphanumeric() || c == '_' {
                word.push(c);
                continue;
            }
            let done = std::mem::take(&mut word);
            if done == "crate" {
                counts = true;
                continue;
            }
            if !done.is_empty() && counts && (depth == 1 || depth == 0) {
                named.push((done, number));
                counts = false;
            }
            match c {
                '{' if depth > 0 || counts => depth += 1,
                '}' if depth > 0 => depth -= 1,
                _ => {}
            }
            // Within the braces, a comma comes before the next module.
            counts = match c {
                ',' | '{' => depth == 1,
                ':' | ' ' => counts,
                _ => false,
            };
        }
    }
    named
}

#[test]
fn modules_form_no_cycle() {
    assert_none(&cycles(&source::all()));
    let file = |path: &str, text: &str| Source::new(path.to_owned(), text.to_owned());
    let found = |a: &str, b: &str| {
        let files = [
            file("gateway/src/a/x.rs", a),
            file("gateway/src/b.rs", b),
            file("gateway/src/c.rs", "use crate::a::x;"),
        ];
        cycles(&files)
            .into_iter()
            .map(|finding| (finding.path, finding.line))
            .collect::<Vec<_>>()
    };
    let pair = |a, b| {
        vec![
            ("gateway/src/a/x.rs".to_owned(), a),
            ("gateway/src/b.rs".to_owned(), b),
        ]
    };
    assert_eq!(found("use crate::b::B;", "\nuse crate::a::A;"), pair(1, 2));
    assert_eq!(
        found(
            "use crate::{\n    d,\n    b::{B, a},\n};",
            "let a = crate::a::x();"
        ),
        pair(3, 1)
    );
    assert!(found("use crate::b;", "// crate::a\nuse crate::d::{a, x};").is_empty());
    assert!(found("use crate::a::{b, c};", "use crate::c;").is_empty());
    assert!(
        found("", "#[cfg(test)]\nmod tests {\n    use crate::a;\n}").is_empty(),
        "tests may use anything"
    );
    assert_eq!(
        broken_lines(cycles, "gateway/src/a.rs", "use crate::a::b;"),
        [0; 0]
    );
}
