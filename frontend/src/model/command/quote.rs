//! Quoting of bytes for a shell, and for etcdctl's transactions.
//!
//! A copied line is pasted into a terminal, which interprets some characters as key presses: CR ends the line,
//! TAB completes, and ESC `[201~` ends the paste, so that the text after it runs. Therefore only visible characters
//! and spaces are kept in a word; every other byte is escaped. `!`, which an interactive shell may replace from its
//! history, is escaped, too, wherever a word has escapes.

use std::fmt::Write as _;

use super::Unsupported;
use crate::model::key_text;

/// Whether a character is safe in a terminal and recognisable to a reader.
fn is_plain(c: char) -> bool {
    c == ' ' || c.is_ascii_graphic() || (!c.is_ascii() && key_text::is_visible(c))
}

/// Text as one word: in single quotes, for every POSIX shell, or with escapes in `$'…'`, for bash and zsh.
/// The text must not contain NUL.
pub(crate) fn quoted(text: &str) -> String {
    quoted_bytes(text.as_bytes())
}

/// Like [`quoted`], for any bytes except NUL.
pub(super) fn quoted_bytes(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes)
        && text.chars().all(is_plain)
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
                c if is_plain(c) => out.push(c),
                c => push_octal(&mut out, c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        push_octal(&mut out, chunk.invalid());
    }
    out.push('\'');
    out
}

/// Octal escapes always end after three digits; a digit after `\x1` might be read as part of the escape.
fn push_octal(out: &mut String, bytes: &[u8]) {
    for byte in bytes {
        write!(out, "\\{byte:03o}").expect("writing to a String never fails");
    }
}

/// Bytes as one argument of a command that parses flags.
pub(crate) fn argument(bytes: &[u8]) -> Result<String, Unsupported> {
    if bytes.contains(&0) {
        return Err(Unsupported::Nul);
    }
    let quoted = quoted_bytes(bytes);
    // An argument that begins with a dash would be parsed as a flag.
    Ok(if bytes.first() == Some(&b'-') {
        format!("-- {quoted}")
    } else {
        quoted
    })
}

/// Bytes as etcdctl parses them in a transaction: a Go string literal, on one line.
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
                c if c != '!' && is_plain(c) => out.push(c),
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
        write!(out, "\\x{byte:02x}").expect("writing to a String never fails");
    }
}
