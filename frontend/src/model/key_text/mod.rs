//! The reversible display form of keys, used wherever a key is shown, copied or typed.
//!
//! `display` converts any bytes to text, `parse` converts that text back. Both use three escapes:
//! `\\` is a backslash, `\xFF` a byte, `\u{202E}` a character. Different keys have different texts that also
//! look different, as far as Unicode can tell: characters that are invisible, that reorder or merge with
//! their neighbours, or that are not in the composed form (NFC) are escaped; everything else is kept,
//! so `/a/b c`, `占用` and `🔒` look like themselves. Look-alikes of other scripts (Cyrillic `а`)
//! are not escaped: they are ordinary letters there.
//!
//! A segment between two `/` has the same text alone and within its path, so segments can be shown,
//! joined and parsed again.

use std::fmt::Write as _;

use icu_normalizer::ComposingNormalizerBorrowed;
use icu_properties::props::{
    BidiClass, DefaultIgnorableCodePoint, GeneralCategory, GeneralCategoryGroup,
};
use icu_properties::{CodePointMapData, CodePointSetData};

#[cfg(test)]
mod tests;

/// Limit of combining marks on one character; more are drawn over each other.
const MAX_MARKS: usize = 8;

/// A backslash that does not start a valid escape.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct BadEscape {
    /// The backslash and what follows it, in display form.
    pub(crate) found: String,
}

/// The display form of a key, prefix or name; [`parse`] is the inverse.
pub(crate) fn display(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 8);
    for chunk in bytes.utf8_chunks() {
        push_text(&mut out, chunk.valid(), !chunk.invalid().is_empty());
        for byte in chunk.invalid() {
            push_byte(&mut out, *byte);
        }
    }
    out
}

/// Parses a typed or pasted text.
pub(crate) fn parse(text: &str) -> Result<Vec<u8>, BadEscape> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('\\') {
        out.extend_from_slice(&rest.as_bytes()[..at]);
        let escape = &rest[at..];
        let Some((bytes, length)) = read_escape(escape) else {
            return Err(BadEscape {
                found: bad_escape(escape),
            });
        };
        out.extend_from_slice(&bytes);
        rest = &escape[length..];
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(out)
}

/// The display form to show below a field if the typed text is ambiguous: it has an escape of a byte or
/// character, or its display form differs from it.
pub(crate) fn reading(text: &str) -> Option<String> {
    let canonical = display(&parse(text).ok()?);
    let escapes = text.replace(r"\\", "").contains('\\');
    (escapes || canonical != text).then_some(canonical)
}

/// The display form of a key for a sentence or an attribute, where no element isolates its text direction.
pub(crate) fn in_sentence(bytes: &[u8]) -> String {
    isolate(&display(bytes))
}

/// Isolates a text so that it cannot reorder its surroundings: with U+2066 and U+2069, if it has letters
/// that run from right to left.
pub(crate) fn isolate(text: &str) -> String {
    if text.chars().any(is_right_to_left) {
        format!("\u{2066}{text}\u{2069}")
    } else {
        text.to_owned()
    }
}

/// Escapes invisible characters and those that change the text direction, in a text from elsewhere (such as
/// the gateway) that may contain a raw key.
pub(crate) fn escape_invisible(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' | ' '..='~' => out.push(c),
            c if is_visible(c) => out.push(c),
            c => push_char(&mut out, c),
        }
    }
    out
}

/// Whether a character changes the text direction of the characters around it.
pub(crate) fn changes_direction(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// A case-insensitive filter of keys by a typed part.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KeyFilter {
    /// The parsed text in lower case; `None` while it has an invalid escape.
    bytes: Option<Vec<u8>>,
    /// The text itself in lower case: an unfinished escape is matched against the display form.
    text: String,
}

impl KeyFilter {
    pub(crate) fn new(text: &str) -> Self {
        Self {
            bytes: parse(text).ok().map(|bytes| lower_case(&bytes)),
            text: text.to_lowercase(),
        }
    }

    /// Whether every key matches.
    pub(crate) fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Whether the filter spans more than one level of the tree.
    pub(crate) fn has_separator(&self) -> bool {
        self.text.contains('/')
    }

    /// Whether a key, or a part of one, contains the text.
    pub(crate) fn matches(&self, key: &[u8]) -> bool {
        match &self.bytes {
            Some(bytes) => {
                bytes.is_empty()
                    || lower_case(key)
                        .windows(bytes.len())
                        .any(|window| window == bytes)
            }
            None => display(key).to_lowercase().contains(&self.text),
        }
    }
}

fn lower_case(bytes: &[u8]) -> Vec<u8> {
    if bytes.is_ascii() {
        return bytes.to_ascii_lowercase();
    }
    let mut out = Vec::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        out.extend_from_slice(chunk.valid().to_lowercase().as_bytes());
        out.extend_from_slice(chunk.invalid());
    }
    out
}

/// Appends valid text; `followed` if an escape follows it.
fn push_text(out: &mut String, text: &str, followed: bool) {
    // The base character of following marks, with its marks so far; empty after an escape.
    let mut base = String::new();
    let mut chars = text.chars().peekable();
    let mut before = out.chars().next_back();
    while let Some(c) = chars.next() {
        let after = chars.peek().copied();
        let raw = match c {
            '\\' => false,
            ' ' => {
                let edge = |c: Option<char>, open: bool| c.map_or(open, |c| c == ' ' || c == '/');
                !edge(before, out.is_empty()) && !edge(after, !followed)
            }
            '!'..='~' => true,
            _ => is_visible(c) && is_distinct_after(&base, c),
        };
        before = Some(c);
        if raw {
            out.push(c);
            if !is_mark(c) {
                base.clear();
            }
            base.push(c);
        } else {
            push_char(out, c);
            base.clear();
        }
    }
}

fn push_char(out: &mut String, c: char) {
    match c {
        '\\' => out.push_str(r"\\"),
        c if c.is_ascii() => push_byte(out, c as u8),
        c => write!(out, "\\u{{{:X}}}", u32::from(c)).expect("writing to a String never fails"),
    }
}

fn push_byte(out: &mut String, byte: u8) {
    write!(out, "\\x{byte:02X}").expect("writing to a String never fails");
}

/// Whether a character beyond ASCII is visible and recognisable.
pub(crate) fn is_visible(c: char) -> bool {
    // Assigned characters that are drawn blank, or like the replacement of a missing glyph.
    const BLANK: [char; 4] = ['\u{2800}', '\u{FFFC}', '\u{FFFD}', '\u{1D159}'];
    let category = CodePointMapData::<GeneralCategory>::new().get(c);
    !GeneralCategoryGroup::Other.contains(category)
        && !GeneralCategoryGroup::Separator.contains(category)
        && !CodePointSetData::new::<DefaultIgnorableCodePoint>().contains(c)
        && !BLANK.contains(&c)
}

/// Whether a character stays distinct after `base`: a mark needs a visible base, and a composed and a
/// decomposed character look the same, so only the composed one is kept.
fn is_distinct_after(base: &str, c: char) -> bool {
    if is_mark(c)
        && (base.is_empty() || base == " " || base == "/" || base.chars().count() > MAX_MARKS)
    {
        return false;
    }
    let mut pair = base.to_owned();
    pair.push(c);
    ComposingNormalizerBorrowed::new_nfc().is_normalized(&pair)
}

fn is_mark(c: char) -> bool {
    !c.is_ascii()
        && GeneralCategoryGroup::Mark.contains(CodePointMapData::<GeneralCategory>::new().get(c))
}

fn is_right_to_left(c: char) -> bool {
    !c.is_ascii()
        && matches!(
            CodePointMapData::<BidiClass>::new().get(c),
            BidiClass::RightToLeft | BidiClass::ArabicLetter | BidiClass::ArabicNumber
        )
}

/// The bytes of the escape at the start of `text`, and its length; `None` if it is invalid.
fn read_escape(text: &str) -> Option<(Vec<u8>, usize)> {
    let hex = |digits: &str| {
        let all = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        all.then(|| u32::from_str_radix(digits, 16).ok()).flatten()
    };
    let body = text.strip_prefix('\\')?;
    if body.starts_with('\\') {
        return Some((vec![b'\\'], 2));
    }
    if let Some(body) = body.strip_prefix('x') {
        let byte = hex(body.get(..2)?)?;
        return Some((vec![byte as u8], 4));
    }
    let digits = body.strip_prefix("u{")?;
    let end = digits.find('}')?;
    let c = char::from_u32(hex(&digits[..end])?)?;
    Some((c.to_string().into_bytes(), end + 4))
}

/// The part of an invalid escape that identifies it.
fn bad_escape(text: &str) -> String {
    let body = &text[1..];
    let length = if body.starts_with("u{") {
        // At most the six digits of a character, and the brace.
        body.char_indices()
            .take(9)
            .find(|(_, c)| *c == '}')
            .map_or(2, |(at, _)| at + 1)
    } else if body.starts_with('x') {
        body.char_indices().nth(3).map_or(body.len(), |(at, _)| at)
    } else {
        body.chars().next().map_or(0, char::len_utf8)
    };
    format!("\\{}", display(&body.as_bytes()[..length]))
}
