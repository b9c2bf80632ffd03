//! Buffered request bodies, and JSON bodies: the content type is required, an unknown member is an error.

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

/// The whole body, decoded, at most `--max-body` bytes. axum's own extractor does not report why a body could not be
/// read.
#[derive(Clone, Debug)]
pub struct Buffered(pub Bytes);

impl Deref for Buffered {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl FromRequest<AppState> for Buffered {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &AppState) -> Result<Self> {
        let max = app.config.max_body;
        let body = Limited::new(request.into_body(), max).collect().await;
        body.map(|body| Self(body.to_bytes()))
            .map_err(|error| content::unreadable(error, max))
    }
}

/// Parses a JSON body. An empty one without a content type counts as `{}`, if `T` allows that.
pub fn json<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T> {
    let absent = body.is_empty() && !headers.contains_key(header::CONTENT_TYPE);
    if !absent {
        require_content_type(headers, "application/json", "for example curl --json '{…}'")?;
    }
    let body = if body.is_empty() { b"{}" } else { body };
    parse(body)
}

/// A JSON object without members.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {}

/// Checks the body of a route that takes none: it must be absent or `{}`.
pub fn empty(headers: &HeaderMap, body: &[u8]) -> Result<()> {
    json::<Empty>(headers, body).map(|_| ())
}

/// Parses JSON. An error names the member, such as `then[3].put.key`.
pub fn parse<T: DeserializeOwned>(body: &[u8]) -> Result<T> {
    // serde would accept an array instead of an object, with the members in the order of their declaration.
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(Failure::bad_request(
            "body must be a JSON object, not an array",
        ));
    }
    let mut reader = serde_json::Deserializer::from_slice(body);
    let value = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let reason = without_type_names(error.into_inner().to_string());
        // serde's path ends at the object that lacks a member; the member's name is only in the text.
        let missing = reason
            .strip_prefix("missing field `")
            .and_then(|rest| rest.split('`').next());
        Failure::bad_request(match (path.as_str(), missing) {
            // `?` is the path of an error that serde cannot locate.
            ("." | "?", None) => format!("invalid body: {reason}"),
            (".", Some(member)) => format!("{member}: {reason}"),
            (path, None) => format!("{path}: {reason}"),
            (path, Some(member)) => format!("{path}.{member}: {reason}"),
        })
    })?;
    let end = reader.end();
    end.map_err(|error| Failure::bad_request(format!("invalid body: {error}")))?;
    Ok(value)
}

/// serde's message without the names of our Rust types.
fn without_type_names(message: String) -> String {
    let Some((before, after)) = message.split_once("expected struct ") else {
        return message;
    };
    let rest = after.trim_start_matches(|c: char| c.is_alphanumeric() || c == '_');
    format!("{before}expected an object{rest}")
}

/// Requires a content type; parameters such as a charset are allowed.
pub fn require_content_type(headers: &HeaderMap, media_type: &str, hint: &str) -> Result<()> {
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
        Some(sent) => format!("Content-Type must be {media_type}; it is {sent}"),
        None => format!("Content-Type is required; it must be {media_type}"),
    };
    Err(Failure::new(Code::UnsupportedMediaType, detail).hint(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Inner {
        #[expect(dead_code, reason = "only its type is tested")]
        number: i64,
    }

    #[derive(Debug, serde::Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Outer {
        #[expect(dead_code, reason = "only its type is tested")]
        inner: Inner,
    }

    #[test]
    fn an_error_names_the_member_and_no_rust_type() {
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
                "invalid body: invalid type: null, expected an object",
            ),
            (r#"{"inner":{}}"#, "inner.number: missing field `number`"),
            ("{}", "inner: missing field `inner`"),
            ("[]", "body must be a JSON object, not an array"),
            ("{", "invalid body: EOF while parsing an object"),
        ] {
            let failure = parse::<Outer>(body.as_bytes()).expect_err("the body is invalid");
            assert!(
                failure.detail.starts_with(detail),
                "{body}: {}",
                failure.detail
            );
        }
    }
}
