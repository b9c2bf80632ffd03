//! A pull parser for JSON, as strict as Go's protojson.
//!
//! serde_json would turn `1e3` into a float and lose digits of long numbers; etcd's gateway accepts both as
//! integers. The parser does not recurse; the caller may, and so the caller limits the depth.

use std::borrow::Cow;
use std::fmt;

/// Why a text is invalid.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Invalid {
    /// Offset of the error, bytes.
    at: usize,
    message: String,
}

impl Invalid {
    /// The reason with its line and column, both from 1.
    pub(crate) fn describe(&self, text: &[u8]) -> String {
        let before = &text[..self.at.min(text.len())];
        let line = before.split(|byte| *byte == b'\n').count();
        let column = before.iter().rev().take_while(|byte| **byte != b'\n');
        let message = &self.message;
        format!("(line {line}:{}): {message}", column.count() + 1)
    }
}

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

type Result<T> = std::result::Result<T, Invalid>;

/// The kind of the next value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Next {
    Object,
    Array,
    String,
    Number,
    True,
    False,
    Null,
}

/// Whether a byte is whitespace.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\n' | b'\r')
}

/// Parses one text from its start.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Self { text, at: 0 }
    }

    pub(super) fn error<T>(&self, message: impl Into<String>) -> Result<T> {
        Err(Invalid {
            at: self.at,
            message: message.into(),
        })
    }

    fn space(&mut self) {
        let rest = &self.text[self.at..];
        let space = rest.iter().take_while(|byte| is_space(**byte));
        self.at += space.count();
    }

    fn byte(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    /// Whether only whitespace is left.
    pub(super) fn is_empty(&mut self) -> bool {
        self.space();
        self.byte().is_none()
    }

    /// The kind of the next value.
    pub(super) fn next(&mut self) -> Result<Next> {
        self.space();
        match self.byte() {
            Some(b'{') => Ok(Next::Object),
            Some(b'[') => Ok(Next::Array),
            Some(b'"') => Ok(Next::String),
            Some(b'-' | b'0'..=b'9') => Ok(Next::Number),
            Some(b't') => Ok(Next::True),
            Some(b'f') => Ok(Next::False),
            Some(b'n') => Ok(Next::Null),
            Some(other) => self.error(format!("invalid value {}", quoted(&[other]))),
            None => self.error("unexpected end of input"),
        }
    }

    fn expect(&mut self, byte: u8) -> Result<()> {
        self.space();
        match self.byte() {
            Some(found) if found == byte => {
                self.at += 1;
                Ok(())
            }
            Some(found) => self.error(format!(
                "unexpected {}, expected {}",
                quoted(&[found]),
                quoted(&[byte])
            )),
            None => self.error("unexpected end of input"),
        }
    }

    /// Enters an object; call [`Self::member`] until it returns `None`.
    pub(super) fn object(&mut self) -> Result<()> {
        self.expect(b'{')
    }

    /// Enters an array; call [`Self::element`] until it returns `false`.
    pub(super) fn array(&mut self) -> Result<()> {
        self.expect(b'[')
    }

    /// Whether the container ends here; if not, skips its comma.
    fn ends(&mut self, end: u8, first: &mut bool) -> Result<bool> {
        self.space();
        if self.byte() == Some(end) {
            self.at += 1;
            return Ok(true);
        }
        if !std::mem::take(first) {
            self.expect(b',')?;
        }
        Ok(false)
    }

    /// The name of the object's next member; the reader is then at its value.
    pub(super) fn member(&mut self, first: &mut bool) -> Result<Option<Cow<'a, str>>> {
        if self.ends(b'}', first)? {
            return Ok(None);
        }
        self.space();
        let name = self.string()?;
        self.expect(b':')?;
        Ok(Some(name))
    }

    /// Whether the array has another element; the reader is then at it.
    pub(super) fn element(&mut self, first: &mut bool) -> Result<bool> {
        Ok(!self.ends(b']', first)?)
    }

    /// Reads `null`, `true` or `false`.
    pub(super) fn word(&mut self, word: &str) -> Result<()> {
        self.space();
        if !self.text[self.at..].starts_with(word.as_bytes()) {
            return self.error(format!("invalid value, expected {word}"));
        }
        self.at += word.len();
        self.expect_boundary()
    }

    /// A word or number must be followed by a separator.
    fn expect_boundary(&self) -> Result<()> {
        match self.byte() {
            Some(byte) if byte.is_ascii_alphanumeric() || b"-+._".contains(&byte) => {
                self.error(format!("unexpected {}", quoted(&[byte])))
            }
            _ => Ok(()),
        }
    }

    /// A number, as written.
    pub(super) fn number(&mut self) -> Result<&'a str> {
        self.space();
        let start = self.at;
        if self.byte() == Some(b'-') {
            self.at += 1;
        }
        if self.byte() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.byte() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.byte() {
            self.at += 1;
            if let Some(b'-' | b'+') = self.byte() {
                self.at += 1;
            }
            self.digits()?;
        }
        self.expect_boundary()?;
        Ok(std::str::from_utf8(&self.text[start..self.at]).expect("digits are ASCII"))
    }

    fn digits(&mut self) -> Result<()> {
        let rest = &self.text[self.at..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if digits == 0 {
            return self.error("invalid number");
        }
        self.at += digits;
        Ok(())
    }

    /// A string's text, borrowed if it has no escapes.
    pub(super) fn string(&mut self) -> Result<Cow<'a, str>> {
        self.expect(b'"')?;
        let mut text: Cow<'a, str> = Cow::Borrowed("");
        loop {
            let rest = &self.text[self.at..];
            let plain = rest
                .iter()
                .take_while(|byte| **byte >= 0x20 && **byte != b'"' && **byte != b'\\')
                .count();
            let Ok(piece) = std::str::from_utf8(&rest[..plain]) else {
                return self.error("invalid UTF-8 in string");
            };
            if matches!(text, Cow::Borrowed("")) {
                text = Cow::Borrowed(piece);
            } else {
                text.to_mut().push_str(piece);
            }
            self.at += plain;
            match self.byte() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(text);
                }
                Some(b'\\') => {
                    let escaped = self.escape()?;
                    text.to_mut().push(escaped);
                }
                Some(control) => {
                    return self.error(format!("invalid {} in string", quoted(&[control])));
                }
                None => return self.error("unexpected end of input"),
            }
        }
    }

    fn escape(&mut self) -> Result<char> {
        let Some(letter) = self.text.get(self.at + 1) else {
            return self.error("unexpected end of input");
        };
        let plain = match letter {
            b'"' | b'\\' | b'/' => char::from(*letter),
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => return self.code_point(),
            _ => return self.error("invalid escape in string"),
        };
        self.at += 2;
        Ok(plain)
    }

    fn code_point(&mut self) -> Result<char> {
        let first = self.code_unit()?;
        let second = match first {
            0xd800..=0xdbff => Some(self.code_unit()?),
            _ => None,
        };
        let units = std::iter::once(first).chain(second);
        match char::decode_utf16(units).next() {
            Some(Ok(found)) => Ok(found),
            _ => self.error("invalid escape in string"),
        }
    }

    fn code_unit(&mut self) -> Result<u16> {
        let escape = self.text.get(self.at..self.at + 6);
        let digits = escape.and_then(|escape| escape.strip_prefix(b"\\u"));
        let digits = digits.filter(|digits| digits.iter().all(u8::is_ascii_hexdigit));
        let unit = digits
            .and_then(|digits| std::str::from_utf8(digits).ok())
            .and_then(|digits| u16::from_str_radix(digits, 16).ok());
        let Some(unit) = unit else {
            return self.error("invalid escape in string");
        };
        self.at += 6;
        Ok(unit)
    }

    /// Skips a value of any kind and depth.
    pub(super) fn skip(&mut self) -> Result<()> {
        // The open containers, and whether each is still at its first element.
        let mut open: Vec<(Next, bool)> = Vec::new();
        loop {
            match self.next()? {
                Next::Object => {
                    self.object()?;
                    open.push((Next::Object, true));
                }
                Next::Array => {
                    self.array()?;
                    open.push((Next::Array, true));
                }
                Next::String => {
                    self.string()?;
                }
                Next::Number => {
                    self.number()?;
                }
                Next::True => self.word("true")?,
                Next::False => self.word("false")?,
                Next::Null => self.word("null")?,
            }
            loop {
                let Some((kind, first)) = open.last_mut() else {
                    return Ok(());
                };
                let more = match kind {
                    Next::Object => self.member(first)?.is_some(),
                    _ => self.element(first)?,
                };
                if more {
                    break;
                }
                open.pop();
            }
        }
    }

    /// The text since `start`, quoted for an error.
    pub(super) fn since(&self, start: usize) -> String {
        quoted(&self.text[start..self.at])
    }

    pub(super) fn position(&mut self) -> usize {
        self.space();
        self.at
    }

    /// An error about the value that begins at `at`.
    pub(super) fn error_at<T>(at: usize, message: impl Into<String>) -> Result<T> {
        Err(Invalid {
            at,
            message: message.into(),
        })
    }
}

/// The first 40 bytes of a text, printable and in backquotes.
fn quoted(text: &[u8]) -> String {
    const MAX_LENGTH: usize = 40;
    let end = if text.len() > MAX_LENGTH { "…" } else { "" };
    let text = &text[..text.len().min(MAX_LENGTH)];
    format!("`{}{end}`", String::from_utf8_lossy(text).escape_debug())
}

/// The value of a JSON number that is an integer, in any form: `12`, `1.2e1` and `120E-1` are 12.
pub(super) fn integer(number: &str) -> Option<i128> {
    /// Digits of the largest 64-bit integer.
    const MAX_DIGITS: i64 = 20;
    let (negative, number) = match number.strip_prefix('-') {
        Some(rest) => (true, rest),
        None => (false, number),
    };
    let (mantissa, exponent) = match number.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => {
            let exponent = exponent.strip_prefix('+').unwrap_or(exponent);
            (mantissa, i64::from(exponent.parse::<i32>().ok()?))
        }
        None => (number, 0),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let whole = whole.trim_start_matches('0');
    let fraction = fraction.trim_end_matches('0');
    if whole.is_empty() && fraction.is_empty() {
        return Some(0);
    }
    let digits = format!("{whole}{fraction}");
    // Zeros to append to the digits, or to remove.
    let shift = exponent - fraction.len() as i64;
    let value: i128 = if shift >= 0 {
        if digits.len() as i64 + shift > MAX_DIGITS {
            return None;
        }
        let scale = 10_i128.checked_pow(u32::try_from(shift).ok()?)?;
        digits.parse::<i128>().ok()?.checked_mul(scale)?
    } else {
        let end = digits.len() as i64 + shift;
        let (kept, dropped) = digits.split_at(usize::try_from(end).ok()?);
        if kept.is_empty()
            || kept.len() as i64 > MAX_DIGITS
            || dropped.bytes().any(|digit| digit != b'0')
        {
            return None;
        }
        kept.parse().ok()?
    };
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests;
