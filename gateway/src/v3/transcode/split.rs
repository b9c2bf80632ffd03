//! JSON values one behind the other in a stream of bytes, however the bytes are cut.

use bytes::{Buf as _, Bytes, BytesMut};

use super::json::is_space;

/// Collects bytes until a value is whole. Whether it is well-formed is for its reader to say.
#[derive(Debug)]
pub(crate) struct Splitter {
    buffer: BytesMut,
    /// Bytes of `buffer` that have been looked at.
    seen: usize,
    state: State,
    /// Containers we are in.
    depth: usize,
    /// Bytes that a value may have.
    most: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Before a value.
    Between,
    /// In a container, or in a number or word.
    Inside,
    /// In a string.
    Text,
    /// In a string, behind a backslash.
    Escape,
}

/// A value is larger than is taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TooLarge;

impl Splitter {
    /// Takes values of at most `most` bytes.
    pub(crate) fn new(most: usize) -> Self {
        Self {
            buffer: BytesMut::new(),
            seen: 0,
            state: State::Between,
            depth: 0,
            most,
        }
    }

    /// Adds what has arrived.
    pub(crate) fn push(&mut self, bytes: &[u8]) {
        self.buffer.extend_from_slice(bytes);
    }

    /// The next whole value, if it has arrived.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>, TooLarge> {
        while let Some(byte) = self.buffer.get(self.seen).copied() {
            match self.state {
                State::Between if is_space(byte) => {
                    self.buffer.advance(1);
                    continue;
                }
                State::Between => self.begin(byte),
                State::Inside if self.depth == 0 => {
                    // A number or word ends where it is not gone on with.
                    if is_space(byte) || b"{}[]\",:".contains(&byte) {
                        return Ok(Some(self.take()));
                    }
                }
                State::Inside => match byte {
                    b'{' | b'[' => self.depth += 1,
                    b'}' | b']' => self.depth -= 1,
                    b'"' => self.state = State::Text,
                    _ => {}
                },
                State::Text => match byte {
                    b'"' => self.state = State::Inside,
                    b'\\' => self.state = State::Escape,
                    _ => {}
                },
                State::Escape => self.state = State::Text,
            }
            self.seen += 1;
            if self.seen > self.most {
                return Err(TooLarge);
            }
            let closed = matches!(byte, b'}' | b']' | b'"');
            if closed && self.depth == 0 && self.state == State::Inside {
                return Ok(Some(self.take()));
            }
        }
        Ok(None)
    }

    /// What has arrived of a value at the end of the stream; nothing where only space is left.
    pub(crate) fn rest(mut self) -> Option<Bytes> {
        self.seen = self.buffer.len();
        (self.state != State::Between).then(|| self.take())
    }

    fn begin(&mut self, byte: u8) {
        self.state = State::Inside;
        match byte {
            b'{' | b'[' => self.depth = 1,
            b'"' => self.state = State::Text,
            _ => {}
        }
    }

    fn take(&mut self) -> Bytes {
        self.state = State::Between;
        self.depth = 0;
        let value = self.buffer.split_to(std::mem::take(&mut self.seen));
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
    fn values_are_told_apart_however_they_arrive() {
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
    fn a_value_that_does_not_end_is_too_large() {
        let mut splitter = Splitter::new(10);
        splitter.push(br#"{"a":1}   {"a":12345"#);
        assert!(splitter.next().expect("small").is_some());
        assert_eq!(splitter.next(), Ok(None));
        splitter.push(b"6");
        assert_eq!(splitter.next(), Err(TooLarge));
    }
}
