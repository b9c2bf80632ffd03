//! Indentation by Tab in a text area.

use std::ops::Range;

/// A replacement in a text area. Positions are in UTF-16 code units, as those of its selection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replacement {
    /// The range to replace.
    pub(crate) range: Range<usize>,
    pub(crate) text: String,
    /// The selection after the replacement.
    pub(crate) selection: Range<usize>,
}

/// The indentation of one level: a tab, unless lines begin with spaces; then the spaces of the least
/// indented one, at most 8.
fn indent_step(text: &str) -> String {
    let mut least = usize::MAX;
    for line in text.split('\n') {
        if line.starts_with('\t') {
            return "\t".to_owned();
        }
        let blanks = line.len() - line.trim_start_matches(' ').len();
        // Blank lines are ignored, and a single space is an alignment.
        if blanks > 1 && blanks < line.len() {
            least = least.min(blanks);
        }
    }
    if least == usize::MAX {
        "\t".to_owned()
    } else {
        " ".repeat(least.min(8))
    }
}

/// Tab, or with `back` Shift+Tab. Without a line end in the selection Tab inserts one level at the
/// caret; otherwise all lines that the selection touches are indented. `None` if nothing changes.
pub(crate) fn indent(text: &str, selection: Range<usize>, back: bool) -> Option<Replacement> {
    let step = indent_step(text);
    let range = byte_at(text, selection.start)..byte_at(text, selection.end);
    let multi_line = text[range.clone()].contains('\n');
    if !multi_line && !back {
        let caret = selection.start + step.len();
        return Some(Replacement {
            range: selection,
            text: step,
            selection: caret..caret,
        });
    }
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    // A selection that ends at the start of a line does not touch it.
    let last = if multi_line && text[..range.end].ends_with('\n') {
        range.end - 1
    } else {
        range.end
    };
    let end = text[last..].find('\n').map_or(text.len(), |at| last + at);
    let moved: Vec<String> = text[start..end]
        .split('\n')
        .map(|line| {
            if back {
                unindented(line, &step).to_owned()
            } else if line.is_empty() {
                String::new()
            } else {
                format!("{step}{line}")
            }
        })
        .collect();
    let moved = moved.join("\n");
    if moved == text[start..end] {
        return None;
    }
    let from = utf16_len(&text[..start]);
    let to = from + utf16_len(&moved);
    let selection = if multi_line {
        from..to
    } else {
        let less = utf16_len(&text[start..end]) - utf16_len(&moved);
        let at = |caret: usize| caret.saturating_sub(less).max(from);
        at(selection.start)..at(selection.end)
    };
    Some(Replacement {
        range: from..from + utf16_len(&text[start..end]),
        text: moved,
        selection,
    })
}

/// A line without one level of its indentation.
fn unindented<'a>(line: &'a str, step: &str) -> &'a str {
    if let Some(rest) = line.strip_prefix('\t') {
        return rest;
    }
    let most = if step == "\t" { 4 } else { step.len() };
    let blanks = line.len() - line.trim_start_matches(' ').len();
    &line[blanks.min(most)..]
}

fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

/// The byte offset of a UTF-16 offset.
fn byte_at(text: &str, mut units: usize) -> usize {
    for (at, c) in text.char_indices() {
        if units == 0 {
            return at;
        }
        units = units.saturating_sub(c.len_utf16());
    }
    text.len()
}
