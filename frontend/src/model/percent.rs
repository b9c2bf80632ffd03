//! Percent encoding of bytes, as the gateway decodes them: `%XX` is a byte, `+` is a plus.
//!
//! The browser's own helpers only know UTF-8 text and treat `+` as a space; keys are bytes.

use std::fmt::Write as _;

/// Whether a byte may stand as it is in a query value. `'` is left out so that the result can stand
/// in single quotes in a shell, `(` and `)` for the sake of links in plain text.
fn plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/' | b':' | b'@' | b',')
}

/// Encodes bytes for a query value.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut out = String::with_capacity(bytes.len() + 8);
    for &byte in bytes {
        if plain(byte) {
            out.push(char::from(byte));
        } else {
            write!(out, "%{byte:02X}").expect("a String takes every write");
        }
    }
    out
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).map(|digit| digit as u8)
}

/// Decodes `%XX`; what is no escape stands for itself, so that a link typed by hand works.
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

/// A query string of parameters in the order given; empty for none, else with its `?`.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_survives_the_way_there_and_back() {
        let keys: &[&[u8]] = &[
            b"",
            b"a/b",
            b"/a/b",
            b"/a//b",
            b"/a/b/",
            b"/",
            b"a/../b",
            b"\xff\xfe\0",
            b"+",
            b"%",
            b"?",
            b"%2F",
            b"a b",
            b"a&b=c#d",
            "占用".as_bytes(),
            b"'\"\\",
        ];
        for key in keys {
            assert_eq!(decode(&encode(key)), *key);
            let query = query(&[("tab", b"history"), ("key", key)]);
            assert_eq!(
                query_value(&query[1..], "key").as_deref(),
                Some(*key),
                "{query}"
            );
        }
    }

    #[test]
    fn encoding_is_what_the_gateway_reads() {
        for (bytes, text) in [
            (&b"/cron/jobs/job1"[..], "/cron/jobs/job1"),
            (b"\xff\xfe\0", "%FF%FE%00"),
            (b"+ %?", "%2B%20%25%3F"),
            (b"it's", "it%27s"),
        ] {
            assert_eq!(encode(bytes), text);
        }
    }

    #[test]
    fn what_is_no_escape_stands_for_itself() {
        for (text, bytes) in [
            ("100%", &b"100%"[..]),
            ("%zz", b"%zz"),
            ("%4", b"%4"),
            ("a+b", b"a+b"),
            ("%+1", b"%+1"),
        ] {
            assert_eq!(decode(text), bytes);
        }
    }

    #[test]
    fn an_absent_parameter_differs_from_an_empty_one() {
        assert_eq!(query_value("prefix=&key=a", "prefix"), Some(vec![]));
        assert_eq!(query_value("key=a", "prefix"), None);
        assert_eq!(query_value("", "key"), None);
    }
}
