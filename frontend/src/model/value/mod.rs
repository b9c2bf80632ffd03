//! The lenses a value can be seen through, and the ways it can be written. A value is bytes; a lens
//! never changes it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::code::Code;
use super::json;

/// A way to see a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lens {
    Json,
    Text,
    Hex,
    Base64,
}

/// A value seen through the lens that fits best, and what may be said of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Nature {
    /// The lens to begin with.
    pub(crate) best: Lens,
    /// It is valid UTF-8.
    pub(crate) text: bool,
    /// It is valid JSON.
    pub(crate) json: bool,
}

/// What a value is.
pub(crate) fn nature(value: &[u8]) -> Nature {
    let Ok(text) = std::str::from_utf8(value) else {
        return Nature {
            best: Lens::Hex,
            text: false,
            json: false,
        };
    };
    // A bare word or number is JSON too, but shown best as the text it is.
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
    Nature {
        best,
        text: true,
        json,
    }
}

/// The lenses that can show a value, in the order they are offered.
pub(crate) fn lenses(nature: Nature) -> Vec<Lens> {
    let mut lenses = Vec::with_capacity(4);
    if nature.json {
        lenses.push(Lens::Json);
    }
    if nature.text {
        lenses.push(Lens::Text);
    }
    lenses.extend([Lens::Hex, Lens::Base64]);
    lenses
}

/// A value through a lens. A lens that cannot show it falls back to hex.
pub(crate) fn show(value: &[u8], lens: Lens) -> Code {
    match (lens, std::str::from_utf8(value)) {
        (Lens::Json, Ok(text)) => match json::pretty(text) {
            Some((text, spans)) => Code::text(text, spans),
            None => Code::text(text.to_owned(), Vec::new()),
        },
        (Lens::Text, Ok(text)) => Code::text(text.to_owned(), Vec::new()),
        (Lens::Base64, _) => Code::base64(&STANDARD.encode(value)),
        _ => Code::hex(value.to_vec()),
    }
}

/// How a draft is written down in a text area.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub(crate) enum Script {
    /// The text itself.
    Text,
    /// Hex digits, blanks between them as one likes.
    Hex,
    /// Base64.
    Base64,
}

/// What stands in the way of reading a draft.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BadDraft {
    /// Hex digits come in pairs.
    OddDigits,
    /// Not a hex digit.
    NotHex,
    /// Not base64.
    NotBase64,
}

/// The scripts a value can be edited in without harm, best first. Not as text: bytes that are not UTF-8,
/// and NUL, which nobody sees and some clipboards end at.
pub(crate) fn scripts(value: &[u8]) -> Vec<Script> {
    let text = std::str::from_utf8(value).is_ok_and(|text| !text.contains('\0'));
    if text {
        vec![Script::Text, Script::Hex, Script::Base64]
    } else {
        vec![Script::Hex, Script::Base64]
    }
}

/// Writes bytes down.
pub(crate) fn write(value: &[u8], script: Script) -> String {
    use std::fmt::Write as _;
    match script {
        Script::Text => String::from_utf8_lossy(value).into_owned(),
        Script::Base64 => STANDARD.encode(value),
        Script::Hex => {
            let mut out = String::with_capacity(value.len() * 3);
            for (at, byte) in value.iter().enumerate() {
                if at > 0 {
                    out.push(if at.is_multiple_of(16) { '\n' } else { ' ' });
                }
                write!(out, "{byte:02x}").expect("a String takes every write");
            }
            out
        }
    }
}

/// Reads a draft back into bytes.
pub(crate) fn read(draft: &str, script: Script) -> Result<Vec<u8>, BadDraft> {
    match script {
        Script::Text => Ok(draft.as_bytes().to_vec()),
        Script::Base64 => {
            let compact: String = draft.chars().filter(|c| !c.is_ascii_whitespace()).collect();
            STANDARD.decode(compact).map_err(|_| BadDraft::NotBase64)
        }
        Script::Hex => {
            let digits: Option<Vec<u8>> = draft
                .chars()
                .filter(|c| !c.is_ascii_whitespace())
                .map(|c| c.to_digit(16).map(|digit| digit as u8))
                .collect();
            let digits = digits.ok_or(BadDraft::NotHex)?;
            if !digits.len().is_multiple_of(2) {
                return Err(BadDraft::OddDigits);
            }
            Ok(digits
                .chunks_exact(2)
                .map(|pair| pair[0] << 4 | pair[1])
                .collect())
        }
    }
}

#[cfg(test)]
mod tests;
