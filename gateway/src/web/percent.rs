//! Percent-decoding (RFC 3986, 2.1), to bytes: a key need not be UTF-8.

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
    fn malformed_escapes_are_refused() {
        for raw in ["%", "%2", "%zz", "a%+1", "%2%46"] {
            assert!(decode(raw).is_err(), "{raw}");
        }
    }
}
