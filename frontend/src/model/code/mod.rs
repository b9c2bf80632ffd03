//! A value as rows that a virtual list can draw one by one, whatever its size.

use super::json::{Span, TokenKind};

#[cfg(test)]
mod tests;

/// Longer lines are split into several rows, so that a line of a megabyte stays cheap to draw.
const MAX_ROW_BYTES: usize = 400;

/// Bytes on a row of the hex lens.
const HEX_ROW: usize = 16;

/// Characters on a row of the base64 lens.
const BASE64_ROW: usize = 76;

/// The range of a row's text, without the line end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Row {
    start: u32,
    end: u32,
    /// The line's number; 0 where a row continues the previous line.
    number: u32,
}

/// A value prepared for drawing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct CodeRows {
    content: Content,
    lines: usize,
}

#[derive(Clone, Debug, PartialEq)]
enum Content {
    Text {
        text: String,
        rows: Vec<Row>,
        spans: Vec<Span>,
    },
    Hex(Vec<u8>),
}

/// A row to draw: the text of the gutter, and coloured pieces.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DrawnRow {
    pub(crate) gutter: String,
    pub(crate) pieces: Vec<(TokenKind, String)>,
}

impl CodeRows {
    /// A text with its coloured spans, in order.
    pub(crate) fn text(text: String, spans: Vec<Span>) -> Self {
        let mut rows = Vec::new();
        let mut number = 0;
        let mut start = 0;
        for line in text.split('\n') {
            number += 1;
            push_rows(&mut rows, &text, start, start + line.len(), number);
            start += line.len() + 1;
        }
        Self {
            content: Content::Text { text, rows, spans },
            lines: number as usize,
        }
    }

    /// Bytes, sixteen per row.
    pub(crate) fn hex(bytes: Vec<u8>) -> Self {
        let lines = bytes.len().div_ceil(HEX_ROW).max(1);
        Self {
            content: Content::Hex(bytes),
            lines,
        }
    }

    /// Base64, wrapped as by `base64`.
    pub(crate) fn base64(encoded: &str) -> Self {
        let mut text = String::with_capacity(encoded.len() + encoded.len() / BASE64_ROW + 1);
        let mut rest = encoded;
        while rest.len() > BASE64_ROW {
            let (row, tail) = rest.split_at(BASE64_ROW);
            text.push_str(row);
            text.push('\n');
            rest = tail;
        }
        text.push_str(rest);
        Self::text(text, Vec::new())
    }

    /// The number of rows to draw.
    pub(crate) fn rows(&self) -> usize {
        match &self.content {
            Content::Text { rows, .. } => rows.len(),
            Content::Hex(_) => self.lines,
        }
    }

    /// The number of lines of the text, or of rows of the hex lens.
    pub(crate) fn lines(&self) -> usize {
        self.lines
    }

    /// The row at an index; an empty one beyond the end.
    pub(crate) fn row(&self, index: usize) -> DrawnRow {
        match &self.content {
            Content::Hex(bytes) => hex_row(bytes, index),
            Content::Text { text, rows, spans } => {
                let Some(row) = rows.get(index) else {
                    return DrawnRow {
                        gutter: String::new(),
                        pieces: Vec::new(),
                    };
                };
                let gutter = if row.number == 0 {
                    "·".to_owned()
                } else {
                    row.number.to_string()
                };
                DrawnRow {
                    gutter,
                    pieces: pieces(text, spans, *row),
                }
            }
        }
    }
}

fn push_rows(rows: &mut Vec<Row>, text: &str, start: usize, end: usize, number: u32) {
    let mut from = start;
    let mut number = number;
    while end - from > MAX_ROW_BYTES {
        let to = floor_boundary(text, from + MAX_ROW_BYTES);
        rows.push(Row {
            start: from as u32,
            end: to as u32,
            number,
        });
        from = to;
        number = 0;
    }
    rows.push(Row {
        start: from as u32,
        end: end as u32,
        number,
    });
}

/// The last character boundary at or before an index.
fn floor_boundary(text: &str, index: usize) -> usize {
    (0..=index)
        .rev()
        .find(|at| text.is_char_boundary(*at))
        .unwrap_or(0)
}

fn pieces(text: &str, spans: &[Span], row: Row) -> Vec<(TokenKind, String)> {
    let mut pieces = Vec::new();
    let mut at = row.start;
    let mut push = |from: u32, to: u32, kind| {
        if to > from {
            pieces.push((kind, text[from as usize..to as usize].to_owned()));
        }
    };
    let first = spans.partition_point(|span| span.end <= row.start);
    for span in &spans[first..] {
        if span.start >= row.end {
            break;
        }
        let (from, to) = (span.start.max(row.start), span.end.min(row.end));
        push(at, from, TokenKind::Plain);
        push(from, to, span.kind);
        at = to;
    }
    push(at, row.end, TokenKind::Plain);
    pieces
}

fn hex_row(bytes: &[u8], index: usize) -> DrawnRow {
    use std::fmt::Write as _;
    let offset = index * HEX_ROW;
    let row = bytes
        .get(offset..)
        .map_or(&[][..], |rest| &rest[..rest.len().min(HEX_ROW)]);
    let mut digits = String::with_capacity(HEX_ROW * 3 + 2);
    for at in 0..HEX_ROW {
        if at == HEX_ROW / 2 {
            digits.push(' ');
        }
        match row.get(at) {
            Some(byte) => write!(digits, "{byte:02x} ").expect("writing to a String never fails"),
            None => digits.push_str("   "),
        }
    }
    let shown: String = row
        .iter()
        .map(|byte| {
            if matches!(byte, 0x20..0x7f) {
                char::from(*byte)
            } else {
                '·'
            }
        })
        .collect();
    DrawnRow {
        gutter: format!("{offset:06x}"),
        pieces: vec![
            (TokenKind::Plain, digits),
            (TokenKind::Text, format!(" {shown}")),
        ],
    }
}
