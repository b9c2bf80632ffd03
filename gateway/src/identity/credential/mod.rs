//! Reads the credentials of a request from its headers.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};
use shared::Code;

use super::session::Session;
use crate::etcd::{Credentials, Secret};
use crate::failure::{Failure, Result};

/// The credentials of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// No credentials.
    None,
    /// A name and password.
    Password(Credentials),
    /// An etcd token.
    Token(Secret),
    /// A session: never of these headers, but of a cookie.
    Session(Arc<Session>),
}

/// Those of a REST request: `Authorization: Basic …` or `Authorization: Bearer …`.
pub fn of_rest(headers: &HeaderMap) -> Result<Credential> {
    let Some(value) = only(headers, &header::AUTHORIZATION)? else {
        return Ok(Credential::None);
    };
    match scheme(value)? {
        Some(credential) => Ok(credential),
        None => Err(unauthenticated(
            "the Authorization header must be Basic or Bearer",
        )),
    }
}

/// Those of a `/v3` request. Besides REST's forms, etcd's own JSON gateway accepts a raw token in
/// `Authorization`, a token as the call's metadata (`Grpc-Metadata-Token`, `Grpc-Metadata-Authorization`),
/// and on upgrades `Sec-WebSocket-Protocol: Bearer, <token>`.
///
/// Precedence is etcd's, which reads the metadata `token` first: the Authorization header of a proxy does
/// not replace it.
pub fn of_v3(headers: &HeaderMap) -> Result<Credential> {
    let text = |value: &HeaderValue| value.to_str().map_err(|_| unreadable()).map(str::to_owned);
    let metadata = |name| only(headers, &header::HeaderName::from_static(name));
    if let Some(value) = metadata("grpc-metadata-token")? {
        return token(&text(value)?);
    }
    if let Some(value) = only(headers, &header::AUTHORIZATION)? {
        return match scheme(value)? {
            Some(credential) => Ok(credential),
            None => token(&text(value)?),
        };
    }
    if let Some(value) = metadata("grpc-metadata-authorization")? {
        return token(&text(value)?);
    }
    let Some(value) = headers.get(header::SEC_WEBSOCKET_PROTOCOL) else {
        return Ok(Credential::None);
    };
    match text(value)?.split_once(',') {
        Some((bearer, value)) if bearer.trim() == "Bearer" => token(value),
        _ => Ok(Credential::None),
    }
}

fn only<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Result<Option<&'a HeaderValue>> {
    let mut values = headers.get_all(name).iter();
    let first = values.next();
    if values.next().is_some() {
        return Err(unauthenticated(&format!(
            "the header {name} must appear only once"
        )));
    }
    Ok(first)
}

/// Basic or Bearer; `None` for another scheme.
fn scheme(value: &HeaderValue) -> Result<Option<Credential>> {
    let text = value.to_str().map_err(|_| unreadable())?;
    let Some((scheme, rest)) = text.split_once(' ') else {
        return Ok(None);
    };
    let rest = rest.trim();
    if scheme.eq_ignore_ascii_case("bearer") {
        return token(rest).map(Some);
    }
    if !scheme.eq_ignore_ascii_case("basic") {
        return Ok(None);
    }
    let malformed =
        || unauthenticated("Basic credentials must be the base64 of name:password in UTF-8");
    let decoded = STANDARD.decode(rest).map_err(|_| malformed())?;
    let decoded = String::from_utf8(decoded).map_err(|_| malformed())?;
    let (name, password) = decoded.split_once(':').ok_or_else(malformed)?;
    if name.is_empty() {
        return Err(unauthenticated("the user name is required"));
    }
    Ok(Some(Credential::Password(Credentials {
        name: name.to_owned(),
        password: Secret::new(password),
    })))
}

fn token(text: &str) -> Result<Credential> {
    let text = text.trim();
    if text.is_empty() {
        return Err(unauthenticated("the token is required"));
    }
    Ok(Credential::Token(Secret::new(text)))
}

fn unreadable() -> Failure {
    unauthenticated("the credentials must be ASCII text")
}

fn unauthenticated(detail: &str) -> Failure {
    Failure::new(Code::Unauthenticated, detail).hint(
        "Authorization: Basic with an etcd user's name and password, or Bearer with an etcd token",
    )
}

#[cfg(test)]
mod tests;
