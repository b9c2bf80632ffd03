//! The colours of `tokens.css` have the contrast that WCAG 2.2 requires, in both themes: text 4.5 to 1
//! (1.4.3); edges, focus rings and drawings 3 to 1 (1.4.11).

use std::collections::HashMap;

use super::source::{self, Finding, Source};
use super::{assert_none, broken_lines};

const TOKENS: &str = "frontend/styles/tokens.css";

/// Background colours of text.
const BACKGROUNDS: [&str; 8] = [
    "bg",
    "surface",
    "sunken",
    "raised",
    "accent-soft",
    "put-soft",
    "del-soft",
    "lock-soft",
];
/// Text colours used on all of them.
const TEXT: [&str; 8] = [
    "ink", "ink-2", "ink-3", "accent", "put", "del", "lock", "lease",
];
/// Text colours, each with the one background it is used on.
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
/// Colours of edges and drawings.
const DRAWN: [&str; 9] = [
    "edge", "focus", "live", "who-0", "who-1", "who-2", "who-3", "who-4", "who-5",
];
/// Background colours of edges and drawings.
const DRAWN_ON: [&str; 4] = ["bg", "surface", "sunken", "raised"];

fn too_faint(files: &[Source]) -> Vec<Finding> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path == TOKENS) {
        let text = || {
            let on_all = TEXT
                .iter()
                .flat_map(|text| BACKGROUNDS.iter().map(|background| (*text, *background)));
            on_all
                .chain(PAIRS)
                .map(|(text, background)| (text, background, 4.5))
        };
        let drawn = || {
            let on_all = DRAWN
                .iter()
                .flat_map(|part| DRAWN_ON.iter().map(|on| (*part, *on)));
            on_all.map(|(part, background)| (part, background, 3.0))
        };
        let light = tokens(file, ":root {", HashMap::new());
        let dark = tokens(file, "[data-theme=\"dark\"] {", light.clone());
        for (theme, colours) in [("light", light), ("dark", dark)] {
            for (name, background, minimum) in text().chain(drawn()) {
                let (Some((line, front)), Some((_, back))) =
                    (colours.get(name), colours.get(background))
                else {
                    let message =
                        format!("--{name} or --{background} has no colour in the {theme} theme");
                    found.push(file.finding(1, message));
                    continue;
                };
                let contrast = contrast(*front, *back);
                if contrast < minimum {
                    let message = format!(
                        "--{name} on --{background} in the {theme} theme is {contrast:.2} to 1; it must be {minimum} to 1"
                    );
                    found.push(file.finding(*line, message));
                }
            }
        }
    }
    found
}

/// The colours in the block with this first line, by name, with their line numbers; they override those of
/// `inherited`.
fn tokens(
    file: &Source,
    first_line: &str,
    inherited: HashMap<String, (usize, [u8; 3])>,
) -> HashMap<String, (usize, [u8; 3])> {
    let block = file
        .code()
        .skip_while(|(_, line)| *line != first_line)
        .take_while(|(_, line)| *line != "}");
    let mut colours = inherited;
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

/// Parses a colour of six hexadecimal digits.
fn hex(value: &str) -> Option<[u8; 3]> {
    let digits = value.strip_prefix('#').filter(|digits| digits.len() == 6)?;
    let byte = |at: usize| u8::from_str_radix(digits.get(at..at + 2)?, 16).ok();
    Some([byte(0)?, byte(2)?, byte(4)?])
}

/// The contrast ratio as defined by WCAG 2.
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
fn colours_have_enough_contrast() {
    assert_none(&too_faint(&source::all()));
}

#[test]
fn contrast_is_computed_as_wcag_defines_it() {
    let of = |one: &str, other: &str| {
        let colour = |text| hex(text).expect("a colour");
        (contrast(colour(one), colour(other)) * 100.0).round() / 100.0
    };
    // Reference values of WebAIM's contrast checker.
    for (one, other, ratio) in [
        ("#000000", "#ffffff", 21.0),
        ("#777777", "#ffffff", 4.48),
        ("#6b7684", "#f0f2f5", 4.12),
    ] {
        assert!((of(one, other) - ratio).abs() < 0.006, "{one} on {other}");
    }
}

#[test]
fn a_faint_colour_is_found() {
    let tokens = std::fs::read_to_string(source::root().join(TOKENS)).expect("the file exists");
    let faint = tokens.replacen("--ink-3: #5f6a78", "--ink-3: #6b7684", 1);
    assert_ne!(tokens, faint);
    assert!(broken_lines(too_faint, TOKENS, &tokens).is_empty());
    // On the page, on sunken and on five tinted backgrounds; on white it is just enough.
    assert_eq!(broken_lines(too_faint, TOKENS, &faint).len(), 7);
}
