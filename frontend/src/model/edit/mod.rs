//! A value being edited in a text area, as text, hex or base64. Parts that the user does not touch keep their
//! bytes.

mod ends;
mod indent;
mod text;

#[cfg(test)]
mod tests;

pub(crate) use ends::{LineEnd, LineEnds, lines};
pub(crate) use indent::{Replacement, indent};
pub(crate) use text::{Change, EditedText, WindowLines};

use super::value::{DecodeError, Encoding, decode, encode};

/// Characters per row of base64.
const BASE64_ROW: usize = 76;

/// Texts of more bytes are large.
const LARGE: usize = 64 * 1024;

/// A value being edited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Edited {
    encoding: Encoding,
    text: EditedText,
}

impl Edited {
    /// Starts with a value. Bytes that are not UTF-8 must not be edited as text: see
    /// [`editable_encodings`](super::value::editable_encodings).
    pub(crate) fn new(value: &[u8], encoding: Encoding) -> Self {
        let text = encode(value, encoding);
        if encoding == Encoding::Base64 {
            // In rows, so that a long value has lines and can be shown one window at a time.
            let rows: Vec<&str> = text
                .as_bytes()
                .chunks(BASE64_ROW)
                .map(|row| std::str::from_utf8(row).expect("base64 is ASCII"))
                .collect();
            return Self::from_text(&rows.join("\n"), encoding);
        }
        Self::from_text(&text, encoding)
    }

    /// Continues with a text returned by [`Self::text`].
    pub(crate) fn from_text(text: &str, encoding: Encoding) -> Self {
        Self {
            encoding,
            text: EditedText::new(text),
        }
    }

    /// The encoding of the text.
    pub(crate) fn encoding(&self) -> Encoding {
        self.encoding
    }

    /// The whole text with its actual line ends.
    pub(crate) fn text(&self) -> String {
        self.text.text()
    }

    /// The text as the text area needs it.
    pub(crate) fn text_area(&self) -> &EditedText {
        &self.text
    }

    /// The text as the text area needs it, to apply input.
    pub(crate) fn text_area_mut(&mut self) -> &mut EditedText {
        &mut self.text
    }

    /// The decoded bytes.
    pub(crate) fn value(&self) -> Result<Vec<u8>, DecodeError> {
        decode(&self.text(), self.encoding)
    }

    /// Whether the text is so large that a text area may be slow: checks then wait until typing stops for a moment.
    pub(crate) fn is_large(&self) -> bool {
        self.text.len() > LARGE
    }
}
