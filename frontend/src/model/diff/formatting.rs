//! The whitespace between the tokens of JSON. Two single-line values are compared as formatted JSON
//! only if that hides nothing: formatting drops this whitespace.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// The whitespace between each pair of token kinds.
type Formatting<'a> = HashMap<(u8, u8), &'a str>;

/// Whether two JSON texts follow the same formatting rules, so that reformatting both hides no difference.
pub(crate) fn same_formatting(old: &str, new: &str) -> bool {
    let mut formatting = Formatting::new();
    add(&mut formatting, old) && add(&mut formatting, new)
}

/// Records the whitespace of a text; false if it differs between the same kinds of tokens.
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

/// The end of the string that begins at `at`.
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
