//! JSON bodies: the type is demanded, a typo is an error.

use http::{HeaderMap, header};
use serde::de::DeserializeOwned;
use shared::Code;

use crate::failure::{Failure, Result};

/// Reads a JSON body; an empty one without a type counts as `{}` where `T` allows that.
pub fn json<T: DeserializeOwned>(headers: &HeaderMap, body: &[u8]) -> Result<T> {
    let bare = body.is_empty() && !headers.contains_key(header::CONTENT_TYPE);
    if !bare {
        require(headers, "application/json", "curl --json '{…}' sends it")?;
    }
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body)
        .map_err(|error| Failure::bad_request(format!("the body cannot be read: {error}")))
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
