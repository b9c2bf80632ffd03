//! The pattern of a search, compiled within limits.

use regex::bytes::{Regex, RegexBuilder};
use regex_syntax::ParserBuilder;

use crate::failure::{Failure, Result};

/// The limit on bytes of a pattern.
const MAX_PATTERN: usize = 1 << 10;
/// The limit on bytes of a compiled pattern.
const MAX_COMPILED: usize = 1 << 20;
/// The limit on the states that are cached while a pattern is matched, in bytes.
const MAX_STATES: usize = 4 << 20;

/// What to search for. Has no `Debug`: patterns are not logged.
#[derive(Clone, PartialEq, Eq)]
pub enum Needle {
    /// These bytes.
    Contains(Vec<u8>),
    /// A match of this regular expression.
    Regex(String),
}

impl Needle {
    /// Compiles the pattern. It is refused if it is empty, malformed or too large.
    pub(super) fn compile(&self, ignore_case: bool) -> Result<Regex> {
        let (name, length) = match self {
            Self::Contains(bytes) => ("contains", bytes.len()),
            Self::Regex(text) => ("regex", text.len()),
        };
        if length == 0 {
            let failure = Failure::bad_request(format!("`{name}` must not be empty"));
            return Err(failure.hint("GET /export returns every key"));
        }
        if length > MAX_PATTERN {
            let detail = format!("`{name}` is {length} bytes; the limit is {MAX_PATTERN}");
            return Err(Failure::bad_request(detail));
        }
        let pattern = match self {
            Self::Contains(bytes) => literal(bytes),
            Self::Regex(text) => {
                check_syntax(text, ignore_case)?;
                text.clone()
            }
        };
        RegexBuilder::new(&pattern)
            .case_insensitive(ignore_case)
            .size_limit(MAX_COMPILED)
            .dfa_size_limit(MAX_STATES)
            .build()
            .map_err(|_| {
                let limit = MAX_COMPILED >> 20;
                let detail = format!("`{name}` is too complex: compiled, it exceeds {limit} MiB");
                Failure::bad_request(detail)
                    .hint("use fewer repetitions; (?-u) makes \\w, \\d and \\s match ASCII only, which is smaller")
            })
    }
}

/// The pattern that matches these bytes.
fn literal(bytes: &[u8]) -> String {
    if let Ok(text) = std::str::from_utf8(bytes) {
        return regex::escape(text);
    }
    let escapes = bytes.iter().map(|byte| format!("\\x{byte:02x}"));
    format!("(?-u){}", escapes.collect::<String>())
}

/// Refuses malformed patterns: `regex` reports where an error is as text only.
fn check_syntax(text: &str, ignore_case: bool) -> Result<()> {
    let mut parser = ParserBuilder::new();
    parser.utf8(false).case_insensitive(ignore_case);
    let Err(error) = parser.build().parse(text) else {
        return Ok(());
    };
    let (position, reason) = match &error {
        regex_syntax::Error::Parse(error) => (error.span().start.offset, error.kind().to_string()),
        regex_syntax::Error::Translate(error) => {
            (error.span().start.offset, error.kind().to_string())
        }
        _ => (0, "malformed".to_owned()),
    };
    let detail = format!("invalid `regex` at byte {position}: {reason}");
    let failure = Failure::bad_request(detail).hint("the syntax is that of Rust's regex crate");
    Err(failure.with(|facts| facts.position = Some(position)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn regex(text: &str) -> Result<Regex> {
        Needle::Regex(text.to_owned()).compile(false)
    }

    fn contains(bytes: &[u8], ignore_case: bool) -> Regex {
        let needle = Needle::Contains(bytes.to_vec());
        needle.compile(ignore_case).expect("compiles")
    }

    #[test]
    fn a_literal_matches_itself_only() {
        assert!(contains(b"a.c+", false).is_match(b"xa.c+x"));
        assert!(!contains(b"a.c+", false).is_match(b"abcc"));
        assert!(contains(b"\xff\0.", false).is_match(b"a\xff\0.b"));
        assert!(!contains(b"\xff\0.", false).is_match(b"a\xff\0xb"));
        assert!(!contains(b"abc", false).is_match(b"ABC"));
        assert!(contains("straße".as_bytes(), true).is_match("STRAßE".as_bytes()));
        assert!(contains(b"a\xff", true).is_match(b"A\xff"));
    }

    #[test]
    fn an_expression_matches_bytes_without_unicode_mode() {
        let binary = regex(r"(?-u)^\xff[\x00-\x7f]$").expect("compiles");
        assert!(binary.is_match(b"\xff\0"));
        assert!(!binary.is_match(b"\xff\0\0"));
        assert!(regex("^[äö]$").expect("compiles").is_match("ä".as_bytes()));
    }

    #[test]
    fn the_position_of_an_error_is_reported() {
        for (text, position) in [
            ("a(b", 1),
            ("äb)", 3),
            (r"\p{Unknown}", 0),
            ("a{2,1}", 1),
            ("[z-a]", 1),
        ] {
            let failure = regex(text).expect_err(text);
            assert_eq!(failure.facts.position, Some(position), "{text}: {failure}");
        }
    }

    #[test]
    fn empty_and_oversized_patterns_are_refused() {
        assert!(regex("").is_err());
        assert!(regex(&"a".repeat(MAX_PATTERN)).is_ok());
        assert!(regex(&"a".repeat(MAX_PATTERN + 1)).is_err());
        assert!(Needle::Contains(Vec::new()).compile(false).is_err());
        assert!(
            Needle::Contains(vec![0xff; MAX_PATTERN])
                .compile(true)
                .is_ok()
        );
        let complex = regex(r"((\w{99}){99}){99}").expect_err("too large");
        assert!(complex.detail.contains("1 MiB"), "{complex}");
    }
}
