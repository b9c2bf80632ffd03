//! A value as typed into the builder.

use serde::{Deserialize, Serialize};
use shared::Bytes;

use super::{Encoding, Wrong};
use crate::model::value::{DecodeError, decode, encode};

/// A value as typed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct ValueForm {
    /// Text or base64.
    pub(crate) encoding: Encoding,
    pub(crate) text: String,
}

impl Default for ValueForm {
    fn default() -> Self {
        Self {
            encoding: Encoding::Text,
            text: String::new(),
        }
    }
}

impl ValueForm {
    /// Bytes in the encoding in which a text field changes none of them: a field turns CR into LF, and control
    /// characters are invisible in it.
    pub(crate) fn of(bytes: &[u8]) -> Self {
        let encoding = if is_editable_text(bytes) {
            Encoding::Text
        } else {
            Encoding::Base64
        };
        Self {
            encoding,
            text: encode(bytes, encoding),
        }
    }

    /// The bytes.
    pub(crate) fn bytes(&self) -> Result<Bytes, Wrong> {
        decode(&self.text, self.encoding)
            .map(Bytes)
            .map_err(|error| match error {
                DecodeError::NotBase64 => Wrong::NotBase64,
                DecodeError::OddDigits | DecodeError::NotHex => Wrong::NotHex,
            })
    }

    /// The same value in another encoding; unchanged if it cannot be converted.
    pub(crate) fn converted(&self, encoding: Encoding) -> Self {
        let bytes = self.bytes().ok();
        let fits = |bytes: &Bytes| encoding != Encoding::Text || is_editable_text(&bytes.0);
        match bytes.filter(fits) {
            Some(bytes) => Self {
                encoding,
                text: encode(&bytes.0, encoding),
            },
            None => self.clone(),
        }
    }
}

fn is_editable_text(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_ok_and(|text| {
        text.chars()
            .all(|c| !c.is_control() || matches!(c, '\n' | '\t'))
    })
}
