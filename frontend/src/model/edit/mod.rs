//! A value while it is edited: as text, hex or base64, in a text area. What was not touched keeps its
//! bytes.

mod ends;
mod indent;
mod text;

#[cfg(test)]
mod tests;

pub(crate) use ends::{LineEnd, LineEnds, lines};
pub(crate) use indent::{Replacement, indent};
pub(crate) use text::{EditedText, WindowLines};

use super::value::{DecodeError, Encoding, decode, encode};

/// Characters on a row of base64.
const BASE64_ROW: usize = 76;

/// Bytes of a large text.
const LARGE: usize = 64 * 1024;

/// A value while it is edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edited {
    encoding: Encoding,
    text: EditedText,
}

impl Edited {
    /// Begins with a value. Bytes that are not UTF-8 must not be edited as text: see
    /// [`editable_encodings`](super::value::editable_encodings).
    pub(crate) fn new(value: &[u8], encoding: Encoding) -> Self {
        let text = encode(value, encoding);
        if encoding == Encoding::Base64 {
            // In rows, so that a long value has lines that can be shown a window at a time.
            let rows: Vec<&str> = text
                .as_bytes()
                .chunks(BASE64_ROW)
                .map(|row| std::str::from_utf8(row).expect("base64 is ASCII"))
                .collect();
            return Self::from_text(&rows.join("\n"), encoding);
        }
        Self::from_text(&text, encoding)
    }

    /// Goes on with a text as [`Self::text`] gave it.
    pub(crate) fn from_text(text: &str, encoding: Encoding) -> Self {
        Self {
            encoding,
            text: EditedText::new(text),
        }
    }

    /// How the bytes are written.
    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The whole of what is written, with its own line ends.
    pub(crate) fn text(&self) -> String {
        self.text.text()
    }

    /// For the text area.
    pub(crate) fn text_area(&self) -> &EditedText {
        &self.text
    }

    /// For the text area.
    pub(crate) fn text_area_mut(&mut self) -> &mut EditedText {
        &mut self.text
    }

    /// The bytes that are written.
    pub(crate) fn value(&self) -> Result<Vec<u8>, DecodeError> {
        decode(&self.text(), self.encoding)
    }

    /// Whether a text area may be slow with it: checks then wait for a pause in the typing.
    pub(crate) fn is_large(&self) -> bool {
        self.text.len() > LARGE
    }
}
