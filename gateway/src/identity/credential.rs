//! Reads the credentials of a request from its headers.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderValue, header};
use shared::Code;

use crate::etcd::{Credentials, Secret};
use crate::failure::{Failure, Result};

/// The credentials of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    None,
    /// A name and password.
    Password(Credentials),
    /// An etcd token.
    Token(Secret),
}

/// Those of a REST request: `Authorization: Basic …` or `Authorization: Bearer …`.
pub fn of_rest(headers: &HeaderMap) -> Result<Credential> {
    let Some(value) = only(headers, &header::AUTHORIZATION)? else {
        return Ok(Credential::None);
    };
    match scheme(value)? {
        Some(credential) => Ok(credential),
        None => Err(refused("the Authorization header must be Basic or Bearer")),
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
        return Err(refused(&format!("the header {name} is repeated")));
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
    let wrong = || refused("Basic credentials must be the base64 of name:password in UTF-8");
    let decoded = STANDARD.decode(rest).map_err(|_| wrong())?;
    let decoded = String::from_utf8(decoded).map_err(|_| wrong())?;
    let (name, password) = decoded.split_once(':').ok_or_else(wrong)?;
    if name.is_empty() {
        return Err(refused("the user name is empty"));
    }
    Ok(Some(Credential::Password(Credentials {
        name: name.to_owned(),
        password: Secret::new(password),
    })))
}

fn token(text: &str) -> Result<Credential> {
    let text = text.trim();
    if text.is_empty() {
        return Err(refused("the token is empty"));
    }
    Ok(Credential::Token(Secret::new(text)))
}

fn unreadable() -> Failure {
    refused("the credentials are not ASCII text")
}

fn refused(detail: &str) -> Failure {
    Failure::new(Code::Unauthenticated, detail).hint(
        "Authorization: Basic with an etcd user's name and password, or Bearer with an etcd token",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_static(value));
        }
        headers
    }

    fn token(text: &str) -> Credential {
        Credential::Token(Secret::new(text))
    }

    fn password(name: &str, password: &str) -> Credential {
        Credential::Password(Credentials {
            name: name.to_owned(),
            password: Secret::new(password),
        })
    }

    #[test]
    fn rest_accepts_basic_and_bearer() {
        let check = |value: &'static str, expected: Credential| {
            let read = of_rest(&headers(&[("authorization", value)]));
            assert_eq!(read.expect("reads"), expected, "{value}");
        };
        check("Basic cm9vdDphOmI=", password("root", "a:b"));
        check("basic  cm9vdDo=", password("root", ""));
        check("Bearer abc.7", token("abc.7"));
        assert_eq!(of_rest(&HeaderMap::new()).expect("reads"), Credential::None);
    }

    #[test]
    fn malformed_credentials_are_refused() {
        for value in [
            "abc.7",
            "Basic",
            "Basic !",
            "Basic cm9vdA==",
            "Basic OmE=",
            "Bearer ",
            "Digest x",
        ] {
            let read = of_rest(&headers(&[("authorization", value)]));
            assert_eq!(
                read.expect_err("refused").code,
                Code::Unauthenticated,
                "{value}"
            );
        }
        let two = headers(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]);
        assert!(of_rest(&two).is_err());
    }

    #[test]
    fn v3_accepts_every_form_of_etcds_gateway() {
        let check = |name: &'static str, value: &'static str, expected: Credential| {
            let read = of_v3(&headers(&[(name, value)]));
            assert_eq!(read.expect("reads"), expected, "{name}: {value}");
        };
        check("authorization", "abc.7", token("abc.7"));
        check("authorization", "Bearer abc.7", token("abc.7"));
        check("authorization", "Basic cm9vdDph", password("root", "a"));
        check("grpc-metadata-token", "abc.7", token("abc.7"));
        check("grpc-metadata-authorization", "abc.7", token("abc.7"));
        check("sec-websocket-protocol", "Bearer, abc.7", token("abc.7"));
        check("sec-websocket-protocol", "chat", Credential::None);
    }

    #[test]
    fn credential_precedence_matches_etcd() {
        let check = |lines: &[(&'static str, &'static str)], expected: Credential| {
            let read = of_v3(&headers(lines));
            assert_eq!(read.expect("reads"), expected, "{lines:?}");
        };
        let basic = ("authorization", "Basic cm9vdDph");
        check(&[basic, ("grpc-metadata-token", "t.1")], token("t.1"));
        let same = ("grpc-metadata-authorization", "t.2");
        check(&[basic, same], password("root", "a"));
        check(&[same, ("grpc-metadata-token", "t.1")], token("t.1"));
        check(
            &[same, ("sec-websocket-protocol", "Bearer, t.3")],
            token("t.2"),
        );
    }
}
