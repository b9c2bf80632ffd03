//! Splits a stream of bytes into the JSON values in it, however the bytes are cut into pieces.

use bytes::{Buf as _, Bytes, BytesMut};

use super::json::is_space;

/// Collects bytes until a value is complete. Its decoder checks whether it is well-formed.
#[derive(Debug)]
pub(crate) struct Splitter {
    buffer: BytesMut,
    /// Bytes of `buffer` that have been scanned.
    scanned: usize,
    state: State,
    /// Open objects and arrays.
    depth: usize,
    /// Size limit of a value, bytes.
    limit: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a value.
    Between,
    /// In a container, or in a number or word.
    Inside,
    /// In a string.
    String,
    /// In a string, after a backslash.
    Escape,
}

/// A value exceeds the limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl Splitter {
    /// A splitter of values of up to `limit` bytes.
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            scanned: 0,
            state: State::Between,
            depth: 0,
            limit,
        }
    }

    /// Adds what has arrived.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next value, if it has arrived completely.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, TooLarge> {
        while let Some(byte) = self.buffer.get(self.scanned).copied() {
            match self.state {
                State::Between if is_space(byte) => {
                    self.buffer.advance(1);
                    continue;
                }
                State::Between => self.begin(byte),
                State::Inside if self.depth == 0 => {
                    // A number or word has no closing character: it ends before the next token.
                    if is_space(byte) || b"{}[]\",:".contains(&byte) {
                        return Ok(Some(self.take()));
                    }
                }
                State::Inside => match byte {
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => self.depth -= 1,
                    b'"' => self.state = State::String,
                    _ => {}
                },
                State::String => match byte {
                    b'"' => self.state = State::Inside,
                    b'\\' => self.state = State::Escape,
                    _ => {}
                },
                State::Escape => self.state = State::String,
            }
            self.scanned += 1;
            if self.scanned > self.limit {
                return Err(TooLarge);
            }
            let closed = matches!(byte, b'}' | b']' | b'"');
            if closed && self.depth == 0 && self.state == State::Inside {
                return Ok(Some(self.take()));
            }
        }
        Ok(None)
    }

    /// The value left at the end of the stream, complete or cut off; `None` if only whitespace is left.
    pub(crate) fn rest(mut self) -> Option<Bytes> {
        self.scanned = self.buffer.len();
        (self.state != State::Between).then(|| self.take())
    }

    fn begin(&mut self, byte: u8) {
        self.state = State::Inside;
        match byte {
            b'{' | b'[' => self.depth = 1,
            b'"' => self.state = State::String,
            _ => {}
        }
    }

    fn take(&mut self) -> Bytes {
        self.state = State::Between;
        self.depth = 0;
        let value = self.buffer.split_to(std::mem::take(&mut self.scanned));
        value.freeze()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[&str]) {
        for step in [1, 2, 5, text.len().max(1)] {
            let mut splitter = Splitter::new(1000);
            let mut found = Vec::new();
            for piece in text.as_bytes().chunks(step) {
                splitter.push(piece);
                while let Some(value) = splitter.next().expect("small") {
                    found.push(value);
                }
            }
            found.extend(splitter.rest());
            assert_eq!(found, expected, "{text} by {step}");
        }
    }

    #[test]
    fn values_are_split_however_they_arrive() {
        check("", &[]);
        check(" \r\n ", &[]);
        check(
            r#"{"a":[1,{"b":"}\"]"}]}{} "#,
            &[r#"{"a":[1,{"b":"}\"]"}]}"#, "{}"],
        );
        check("12 tru\"x\"[]", &["12", "tru", "\"x\"", "[]"]);
        check("garbage{}", &["garbage", "{}"]);
        check("} {\"a\":1", &["}", "{\"a\":1"]);
    }

    #[test]
    fn an_unfinished_value_above_the_limit_is_refused() {
        let mut splitter = Splitter::new(10);
        splitter.push(br#"{"a":1}   {"a":12345"#);
        assert!(splitter.next().expect("small").is_some());
        assert_eq!(splitter.next(), Ok(None));
        splitter.push(b"6");
        assert_eq!(splitter.next(), Err(TooLarge));
    }
}
