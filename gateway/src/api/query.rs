//! Path and query, decoded from the raw URI as bytes.
//!
//! axum's `Path` refuses what is not UTF-8, its `Query` replaces it, turns `+` into a space and keeps
//! the last of two. Keys are bytes: `%XX` is a byte, `+` is a plus, a malformed escape is an error.

use std::time::Duration;

use axum::extract::FromRequestParts;
use http::request::Parts;
use shared::Code;

use crate::config::parse_duration;
use crate::failure::{Failure, Result};
use crate::web::percent::{decode, decode_text};

/// Parameters of a query at most: no route has as many, and each is compared with those before.
const MOST: usize = 64;

/// The parameters of a query, each to be taken once; what is left at the end is unknown.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pairs: Vec<(String, Option<String>)>,
    /// Whether a `cursor` was taken, which stands for most of the others.
    by_cursor: bool,
}

impl Query {
    /// Splits a raw query. A repeated parameter is an error: nobody knows which was meant.
    pub fn parse(raw: Option<&str>) -> Result<Self> {
        let mut pairs: Vec<(String, Option<String>)> = Vec::new();
        for part in raw
            .unwrap_or_default()
            .split('&')
            .filter(|part| !part.is_empty())
        {
            let (name, value) = match part.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (part, None),
            };
            let name = decode_text(name)?;
            if pairs.iter().any(|(known, _)| *known == name) {
                let detail = format!("the parameter `{name}` is given twice");
                return Err(Failure::new(Code::UnknownParameter, detail));
            }
            if pairs.len() == MOST {
                let detail = format!("the query has more than {MOST} parameters");
                return Err(Failure::new(Code::UnknownParameter, detail));
            }
            pairs.push((name, value));
        }
        Ok(Self {
            pairs,
            by_cursor: false,
        })
    }

    /// Whether a parameter is given.
    pub fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(known, _)| known == name)
    }

    #[expect(clippy::option_option, reason = "absent, bare and empty differ")]
    fn take(&mut self, name: &str) -> Option<Option<String>> {
        let at = self.pairs.iter().position(|(known, _)| known == name)?;
        self.by_cursor |= name == "cursor";
        Some(self.pairs.remove(at).1)
    }

    /// A parameter as bytes; bare is empty.
    pub fn bytes(&mut self, name: &str) -> Result<Option<Vec<u8>>> {
        self.take(name)
            .map(|raw| decode(&raw.unwrap_or_default()))
            .transpose()
    }

    /// A parameter as text.
    pub fn text(&mut self, name: &str) -> Result<Option<String>> {
        self.take(name)
            .map(|raw| decode_text(&raw.unwrap_or_default()))
            .transpose()
    }

    /// A parameter of a type with a text form, such as a number or an id.
    pub fn parsed<T: std::str::FromStr>(&mut self, name: &str) -> Result<Option<T>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let parsed = text.parse().map(Some);
        parsed.map_err(|_| Failure::bad_request(format!("`{name}={text}` cannot be read")))
    }

    /// A number within bounds.
    pub fn number(
        &mut self,
        name: &str,
        bounds: std::ops::RangeInclusive<i64>,
    ) -> Result<Option<i64>> {
        let Some(number) = self.parsed::<i64>(name)? else {
            return Ok(None);
        };
        if bounds.contains(&number) {
            return Ok(Some(number));
        }
        let (least, most) = bounds.into_inner();
        let wanted = if most == i64::MAX {
            format!("at least {least}")
        } else {
            format!("{least} to {most}")
        };
        Err(Failure::bad_request(format!(
            "`{name}` is {number} and must be {wanted}"
        )))
    }

    /// A revision: at least 1.
    pub fn revision(&mut self, name: &str) -> Result<Option<i64>> {
        self.number(name, 1..=i64::MAX)
    }

    /// A flag: true when bare, `true` or `1`.
    pub fn flag(&mut self, name: &str) -> Result<bool> {
        match self
            .take(name)
            .map(|raw| raw.unwrap_or_else(|| "true".to_owned()))
            .as_deref()
        {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(other) => Err(Failure::bad_request(format!(
                "`{name}={other}` is neither true nor false"
            ))),
        }
    }

    /// A list separated by commas.
    pub fn list(&mut self, name: &str) -> Result<Option<Vec<String>>> {
        Ok(self
            .text(name)?
            .map(|text| text.split(',').map(str::to_owned).collect()))
    }

    /// A time such as `500ms`, `5s`, `2m`, of at most `longest`.
    pub fn duration(&mut self, name: &str, longest: Duration) -> Result<Option<Duration>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let time = parse_duration(&text)
            .map_err(|error| Failure::bad_request(format!("`{name}`: {error}")))?;
        if time > longest {
            let minutes = longest.as_secs() / 60;
            return Err(Failure::bad_request(format!(
                "`{name}` is {text} and must be at most {minutes}m"
            )));
        }
        Ok(Some(time))
    }

    /// Ends the reading: a parameter that nobody took is unknown.
    pub fn finish(self) -> Result<()> {
        match self.pairs.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                let detail = format!("the parameter `{name}` is unknown here");
                let failure = Failure::new(Code::UnknownParameter, detail);
                Err(if self.by_cursor {
                    failure.hint("a cursor carries the question: only `limit` goes with it")
                } else {
                    failure
                })
            }
        }
    }
}

/// For routes without parameters: one that is given is unknown.
#[derive(Clone, Copy, Debug)]
pub struct NoQuery;

impl<S: Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Query::parse(parts.uri.query())?.finish()?;
        Ok(Self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(raw: &str) -> Query {
        Query::parse(Some(raw)).expect("parses")
    }

    #[test]
    fn flags_are_true_when_bare() {
        assert!(query("prev").flag("prev").expect("reads"));
        assert!(query("prev=1").flag("prev").expect("reads"));
        assert!(query("prev=true").flag("prev").expect("reads"));
        assert!(!query("prev=false").flag("prev").expect("reads"));
        assert!(!query("").flag("prev").expect("reads"));
        assert!(query("prev=yes").flag("prev").is_err());
    }

    #[test]
    fn what_is_left_over_or_repeated_is_an_error() {
        assert!(query("perfix=/a").finish().is_err());
        assert!(Query::parse(Some("a=1&a=2")).is_err());
        assert!(Query::parse(Some("a=1&%61=2")).is_err());
        let many: Vec<_> = (0..=MOST).map(|n| n.to_string()).collect();
        assert!(Query::parse(Some(&many[..MOST].join("&"))).is_ok());
        assert!(Query::parse(Some(&many.join("&"))).is_err());
        let mut one = query("limit=5&x=1");
        assert_eq!(one.number("limit", 1..=10).expect("reads"), Some(5));
        assert!(one.finish().is_err());
    }

    #[test]
    fn times_have_an_upper_bound() {
        let longest = Duration::from_mins(10);
        let read = |raw: &str| query(raw).duration("timeout", longest);
        for raw in ["timeout=10m", "timeout=600s", "timeout=600000ms"] {
            assert_eq!(read(raw).expect("reads"), Some(longest), "{raw}");
        }
        for raw in ["timeout=11m", "timeout=601s", "timeout=600001ms"] {
            assert!(read(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn numbers_have_bounds() {
        assert!(query("limit=0").number("limit", 1..=10).is_err());
        assert!(query("limit=x").number("limit", 1..=10).is_err());
        assert!(query("revision=-1").revision("revision").is_err());
        assert!(
            query("limit=99999999999999999999")
                .number("limit", 1..=10)
                .is_err()
        );
    }
}
