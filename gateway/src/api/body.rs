//! Bodies read as a whole; JSON bodies: the type is demanded, a typo is an error.

use std::ops::Deref;

use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::{HeaderMap, header};
use http_body_util::{BodyExt as _, Limited};
use serde::de::DeserializeOwned;
use shared::Code;

use crate::content;
use crate::failure::{Failure, Result};
use crate::state::AppState;

/// The whole body, decoded, of at most `--max-body` bytes. axum's own extractor does not say why a body
/// could not be read.
#[derive(Clone, Debug)]
pub struct Whole(pub Bytes);

impl Deref for Whole {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl FromRequest<AppState> for Whole {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &AppState) -> Result<Self> {
        let most = app.config.max_body;
        let body = Limited::new(request.into_body(), most).collect().await;
        body.map(|body| Self(body.to_bytes()))
            .map_err(|error| content::unreadable(error, most))
    }
}

/// Reads a JSON body; an empty one without a type counts as `{}` where `T` allows that.
pub fn json<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T> {
    let bare = body.is_empty() && !headers.contains_key(header::CONTENT_TYPE);
    if !bare {
        require(headers, "application/json", "curl --json '{…}' sends it")?;
    }
    let body = if body.is_empty() { b"{}" } else { body };
    read(body)
}

/// A body without members.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Reads the body of a route that takes none: nothing, or `{}`.
pub fn nothing(headers: &HeaderMap, body: &[u8]) -> Result<()> {
    json::<Nothing>(headers, body).map(|_| ())
}

/// Reads JSON; an error names the member, as `then[3].put.key`.
pub fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    // serde would take an array for an object, its members in the order they are declared.
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(Failure::bad_request(
            "the body is a list, and must be an object",
        ));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let place = error.path().to_string();
        let what = without_rust(error.into_inner().to_string());
        // serde names the object that lacks a member, and the member only in its text.
        let missing = what
            .strip_prefix("missing field `")
            .and_then(|rest| rest.split('`').next());
        Failure::bad_request(match (place.as_str(), missing) {
            // `?` is where it cannot be said.
            ("." | "?", None) => format!("the body cannot be read: {what}"),
            (".", Some(member)) => format!("{member}: {what}"),
            (place, None) => format!("{place}: {what}"),
            (place, Some(member)) => format!("{place}.{member}: {what}"),
        })
    })?;
    let end = reader.end();
    end.map_err(|error| Failure::bad_request(format!("the body cannot be read: {error}")))?;
    Ok(value)
}

/// serde's sentence without the names of our types.
fn without_rust(what: String) -> String {
    let Some((before, after)) = what.split_once("expected struct ") else {
        return what;
    };
    let rest = after.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    format!("{before}expected an object{rest}")
}

/// Demands a content type; parameters such as a charset are allowed.
pub fn require(headers: &HeaderMap, media_type: &str, hint: &str) -> Result<()> {
    let sent = headers
        .get(header::CONTENT_TYPE)
        .and_then(|value| value.to_str().ok());
    let essence = sent
        .and_then(|value| value.split(';').next())
        .map(str::trim);
    if essence.is_some_and(|essence| essence.eq_ignore_ascii_case(media_type)) {
        return Ok(());
    }
    let detail = match sent {
        Some(sent) => format!("the body is {sent}, and must be {media_type}"),
        None => format!("the body has no type, and must be {media_type}"),
    };
    Err(Failure::new(Code::UnsupportedMediaType, detail).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "it is read for its type")]
        number: i64,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "it is read for its type")]
        inner: Inner,
    }

    #[test]
    fn an_error_names_the_place_and_none_of_our_types() {
        for (body, detail) in [
            (
                r#"{"inner":{"number":"x"}}"#,
                "inner.number: invalid type: string \"x\", expected i64",
            ),
            (
                r#"{"inner":7}"#,
                "inner: invalid type: integer `7`, expected an object",
            ),
            (
                "null",
                "the body cannot be read: invalid type: null, expected an object",
            ),
            (r#"{"inner":{}}"#, "inner.number: missing field `number`"),
            ("{}", "inner: missing field `inner`"),
            ("[]", "the body is a list, and must be an object"),
            ("{", "the body cannot be read: EOF while parsing an object"),
        ] {
            let failure = read::<Outer>(body.as_bytes()).expect_err("it is wrong");
            assert!(
                failure.detail.starts_with(detail),
                "{body}: {}",
                failure.detail
            );
        }
    }
}
