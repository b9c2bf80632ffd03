//! JSON pretty-printed: indented and coloured, with every number and string exactly as it was written.
//!
//! Numbers are not parsed: `12345678901234567890.10` must be shown digit by digit, not as a double.

#[cfg(test)]
mod tests;

/// Kinds of tokens, for syntax highlighting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TokenKind {
    Plain,
    Key,
    Text,
    Number,
    Literal,
}

/// A coloured range of a text, in bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: u32,
    pub(crate) end: u32,
    pub(crate) kind: TokenKind,
}

/// Limit of nesting; deeper documents are shown as text.
const MAX_DEPTH: usize = 512;

/// A document indented by two spaces, and its coloured spans in order. `None` if it is not JSON.
pub(crate) fn pretty(source: &str) -> Option<(String, Vec<Span>)> {
    let mut printer = Printer {
        source: source.as_bytes(),
        at: 0,
        out: String::with_capacity(source.len() * 3 / 2),
        spans: Vec::new(),
    };
    printer.document(source)?;
    Some((printer.out, printer.spans))
}

struct Printer<'a> {
    source: &'a [u8],
    at: usize,
    out: String,
    spans: Vec<Span>,
}

/// An open bracket.
struct Open {
    object: bool,
    empty: bool,
}

impl Printer<'_> {
    /// Iterative instead of recursive: the depth of a document is its author's choice, not ours.
    fn document(&mut self, text: &str) -> Option<()> {
        let mut open: Vec<Open> = Vec::new();
        loop {
            // A value, or the end of an empty bracket.
            self.skip_whitespace();
            let inside_empty = open.last().is_some_and(|bracket| bracket.empty);
            let closing = open
                .last()
                .map(|bracket| if bracket.object { b'}' } else { b']' });
            if inside_empty && closing == self.peek() {
                self.close(&mut open);
            } else {
                if let Some(bracket) = open.last_mut() {
                    bracket.empty = false;
                    let object = bracket.object;
                    self.new_line(open.len());
                    if object {
                        self.string(text, TokenKind::Key)?;
                        self.skip_whitespace();
                        self.expect(b':')?;
                        self.out.push_str(": ");
                        self.skip_whitespace();
                    }
                }
                match self.peek()? {
                    bracket @ (b'{' | b'[') => {
                        if open.len() == MAX_DEPTH {
                            return None;
                        }
                        self.at += 1;
                        self.out.push(char::from(bracket));
                        open.push(Open {
                            object: bracket == b'{',
                            empty: true,
                        });
                        continue;
                    }
                    b'"' => self.string(text, TokenKind::Text)?,
                    b't' => self.literal("true")?,
                    b'f' => self.literal("false")?,
                    b'n' => self.literal("null")?,
                    _ => self.number(text)?,
                }
            }
            // The token after a value.
            loop {
                self.skip_whitespace();
                let Some(bracket) = open.last() else {
                    return (self.at == self.source.len()).then_some(());
                };
                match self.peek()? {
                    b',' => {
                        self.at += 1;
                        self.out.push(',');
                        break;
                    }
                    b'}' if bracket.object => self.close(&mut open),
                    b']' if !bracket.object => self.close(&mut open),
                    _ => return None,
                }
            }
        }
    }

    fn close(&mut self, open: &mut Vec<Open>) {
        let Some(bracket) = open.pop() else { return };
        if !bracket.empty {
            self.new_line(open.len());
        }
        self.at += 1;
        self.out.push(if bracket.object { '}' } else { ']' });
    }

    fn peek(&self) -> Option<u8> {
        self.source.get(self.at).copied()
    }

    fn expect(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn skip_whitespace(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn new_line(&mut self, depth: usize) {
        self.out.push('\n');
        for _ in 0..depth {
            self.out.push_str("  ");
        }
    }

    fn emit(&mut self, text: &str, kind: TokenKind) {
        let start = self.out.len() as u32;
        self.out.push_str(text);
        self.spans.push(Span {
            start,
            end: self.out.len() as u32,
            kind,
        });
    }

    fn string(&mut self, text: &str, kind: TokenKind) -> Option<()> {
        let start = self.at;
        self.expect(b'"')?;
        loop {
            match self.peek()? {
                b'"' => break,
                b'\\' => {
                    let escape = *self.source.get(self.at + 1)?;
                    let length = match escape {
                        b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't' => 2,
                        b'u' => {
                            let digits = self.source.get(self.at + 2..self.at + 6)?;
                            digits.iter().all(u8::is_ascii_hexdigit).then_some(6)?
                        }
                        _ => return None,
                    };
                    self.at += length;
                }
                0..0x20 => return None,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.emit(&text[start..self.at], kind);
        Some(())
    }

    fn literal(&mut self, word: &'static str) -> Option<()> {
        if !self.source[self.at..].starts_with(word.as_bytes()) {
            return None;
        }
        self.at += word.len();
        self.emit(word, TokenKind::Literal);
        Some(())
    }

    fn digits(&mut self) -> Option<()> {
        let start = self.at;
        while self.peek().is_some_and(|byte| byte.is_ascii_digit()) {
            self.at += 1;
        }
        (self.at > start).then_some(())
    }

    fn number(&mut self, text: &str) -> Option<()> {
        let start = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        if self.peek() == Some(b'0') {
            self.at += 1;
        } else {
            self.digits()?;
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if matches!(self.peek(), Some(b'e' | b'E')) {
            self.at += 1;
            if matches!(self.peek(), Some(b'+' | b'-')) {
                self.at += 1;
            }
            self.digits()?;
        }
        self.emit(&text[start..self.at], TokenKind::Number);
        Some(())
    }
}
