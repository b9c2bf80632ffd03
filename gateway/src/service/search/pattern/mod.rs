//! The pattern of a search, compiled within limits.

#[cfg(test)]
mod tests;

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
