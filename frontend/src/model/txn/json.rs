//! The JSON of a body, as the page shows and reads it.

use std::fmt::Write as _;

use shared::{OpRequest, TxnRequest};

use super::{Body, Mode};
use crate::model::key_text;

/// Width up to which an object or list stays on one line.
const WIDTH: usize = 76;

/// Why a text is not a body.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct JsonError {
    /// From 1; 0 if the place is not known.
    pub(crate) line: usize,
    /// From 1.
    pub(crate) column: usize,
    pub(crate) message: String,
}

impl From<serde_json::Error> for JsonError {
    fn from(error: serde_json::Error) -> Self {
        let (line, column) = (error.line(), error.column());
        let message = error.to_string();
        let suffix = format!(" at line {line} column {column}");
        let message = message.strip_suffix(&suffix).unwrap_or(&message);
        Self {
            line,
            column,
            message: key_text::escape_invisible(message),
        }
    }
}

/// Parses a body.
pub(crate) fn parse(mode: Mode, text: &str) -> Result<Body, JsonError> {
    Ok(match mode {
        Mode::Txn => Body::Txn(serde_json::from_str::<TxnRequest>(text)?),
        Mode::Single => Body::Single(serde_json::from_str::<OpRequest>(text)?),
    })
}

/// A body on one line.
pub(crate) fn compact(body: &Body) -> String {
    let text = match body {
        Body::Txn(txn) => serde_json::to_string(txn),
        Body::Single(op) => serde_json::to_string(op),
    };
    text.expect("our own types serialise")
}

/// A body indented; short objects stay on one line. Invisible characters and those that change the text direction
/// are escaped.
pub(crate) fn print(body: &Body) -> String {
    let text = compact(body);
    let mut reader = Reader { text: &text, at: 0 };
    let mut out = String::with_capacity(text.len() * 5 / 4);
    reader.value().write(&mut out, 0, true);
    out
}

/// A parsed value; scalars as they are printed.
enum Node {
    Scalar(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
}

/// Reads the compact JSON that serde wrote, which is valid.
struct Reader<'a> {
    text: &'a str,
    at: usize,
}

impl Reader<'_> {
    fn peek(&self) -> u8 {
        self.text.as_bytes().get(self.at).copied().unwrap_or(b'}')
    }

    fn value(&mut self) -> Node {
        match self.peek() {
            b'{' => {
                let mut members = Vec::new();
                self.items(b'}', |reader| {
                    let name = reader.scalar();
                    reader.at += 1;
                    members.push((name, reader.value()));
                });
                Node::Object(members)
            }
            b'[' => {
                let mut items = Vec::new();
                self.items(b']', |reader| items.push(reader.value()));
                Node::List(items)
            }
            _ => Node::Scalar(self.scalar()),
        }
    }

    /// Reads what is between two brackets.
    fn items(&mut self, end: u8, mut read: impl FnMut(&mut Self)) {
        self.at += 1;
        while self.at < self.text.len() && self.peek() != end {
            read(self);
            if self.peek() == b',' {
                self.at += 1;
            }
        }
        self.at += 1;
    }

    /// A string, a number or a literal.
    fn scalar(&mut self) -> String {
        let bytes = self.text.as_bytes();
        let start = self.at;
        if self.peek() == b'"' {
            self.at += 1;
            while self.at < bytes.len() && bytes[self.at] != b'"' {
                self.at += if bytes[self.at] == b'\\' { 2 } else { 1 };
            }
            self.at += 1;
        } else {
            while self.at < bytes.len() && !matches!(bytes[self.at], b',' | b'}' | b']') {
                self.at += 1;
            }
        }
        escaped(self.text.get(start..self.at).unwrap_or_default())
    }
}

/// Escapes what a reader could not see.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        if c == ' ' || c.is_ascii_graphic() || (!c.is_ascii() && key_text::is_visible(c)) {
            out.push(c);
        } else {
            for unit in c.encode_utf16(&mut [0; 2]) {
                write!(out, "\\u{unit:04x}").expect("writing to a String never fails");
            }
        }
    }
    out
}

impl Node {
    /// The length on one line.
    fn width(&self) -> usize {
        match self {
            Self::Scalar(text) => text.chars().count(),
            Self::List(items) => 2 + items.iter().map(|item| item.width() + 2).sum::<usize>(),
            Self::Object(members) => {
                let members = members.iter();
                2 + members
                    .map(|(name, item)| name.chars().count() + item.width() + 4)
                    .sum::<usize>()
            }
        }
    }

    fn write(&self, out: &mut String, indent: usize, outermost: bool) {
        let one_line = !outermost && indent + self.width() <= WIDTH;
        let separate = |out: &mut String, first: bool| {
            if !first {
                out.push(',');
            }
            if !one_line {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', indent + 2));
            } else if !first {
                out.push(' ');
            }
        };
        let close = |out: &mut String, empty: bool, bracket: char| {
            if !one_line && !empty {
                out.push('\n');
                out.extend(std::iter::repeat_n(' ', indent));
            }
            out.push(bracket);
        };
        match self {
            Self::Scalar(text) => out.push_str(text),
            Self::List(items) => {
                out.push('[');
                for (n, item) in items.iter().enumerate() {
                    separate(out, n == 0);
                    item.write(out, indent + 2, false);
                }
                close(out, items.is_empty(), ']');
            }
            Self::Object(members) => {
                out.push('{');
                for (n, (name, item)) in members.iter().enumerate() {
                    separate(out, n == 0);
                    out.push_str(name);
                    out.push_str(": ");
                    item.write(out, indent + 2, false);
                }
                close(out, members.is_empty(), '}');
            }
        }
    }
}
