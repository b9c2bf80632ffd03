//! Bytes as words of a shell, and as words of etcdctl's transactions.
//!
//! A copied line is pasted into a terminal, which takes some characters for keys: CR ends the line,
//! TAB completes, and ESC `[201~` ends the paste, so that what follows it runs. Therefore nothing but
//! visible characters and blanks stands in a word as it is; every other byte is an escape. `!`, which
//! an interactive shell replaces by its history in some places, is one too wherever a word has escapes.

use std::fmt::Write as _;

use super::Unsupported;
use crate::model::key_text;

/// Whether a terminal and a reader take a character for nothing but itself.
fn plain(c: char) -> bool {
    c == ' ' || c.is_ascii_graphic() || (!c.is_ascii() && key_text::is_visible(c))
}

/// Text as one word: in single quotes, as every POSIX shell reads it, or with escapes in `$'…'`, as
/// bash and zsh do. It must not have NUL.
pub(crate) fn quoted(text: &str) -> String {
    quoted_bytes(text.as_bytes())
}

/// The same of any bytes but NUL.
pub(super) fn quoted_bytes(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes)
        && text.chars().all(plain)
    {
        return format!("'{}'", text.replace('\'', r"'\''"));
    }
    let mut out = String::from("$'");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\\' => out.push_str("\\\\"),
                '\'' | '!' => push_octal(&mut out, &[c as u8]),
                c if plain(c) => out.push(c),
                c => push_octal(&mut out, c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        push_octal(&mut out, chunk.invalid());
    }
    out.push('\'');
    out
}

/// Octal, since three digits always end it; a digit after `\x1` may be read as part of it.
fn push_octal(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(out, "\\{byte:03o}").expect("a String takes every write");
    }
}

/// Bytes as one argument of a command that reads flags.
pub(crate) fn argument(bytes: &[u8]) -> Result<String, Unsupported> {
    if bytes.contains(&0) {
        return Err(Unsupported::Nul);
    }
    let quoted = quoted_bytes(bytes);
    // What begins with a dash would be read as a flag.
    Ok(if bytes.first() == Some(&b'-') {
        format!("-- {quoted}")
    } else {
        quoted
    })
}

/// Bytes as etcdctl reads them inside a transaction: a Go string literal, on one line.
pub(crate) fn go_string(bytes: &[u8]) -> String {
    let mut out = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        for c in chunk.valid().chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                c if c != '!' && plain(c) => out.push(c),
                c => push_hex(&mut out, c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        push_hex(&mut out, chunk.invalid());
    }
    out.push('"');
    out
}

/// Go reads exactly two digits after `\x`.
fn push_hex(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(out, "\\x{byte:02x}").expect("a String takes every write");
    }
}
