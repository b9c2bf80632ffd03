//! The blanks between the tokens of JSON. Two values on one line each are compared as formatted JSON
//! only if that hides nothing: formatting drops these blanks.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// What blanks stand between which tokens.
type Formatting<'a> = HashMap<(u8, u8), &'a str>;

/// Whether two JSON texts are laid out by the same rule, so that formatting both hides no difference.
pub(crate) fn same_formatting(old: &str, new: &str) -> bool {
    let mut formatting = Formatting::new();
    add(&mut formatting, old) && add(&mut formatting, new)
}

/// Adds the blanks of a text; false where another blank stands between the same kinds of tokens.
fn add<'a>(formatting: &mut Formatting<'a>, text: &'a str) -> bool {
    let bytes = text.as_bytes();
    let mut last = b'^';
    let mut at = 0;
    loop {
        let start = at;
        while bytes.get(at).is_some_and(u8::is_ascii_whitespace) {
            at += 1;
        }
        let kind = match bytes.get(at) {
            None => b'$',
            Some(sign @ (b'{' | b'}' | b'[' | b']' | b',' | b':')) => *sign,
            Some(_) => b'v',
        };
        match formatting.entry((last, kind)) {
            Entry::Vacant(entry) => {
                entry.insert(&text[start..at]);
            }
            Entry::Occupied(entry) if *entry.get() != &text[start..at] => return false,
            Entry::Occupied(_) => {}
        }
        match bytes.get(at) {
            None => return true,
            Some(b'"') => at = string_end(bytes, at),
            Some(_) if kind == b'v' => {
                let end = |byte: &u8| byte.is_ascii_whitespace() || b"{}[],:\"".contains(byte);
                at = bytes[at..]
                    .iter()
                    .position(end)
                    .map_or(bytes.len(), |length| at + length);
            }
            Some(_) => at += 1,
        }
        last = kind;
    }
}

/// The end of a string that begins at `at`.
fn string_end(bytes: &[u8], at: usize) -> usize {
    let mut escaped = false;
    for (offset, byte) in bytes[at + 1..].iter().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at + offset + 2,
            _ => {}
        }
    }
    bytes.len()
}
