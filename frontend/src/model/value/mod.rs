//! The lenses through which a value is viewed, and the encodings in which it is edited. A value is bytes; a lens
//! never changes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::code::CodeRows;
use super::json;

#[cfg(test)]
mod tests;

/// A way to view a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lens {
    Json,
    Text,
    Hex,
    Base64,
}

/// The detected format of a value, and the best lens for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Detected {
    /// The lens shown first.
    pub(crate) best: Lens,
    /// Whether it is valid UTF-8.
    pub(crate) text: bool,
    /// Whether it is valid JSON.
    pub(crate) json: bool,
}

/// Detects the format of a value.
pub(crate) fn detect(value: &[u8]) -> Detected {
    let Ok(text) = std::str::from_utf8(value) else {
        return Detected {
            best: Lens::Hex,
            text: false,
            json: false,
        };
    };
    // A bare literal or number is JSON, too, but is best shown as text.
    let bracket = text.trim_start().starts_with(['{', '[']);
    let json = json::pretty(text).is_some();
    let odd = text
        .chars()
        .any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t'));
    let best = match (json && bracket, odd) {
        (true, _) => Lens::Json,
        (false, true) => Lens::Hex,
        (false, false) => Lens::Text,
    };
    Detected {
        best,
        text: true,
        json,
    }
}

/// The lenses that can show a value, in the order in which they are offered.
pub(crate) fn lenses(detected: Detected) -> Vec<Lens> {
    let mut lenses = Vec::with_capacity(4);
    if detected.json {
        lenses.push(Lens::Json);
    }
    if detected.text {
        lenses.push(Lens::Text);
    }
    lenses.extend([Lens::Hex, Lens::Base64]);
    lenses
}

/// A value viewed through a lens; hex if the lens cannot show it.
pub(crate) fn show(value: &[u8], lens: Lens) -> CodeRows {
    match (lens, std::str::from_utf8(value)) {
        (Lens::Json, Ok(text)) => match json::pretty(text) {
            Some((text, spans)) => CodeRows::text(text, spans),
            None => CodeRows::text(text.to_owned(), Vec::new()),
        },
        (Lens::Text, Ok(text)) => CodeRows::text(text.to_owned(), Vec::new()),
        (Lens::Base64, _) => CodeRows::base64(&STANDARD.encode(value)),
        _ => CodeRows::hex(value.to_vec()),
    }
}

/// The encoding of a draft in a text area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Encoding {
    /// The text itself.
    Text,
    /// Hex digits with optional whitespace between them.
    Hex,
    /// Base64.
    Base64,
}

/// Why a draft cannot be decoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum DecodeError {
    /// An odd number of hex digits.
    OddDigits,
    /// A character that is not a hex digit.
    NotHex,
    /// Invalid base64.
    NotBase64,
}

/// The encodings in which a value can be edited without damage, best first. Not text if it has bytes that are not
/// UTF-8, or NUL, which is invisible and at which some clipboards end.
pub(crate) fn editable_encodings(value: &[u8]) -> Vec<Encoding> {
    let text = std::str::from_utf8(value).is_ok_and(|text| !text.contains('\0'));
    if text {
        vec![Encoding::Text, Encoding::Hex, Encoding::Base64]
    } else {
        vec![Encoding::Hex, Encoding::Base64]
    }
}

/// Encodes bytes as a draft.
pub(crate) fn encode(value: &[u8], encoding: Encoding) -> String {
    use std::fmt::Write as _;
    match encoding {
        Encoding::Text => String::from_utf8_lossy(value).into_owned(),
        Encoding::Base64 => STANDARD.encode(value),
        Encoding::Hex => {
            let mut out = String::with_capacity(value.len() * 3);
            for (at, byte) in value.iter().enumerate() {
                if at > 0 {
                    out.push(if at.is_multiple_of(16) { '\n' } else { ' ' });
                }
                write!(out, "{byte:02x}").expect("writing to a String never fails");
            }
            out
        }
    }
}

/// Decodes a draft.
pub(crate) fn decode(draft: &str, encoding: Encoding) -> Result<Vec<u8>, DecodeError> {
    match encoding {
        Encoding::Text => Ok(draft.as_bytes().to_vec()),
        Encoding::Base64 => {
            let compact: String = draft.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            STANDARD.decode(compact).map_err(|_| DecodeError::NotBase64)
        }
        Encoding::Hex => {
            let digits: Option<Vec<u8>> = draft
                .chars()
                .filter(|c| !c.is_ascii_whitespace())
                .map(|c| c.to_digit(16).map(|digit| digit as u8))
                .collect();
            let digits = digits.ok_or(DecodeError::NotHex)?;
            if !digits.len().is_multiple_of(2) {
                return Err(DecodeError::OddDigits);
            }
            Ok(digits
                .chunks_exact(2)
                .map(|pair| pair[0] << 4 | pair[1])
                .collect())
        }
    }
}
