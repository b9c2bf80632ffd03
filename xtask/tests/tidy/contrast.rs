//! The colours of `tokens.css` can be told apart in both themes, as WCAG 2.2 asks: text 4.5 to 1 (1.4.3),
//! edges, focus and what is drawn 3 to 1 (1.4.11).

use std::collections::HashMap;

use super::source::{self, Finding, Source};
use super::{assert_none, struck};

const TOKENS: &str = "frontend/styles/tokens.css";

/// What text stands on.
const GROUNDS: [&str; 8] = [
    "bg",
    "surface",
    "sunken",
    "raised",
    "accent-soft",
    "put-soft",
    "del-soft",
    "lock-soft",
];
/// Colours of text that stand on all of them.
const TEXT: [&str; 8] = [
    "ink", "ink-2", "ink-3", "accent", "put", "del", "lock", "lease",
];
/// Colours of text with the one ground they stand on.
const PAIRS: [(&str, &str); 16] = [
    ("ink", "lease-soft"),
    ("ink-2", "lease-soft"),
    ("ink-3", "lease-soft"),
    ("lease", "lease-soft"),
    ("accent-ink", "accent"),
    ("accent-ink", "del"),
    ("code-key", "surface"),
    ("code-str", "surface"),
    ("code-num", "surface"),
    ("code-lit", "surface"),
    ("who-ink", "who-0"),
    ("who-ink", "who-1"),
    ("who-ink", "who-2"),
    ("who-ink", "who-3"),
    ("who-ink", "who-4"),
    ("who-ink", "who-5"),
];
/// What is drawn, and what it is drawn on.
const DRAWN: [&str; 9] = [
    "edge", "focus", "live", "who-0", "who-1", "who-2", "who-3", "who-4", "who-5",
];
const DRAWN_ON: [&str; 4] = ["bg", "surface", "sunken", "raised"];

fn too_faint(files: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path == TOKENS) {
        let text = || {
            let on_all = TEXT
                .iter()
                .flat_map(|text| GROUNDS.iter().map(|ground| (*text, *ground)));
            on_all
                .chain(PAIRS)
                .map(|(text, ground)| (text, ground, 4.5))
        };
        let drawn = || {
            let on_all = DRAWN
                .iter()
                .flat_map(|part| DRAWN_ON.iter().map(|on| (*part, *on)));
            on_all.map(|(part, ground)| (part, ground, 3.0))
        };
        let light = tokens(file, ":root {", HashMap::new());
        let dark = tokens(file, "[data-theme=\"dark\"] {", light.clone());
        for (theme, colours) in [("light", light), ("dark", dark)] {
            for (name, ground, least) in text().chain(drawn()) {
                let (Some((line, front)), Some((_, back))) =
                    (colours.get(name), colours.get(ground))
                else {
                    let message =
                        format!("--{name} or --{ground} has no colour in the {theme} theme");
                    found.push(file.finding(1, message));
                    continue;
                };
                let contrast = contrast(*front, *back);
                if contrast < least {
                    let message = format!(
                        "--{name} on --{ground} in the {theme} theme is {contrast:.2} to 1; it must be {least} to 1"
                    );
                    found.push(file.finding(*line, message));
                }
            }
        }
    }
    found
}

/// Colours by name, with their lines; those of the block that opens so, over those `before`.
fn tokens(
    file: &Source,
    opens: &str,
    before: HashMap<String, (usize, [u8; 3])>,
) -> HashMap<String, (usize, [u8; 3])> {
    let block = file
        .code()
        .skip_while(|(_, line)| *line != opens)
        .take_while(|(_, line)| *line != "}");
    let mut colours = before;
    for (number, line) in block {
        for declaration in line.split(';') {
            let colour = declaration.split_once(':').and_then(|(name, value)| {
                Some((name.trim().strip_prefix("--")?, hex(value.trim())?))
            });
            if let Some((name, colour)) = colour {
                colours.insert(name.to_owned(), (number, colour));
            }
        }
    }
    colours
}

/// A colour of six digits.
fn hex(value: &str) -> Option<[u8; 3]> {
    let digits = value.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    Some([byte(0)?, byte(2)?, byte(4)?])
}

/// The contrast ratio of WCAG 2.
fn contrast(one: [u8; 3], other: [u8; 3]) -> f64 {
    let (one, other) = (luminance(one), luminance(other));
    (one.max(other) + 0.05) / (one.min(other) + 0.05)
}

fn luminance(colour: [u8; 3]) -> f64 {
    let [red, green, blue] = colour.map(|byte| {
        let share = f64::from(byte) / 255.0;
        if share <= 0.04045 {
            share / 12.92
        } else {
            ((share + 0.055) / 1.055).powf(2.4)
        }
    });
    0.2126 * red + 0.7152 * green + 0.0722 * blue
}

#[test]
fn colours_can_be_told_apart() {
    assert_none(&too_faint(&source::all()));
}

#[test]
fn contrast_is_that_of_wcag() {
    let of = |one: &str, other: &str| {
        let colour = |text| hex(text).expect("a colour");
        (contrast(colour(one), colour(other)) * 100.0).round() / 100.0
    };
    // The values that WebAIM's contrast checker gives.
    for (one, other, ratio) in [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#6b7684", "#f0f2f5", 4.12),
    ] {
        assert!((of(one, other) - ratio).abs() < 0.006, "{one} on {other}");
    }
}

#[test]
fn a_faint_colour_is_found_in_its_theme() {
    let tokens = std::fs::read_to_string(source::root().join(TOKENS)).expect("it is there");
    let faint = tokens.replacen("--ink-3: #5f6a78", "--ink-3: #6b7684", 1);
    assert_ne!(tokens, faint);
    assert!(struck(too_faint, TOKENS, &tokens).is_empty());
    // On the page, sunken, and five tinted grounds; on white it is just enough.
    assert_eq!(struck(too_faint, TOKENS, &faint).len(), 7);
}
