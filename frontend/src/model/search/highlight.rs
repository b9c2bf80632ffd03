//! Texts of keys and previews, divided at the ranges that match.

use crate::model::key_text::{display, escape_invisible};

/// A part of a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) text: String,
    /// Whether it matches.
    pub(crate) hit: bool,
}

/// A key in its display form. It is not divided where its parts would look different than within the key.
pub(crate) fn key_parts(key: &[u8], ranges: &[[usize; 2]]) -> Vec<Part> {
    let parts = divide(key, ranges, display);
    let whole = display(key);
    let joined = parts.iter().map(|part| &*part.text).collect::<String>();
    if joined == whole {
        return parts;
    }
    vec![Part {
        text: whole,
        hit: false,
    }]
}

/// A part of a value as one line of text.
pub(crate) fn preview_parts(preview: &[u8], ranges: &[[usize; 2]]) -> Vec<Part> {
    divide(preview, ranges, one_line)
}

/// Bytes as one line: blanks for line breaks and tabs, replacement characters for what is not UTF-8.
fn one_line(bytes: &[u8]) -> String {
    bytes
        .utf8_chunks()
        .map(|chunk| {
            let text = escape_invisible(&chunk.valid().replace(['\n', '\r', '\t'], " "));
            let unreadable = if chunk.invalid().is_empty() {
                ""
            } else {
                "\u{fffd}"
            };
            text + unreadable
        })
        .collect()
}

/// Divides bytes at ranges, which are in order. Characters are not divided.
fn divide(bytes: &[u8], ranges: &[[usize; 2]], text: impl Fn(&[u8]) -> String) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut add = |bytes: &[u8], hit| {
        if !bytes.is_empty() {
            parts.push(Part {
                text: text(bytes),
                hit,
            });
        }
    };
    let mut at = 0;
    for [start, end] in ranges {
        let start = boundary(bytes, *start, false).max(at);
        let end = boundary(bytes, *end, true);
        if start < end {
            add(&bytes[at..start], false);
            add(&bytes[start..end], true);
            at = end;
        }
    }
    add(&bytes[at..], false);
    parts
}

/// The nearest boundary of a character before an offset, or after it; the offset itself in bytes that are not UTF-8.
fn boundary(bytes: &[u8], at: usize, after: bool) -> usize {
    let at = at.min(bytes.len());
    let Ok(text) = std::str::from_utf8(bytes) else {
        return at;
    };
    let mut at = at;
    while !text.is_char_boundary(at) {
        at = if after { at + 1 } else { at - 1 };
    }
    at
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(parts: Vec<Part>, expected: &[(&str, bool)]) {
        let parts: Vec<_> = parts.iter().map(|part| (&*part.text, part.hit)).collect();
        assert_eq!(parts, expected);
    }

    #[test]
    fn a_key_is_divided_in_its_display_form() {
        check(
            key_parts(b"/a/b", &[[1, 2], [3, 4]]),
            &[("/", false), ("a", true), ("/", false), ("b", true)],
        );
        check(
            key_parts(b"/\xff\0k", &[[1, 3]]),
            &[("/", false), (r"\xFF\x00", true), ("k", false)],
        );
        check(
            key_parts("/größe".as_bytes(), &[[3, 4]]),
            &[("/gr", false), ("ö", true), ("ße", false)],
        );
        check(key_parts(b"/a", &[]), &[("/a", false)]);
        // An empty match, and ranges outside of the key.
        check(key_parts(b"ab", &[[1, 1], [2, 9]]), &[("ab", false)]);
    }

    #[test]
    fn a_key_that_cannot_be_divided_is_shown_whole() {
        // A blank at the start of a part is escaped, within the key it is not.
        let parts = key_parts(b"a b", &[[1, 2]]);
        assert_eq!(
            parts.iter().map(|part| &*part.text).collect::<String>(),
            "a b"
        );
    }

    #[test]
    fn a_preview_is_one_line() {
        check(
            preview_parts(b"{\n\t\"a\": 1}", &[[4, 5]]),
            &[("{  \"", false), ("a", true), ("\": 1}", false)],
        );
        check(
            preview_parts(b"\xffword", &[[1, 5]]),
            &[("\u{fffd}", false), ("word", true)],
        );
    }
}
