//! Percent encoding of bytes, as the gateway decodes them: `%XX` is a byte, `+` is a plus.
//!
//! The browser's own functions support only UTF-8 text and treat `+` as a space; keys are bytes.

use std::fmt::Write as _;

#[cfg(test)]
mod tests;

/// Whether a byte needs no encoding in a query value. `'` is encoded so that the result can be put
/// in single quotes in a shell, `(` and `)` so that links in plain text stay whole.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b'@' | b',')
}

/// Encodes bytes for a query value.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 8);
    for &byte in bytes {
        if is_unreserved(byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("writing to a String never fails");
        }
    }
    out
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// Decodes `%XX`. An invalid escape is taken literally, so that a manually typed link works.
pub(crate) fn decode(text: &str) -> Vec<u8> {
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape = (bytes[at] == b'%')
            .then(|| bytes.get(at + 1..at + 3))
            .flatten()
            .and_then(|pair| Some(hex_digit(pair[0])? << 4 | hex_digit(pair[1])?));
        if let Some(byte) = escape {
            out.push(byte);
            at += 3;
        } else {
            out.push(bytes[at]);
            at += 1;
        }
    }
    out
}

/// The value of a parameter in a raw query string (without `?`), as bytes.
pub(crate) fn query_value(query: &str, name: &str) -> Option<Vec<u8>> {
    query.split('&').find_map(|pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decode(key) == name.as_bytes()).then(|| decode(value))
    })
}

/// A query string with its `?`, parameters in the given order; empty without parameters.
pub(crate) fn query(parameters: &[(&str, &[u8])]) -> String {
    let mut out = String::new();
    for (name, value) in parameters {
        out.push(if out.is_empty() { '?' } else { '&' });
        out.push_str(name);
        out.push('=');
        out.push_str(&encode(value));
    }
    out
}
