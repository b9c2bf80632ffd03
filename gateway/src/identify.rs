//! Who asks: what a request says of itself, and whom it acts as.
//!
//! Credentials that are given decide, and never fall back to another account when they are refused.
//! Without any, a request acts as the gateway's own account, where that is meant: see the API's
//! section 1.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use axum::extract::ConnectInfo;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, header};
use shared::Code;
use tokio::time::timeout;

use crate::caller::Identity;
use crate::config::Anonymous;
use crate::etcd::{Credentials, Secret};
use crate::failure::{Failure, Result};
use crate::server::Connection;
use crate::state::{App, Cluster};

/// What a request brings to say who it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Credential {
    /// Nothing.
    None,
    /// A name and password.
    Password(Credentials),
    /// An etcd token.
    Token(Secret),
}

/// REST's forms: `Authorization: Basic …` and `Authorization: Bearer …`.
pub fn credential(headers: &HeaderMap) -> Result<Credential> {
    let Some(value) = only(headers, &header::AUTHORIZATION)? else {
        return Ok(Credential::None);
    };
    match scheme(value)? {
        Some(credential) => Ok(credential),
        None => Err(refused(
            "the Authorization header is neither Basic nor Bearer",
        )),
    }
}

/// The forms of etcd's own JSON gateway beside REST's: a raw token in `Authorization`, the same as the
/// call's metadata (`Grpc-Metadata-Token`, `Grpc-Metadata-Authorization`), and on upgrades
/// `Sec-WebSocket-Protocol: Bearer, <token>`.
///
/// Of several that one counts which counts for etcd, whose first look is for the metadata `token`: so a
/// proxy's own Authorization does not stand in for it.
pub fn credential_of_v3(headers: &HeaderMap) -> Result<Credential> {
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
        return Err(refused(&format!("there are two {name} headers")));
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
    let wrong = || refused("the Basic credentials are not base64 of name:password in UTF-8");
    let decoded = STANDARD.decode(rest).map_err(|_| wrong())?;
    let decoded = String::from_utf8(decoded).map_err(|_| wrong())?;
    let (name, password) = decoded.split_once(':').ok_or_else(wrong)?;
    if name.is_empty() {
        return Err(refused("the user's name is empty"));
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
    refused("the credentials are not text")
}

fn refused(detail: &str) -> Failure {
    Failure::new(Code::Unauthenticated, detail).hint(
        "Authorization: Basic with an etcd user's name and password, or Bearer with an etcd token",
    )
}

/// The client's address.
pub fn peer(parts: &Parts, app: &App) -> IpAddr {
    connection(parts).map_or(app.config.listen.ip(), |ends| ends.peer.ip())
}

fn connection(parts: &Parts) -> Option<Connection> {
    let ends = parts.extensions.get::<ConnectInfo<Connection>>();
    ends.map(|ConnectInfo(ends)| ends.clone())
}

/// Whom a request acts as at a cluster; etcd has so long to say it.
pub async fn identify(
    app: &App,
    cluster: &Cluster,
    parts: &Parts,
    credential: Credential,
    within: Duration,
) -> Result<Identity> {
    let from = peer(parts, app);
    match credential {
        Credential::Password(credentials) => {
            let asking = cluster.sign_in.with_password(from, credentials);
            in_time(within, Box::pin(asking)).await
        }
        Credential::Token(token) => {
            let asking = cluster.sign_in.with_token(from, &token);
            in_time(within, Box::pin(asking)).await
        }
        Credential::None => anonymous(app, cluster, parts),
    }
}

/// Refuses a token where etcd would not judge it: while its auth is off it takes any, and so a token
/// gets through only where a request without one would.
pub async fn has_judge(
    app: &App,
    cluster: &Cluster,
    parts: &Parts,
    within: Duration,
) -> Result<()> {
    if anonymous(app, cluster, parts).is_ok() {
        return Ok(());
    }
    in_time(within, cluster.sign_in.needs_auth()).await
}

async fn in_time<T>(within: Duration, asking: impl Future<Output = Result<T>>) -> Result<T> {
    timeout(within, asking).await.unwrap_or_else(|_| {
        let failure = Failure::new(Code::Timeout, "etcd did not say in time who asks");
        Err(failure.hint("GET /readyz says whether etcd can be reached"))
    })
}

/// Whom a request without credentials acts as.
fn anonymous(app: &App, cluster: &Cluster, parts: &Parts) -> Result<Identity> {
    if cluster.anonymous == Some(Anonymous::Gateway) || only_this_machine(app, parts) {
        return Ok(Identity::Gateway);
    }
    Err(Failure::new(
        Code::Unauthenticated,
        "the request comes without sign-in, and others than this machine can have sent it",
    )
    .hint(
        "sign in with an etcd user (Authorization: Basic or Bearer); or, where a proxy in front \
         has sign-in of its own or everybody may have the gateway's rights, start with --anonymous gateway",
    ))
}

/// Whether nobody gets an answer from a cluster without signing in.
pub fn requires_sign_in(app: &App, cluster: &Cluster) -> bool {
    let config = &app.config;
    let open = config.listen.ip().is_loopback() && config.allow_host.is_empty();
    cluster.anonymous != Some(Anonymous::Gateway) && !open
}

/// Whether nobody but this machine can have sent it.
fn only_this_machine(app: &App, parts: &Parts) -> bool {
    let config = &app.config;
    let local: SocketAddr = connection(parts).map_or(config.listen, |ends| ends.local);
    let forwarded = parts
        .headers
        .keys()
        .any(|name| name == header::FORWARDED || name.as_str().starts_with("x-forwarded-"));
    config.listen.ip().is_loopback()
        && local.ip().to_canonical().is_loopback()
        && config.allow_host.is_empty()
        && !forwarded
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
    fn rest_takes_basic_and_bearer() {
        let check = |value: &'static str, expected: Credential| {
            let read = credential(&headers(&[("authorization", value)]));
            assert_eq!(read.expect("reads"), expected, "{value}");
        };
        check("Basic cm9vdDphOmI=", password("root", "a:b"));
        check("basic  cm9vdDo=", password("root", ""));
        check("Bearer abc.7", token("abc.7"));
        assert_eq!(
            credential(&HeaderMap::new()).expect("reads"),
            Credential::None
        );
    }

    #[test]
    fn what_is_no_credential_is_refused() {
        for value in [
            "abc.7",
            "Basic",
            "Basic !",
            "Basic cm9vdA==",
            "Basic OmE=",
            "Bearer ",
            "Digest x",
        ] {
            let read = credential(&headers(&[("authorization", value)]));
            assert_eq!(
                read.expect_err("refused").code,
                Code::Unauthenticated,
                "{value}"
            );
        }
        let two = headers(&[("authorization", "Bearer a"), ("authorization", "Bearer b")]);
        assert!(credential(&two).is_err());
    }

    #[test]
    fn the_drop_in_takes_etcds_own_forms_too() {
        let check = |name: &'static str, value: &'static str, expected: Credential| {
            let read = credential_of_v3(&headers(&[(name, value)]));
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
    fn of_two_credentials_that_one_counts_which_counts_for_etcd() {
        let check = |lines: &[(&'static str, &'static str)], expected: Credential| {
            let read = credential_of_v3(&headers(lines));
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
