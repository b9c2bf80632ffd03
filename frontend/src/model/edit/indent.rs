//! What Tab does in a text area that edits text: it indents.

use std::ops::Range;

/// A replacement to make in a text area, in UTF-16 units as its selection is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Replacement {
    /// What is replaced.
    pub(crate) range: Range<usize>,
    pub(crate) text: String,
    /// The selection afterwards.
    pub(crate) selection: Range<usize>,
}

/// The step by which a text is indented: a tab, unless its lines begin with blanks; then as many as
/// the least indented of them has, 8 at most.
fn indent_step(text: &str) -> String {
    let mut least = usize::MAX;
    for line in text.split('\n') {
        if line.starts_with('\t') {
            return "\t".to_owned();
        }
        let blanks = line.len() - line.trim_start_matches(' ').len();
        // A line of blanks says nothing, and a single one is an alignment.
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

/// Tab, or with `back` Shift and Tab. Without a line end in the selection Tab inserts one step at the
/// caret; otherwise all lines that the selection touches move. `None` when there is nothing to do.
pub(crate) fn indent(text: &str, selection: Range<usize>, back: bool) -> Option<Replacement> {
    let step = indent_step(text);
    let range = byte_at(text, selection.start)..byte_at(text, selection.end);
    let several = text[range.clone()].contains('\n');
    if !several && !back {
        let caret = selection.start + step.len();
        return Some(Replacement {
            range: selection,
            text: step,
            selection: caret..caret,
        });
    }
    let start = text[..range.start].rfind('\n').map_or(0, |at| at + 1);
    // A selection that ends at the start of a line does not touch it.
    let last = if several && text[..range.end].ends_with('\n') {
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
    let selection = if several {
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

/// A line with one step of its indentation less.
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

/// The byte after so many UTF-16 units.
fn byte_at(text: &str, mut units: usize) -> usize {
    for (at, c) in text.char_indices() {
        if units == 0 {
            return at;
        }
        units = units.saturating_sub(c.len_utf16());
    }
    text.len()
}
