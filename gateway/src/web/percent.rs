//! Percent-encoding (RFC 3986, 2.1) of bytes: a key need not be UTF-8.

use std::fmt::Write as _;

use crate::failure::{Failure, Result};

/// The bytes of percent-encoded text, decoded once. A `+` is a plus.
///
/// # Errors
/// `bad_request` where `%` is not followed by two hexadecimal digits.
pub fn decode(raw: &str) -> Result<Vec<u8>> {
    let mut bytes = Vec::with_capacity(raw.len());
    let mut rest = raw.as_bytes();
    while let Some((&byte, tail)) = rest.split_first() {
        if byte != b'%' {
            bytes.push(byte);
            rest = tail;
            continue;
        }
        let digit = |at: usize| tail.get(at).and_then(|byte| char::from(*byte).to_digit(16));
        let (Some(high), Some(low)) = (digit(0), digit(1)) else {
            return Err(Failure::bad_request(format!(
                "`{raw}` has a malformed escape: % must be followed by two hexadecimal digits"
            )));
        };
        bytes.push((high * 16 + low) as u8);
        rest = &tail[2..];
    }
    Ok(bytes)
}

/// The text of percent-encoded text, decoded once.
///
/// # Errors
/// `bad_request` also where the bytes are not UTF-8.
pub fn decode_text(raw: &str) -> Result<String> {
    String::from_utf8(decode(raw)?)
        .map_err(|_| Failure::bad_request(format!("`{raw}` is not valid UTF-8")))
}

/// Bytes as one segment of a path: only unreserved characters stay as they are.
pub fn encode_segment(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    for &byte in bytes {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            write!(text, "%{byte:02X}").expect("writing to a String never fails");
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_decode_to_bytes_and_a_plus_stays_a_plus() {
        let check =
            |raw: &str, bytes: &[u8]| assert_eq!(decode(raw).expect("decodes"), bytes, "{raw}");
        check("/a//b/", b"/a//b/");
        check("%2Fa%2fb", b"/a/b");
        check("%ff%FE%00", &[0xff, 0xfe, 0]);
        check("a+b%2Bc", b"a+b+c");
        check("%25", b"%");
    }

    #[test]
    fn a_segment_decodes_to_what_was_encoded() {
        let every_byte: Vec<u8> = (0..=255).collect();
        let text = encode_segment(&every_byte);
        assert!(
            text.is_ascii() && !text.contains(['/', '?', '#', ' ', '"']),
            "{text}"
        );
        assert_eq!(decode(&text).expect("decodes"), every_byte);
    }

    #[test]
    fn malformed_escapes_are_refused() {
        for raw in ["%", "%2", "%zz", "a%+1", "%2%46"] {
            assert!(decode(raw).is_err(), "{raw}");
        }
    }
}
