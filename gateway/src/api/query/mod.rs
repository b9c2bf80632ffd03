//! The query, decoded from the raw URI as bytes, like the path ([`super::call`]).
//!
//! axum's `Path` refuses what is not UTF-8; its `Query` replaces it, turns `+` into a space and keeps the last of two
//! equal parameters. Keys are bytes: `%XX` is a byte, `+` is a plus, a malformed escape is an error.

#[cfg(test)]
mod tests;

use std::time::Duration;

use axum::extract::FromRequestParts;
use http::request::Parts;
use shared::Code;

use crate::config::parse_duration;
use crate::failure::{Failure, Result};
use crate::web::percent::{decode, decode_text};

/// Limit of parameters in a query: no route has as many, and each is compared with all before it.
const MAX_PARAMETERS: usize = 64;

/// The parameters of a query. Each is taken once; any that are left at the end are unknown.
#[derive(Clone, Debug, Default)]
pub struct Query {
    pairs: Vec<(String, Option<String>)>,
    /// Whether a `cursor` was taken, which replaces most other parameters.
    with_cursor: bool,
}

impl Query {
    /// Splits a raw query. A duplicate parameter is an error, since the client's intention is unclear.
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
                let detail = format!("duplicate parameter `{name}`");
                return Err(Failure::new(Code::UnknownParameter, detail));
            }
            if pairs.len() == MAX_PARAMETERS {
                let detail =
                    format!("too many parameters in the query; the limit is {MAX_PARAMETERS}");
                return Err(Failure::new(Code::UnknownParameter, detail));
            }
            pairs.push((name, value));
        }
        Ok(Self {
            pairs,
            with_cursor: false,
        })
    }

    /// Whether a parameter is given.
    pub fn has(&self, name: &str) -> bool {
        self.pairs.iter().any(|(known, _)| known == name)
    }

    #[expect(
        clippy::option_option,
        reason = "absent, without a value and with an empty one differ"
    )]
    fn take(&mut self, name: &str) -> Option<Option<String>> {
        let at = self.pairs.iter().position(|(known, _)| known == name)?;
        self.with_cursor |= name == "cursor";
        Some(self.pairs.remove(at).1)
    }

    /// A parameter as bytes; empty if it has no value.
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
        parsed.map_err(|_| Failure::bad_request(format!("invalid `{name}` value `{text}`")))
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
        let (min, max) = bounds.into_inner();
        let expected = if max == i64::MAX {
            format!("at least {min}")
        } else {
            format!("{min} to {max}")
        };
        Err(Failure::bad_request(format!(
            "`{name}` must be {expected}; it is {number}"
        )))
    }

    /// A revision, at least 1.
    pub fn revision(&mut self, name: &str) -> Result<Option<i64>> {
        self.number(name, 1..=i64::MAX)
    }

    /// A flag: true without a value, or with `true` or `1`.
    pub fn flag(&mut self, name: &str) -> Result<bool> {
        match self
            .take(name)
            .map(|raw| raw.unwrap_or_else(|| "true".to_owned()))
            .as_deref()
        {
            None | Some("false" | "0") => Ok(false),
            Some("true" | "1") => Ok(true),
            Some(other) => Err(Failure::bad_request(format!(
                "unknown `{name}` value `{other}`; one of true, false"
            ))),
        }
    }

    /// A comma-separated list.
    pub fn list(&mut self, name: &str) -> Result<Option<Vec<String>>> {
        Ok(self
            .text(name)?
            .map(|text| text.split(',').map(str::to_owned).collect()))
    }

    /// A comma-separated list of bytes; a comma in an item is `%2C`.
    pub fn bytes_list(&mut self, name: &str) -> Result<Option<Vec<Vec<u8>>>> {
        self.take(name)
            .map(|raw| raw.unwrap_or_default().split(',').map(decode).collect())
            .transpose()
    }

    /// A duration such as `500ms`, `5s`, `2m`, at most `max`.
    pub fn duration(&mut self, name: &str, max: Duration) -> Result<Option<Duration>> {
        let Some(text) = self.text(name)? else {
            return Ok(None);
        };
        let time = parse_duration(&text)
            .map_err(|error| Failure::bad_request(format!("`{name}`: {error}")))?;
        if time > max {
            let minutes = max.as_secs() / 60;
            return Err(Failure::bad_request(format!(
                "`{name}` is {text}; the limit is {minutes}m"
            )));
        }
        Ok(Some(time))
    }

    /// Refuses parameters that were not taken: they are unknown to the route.
    pub fn finish(self) -> Result<()> {
        match self.pairs.into_iter().next() {
            None => Ok(()),
            Some((name, _)) => {
                let detail = format!("unknown parameter `{name}`");
                let failure = Failure::new(Code::UnknownParameter, detail);
                Err(if self.with_cursor {
                    failure.hint("a cursor contains the query: only `limit` may be given with it")
                } else {
                    failure
                })
            }
        }
    }
}

/// For routes without parameters: refuses any.
#[derive(Clone, Copy, Debug)]
pub struct NoQuery;

impl<S: Sync> FromRequestParts<S> for NoQuery {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self> {
        Query::parse(parts.uri.query())?.finish()?;
        Ok(Self)
    }
}
