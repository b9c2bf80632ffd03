//! Keys as people type them: the inverse of `format::key`.
//!
//! `\xFF` is a byte and `\\` a backslash, but only in a text that has at least one such byte: `C:\new`
//! and `a\\b` must stay what they are.

/// The bytes of a key as it was typed or shown.
pub(crate) fn read(text: &str) -> Vec<u8> {
    if !has_escape(text) {
        return text.as_bytes().to_vec();
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        match (bytes[at], bytes.get(at + 1)) {
            (b'\\', Some(b'\\')) => out.push(b'\\'),
            (b'\\', Some(b'x')) if byte_at(bytes, at + 2).is_some() => {
                out.extend(byte_at(bytes, at + 2));
                at += 4;
                continue;
            }
            (byte, _) => {
                out.push(byte);
                at += 1;
                continue;
            }
        }
        at += 2;
    }
    out
}

/// `\xFF` is the mark of an escaped key.
fn has_escape(text: &str) -> bool {
    let bytes = text.as_bytes();
    (0..bytes.len()).any(|at| bytes[at..].starts_with(b"\\x") && byte_at(bytes, at + 2).is_some())
}

fn byte_at(bytes: &[u8], at: usize) -> Option<u8> {
    let digit = |byte: u8| char::from(byte).to_digit(16);
    Some((digit(*bytes.get(at)?)? * 16 + digit(*bytes.get(at + 1)?)?) as u8)
}

#[cfg(test)]
mod tests {
    use super::read;

    #[test]
    fn bytes_can_be_typed() {
        for (text, bytes) in [
            ("/a/b", &b"/a/b"[..]),
            ("\\xff\\xFE\\x00", b"\xff\xfe\0"),
            ("C:\\new", b"C:\\new"),
            ("a\\\\b\\x0A", b"a\\b\n"),
            ("\\x1", b"\\x1"),
            ("\\xzz", b"\\xzz"),
            ("占\\x00", "占\0".as_bytes()),
        ] {
            assert_eq!(read(text), bytes, "{text}");
        }
    }

    #[test]
    fn what_is_shown_is_read_back() {
        for key in [
            &b"\xff\xfe\0"[..],
            b"a\\b\x01",
            "占用".as_bytes(),
            b"a/b",
            b"%+?",
        ] {
            assert_eq!(read(&crate::model::format::key(key)), key);
        }
    }
}
