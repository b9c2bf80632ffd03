//! Accounts of etcd: a name and password, or a token, and the requests that carry it.
//!
//! A token that etcd refuses is replaced once, where a password is there to do it with, and the
//! request is sent again: writes too, since a refused token means that nothing was done. What cannot
//! be sent again (a stream of requests) finds the new token when it is opened the next time.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt as _, Full};
use prost::Message as _;
use tokio::time::{Instant, timeout};
use tonic::body::Body;
use tonic::client::Grpc;
use tonic::{Code, Request, Status};
use tonic_prost::ProstCodec;
use tower::{BoxError, Service};

use super::channel::Rotating;

/// etcd's name for the token of a request.
const TOKEN: HeaderName = HeaderName::from_static("token");
/// How long etcd may take to check a password: its hash alone takes a tenth of a second.
const CHECK: Duration = Duration::from_secs(10);
/// A refused password is not offered again for so long, whatever asks for it.
const REFUSED_FOR: Duration = Duration::from_secs(1);
/// Calls whose requests are a stream, so that they cannot be sent again.
const STREAMS: [&str; 2] = [
    "/etcdserverpb.Watch/Watch",
    "/etcdserverpb.Lease/LeaseKeepAlive",
];

/// A password or token. Shown nowhere.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Keeps it.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for the one who sends or hashes it.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// What etcd's `Authenticate` takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub name: String,
    /// The user's password.
    pub password: Secret,
}

impl Credentials {
    /// Reads an `AuthenticateRequest` as it goes over the wire; none where it is no such message.
    pub(crate) fn from_wire(message: &[u8]) -> Option<Self> {
        let request = AuthenticateRequest::decode(message).ok()?;
        Some(Self {
            name: request.name,
            password: Secret::new(request.password),
        })
    }
}

/// Who an account is, for everything that is kept apart by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Gateway,
    User(String),
    Token([u8; 32]),
}

/// One account: how its requests are signed. Equal when it is the same user, or the same token.
pub struct Account {
    key: Key,
    /// Where passwords are checked.
    connections: Rotating,
    state: Mutex<State>,
    /// Held while a password is checked, so that many refused requests ask once.
    turn: tokio::sync::Mutex<()>,
}

/// How requests are signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    Token(HeaderValue),
    /// etcd's auth is off: requests go without.
    NotNeeded,
}

#[derive(Default)]
struct State {
    credentials: Option<Credentials>,
    /// None before it was asked for.
    pass: Option<Pass>,
    /// etcd refused the token, or the password that would bring another.
    refused: Option<(Instant, Status)>,
}

impl Account {
    pub(super) fn gateway(connections: Rotating, credentials: Credentials) -> Arc<Self> {
        Arc::new(Self::new(
            Key::Gateway,
            connections,
            Some(credentials),
            None,
        ))
    }

    pub(super) fn user(
        connections: Rotating,
        credentials: Credentials,
        token: HeaderValue,
    ) -> Arc<Self> {
        let key = Key::User(credentials.name.clone());
        Arc::new(Self::new(key, connections, Some(credentials), Some(token)))
    }

    pub(super) fn token(connections: Rotating, hash: [u8; 32], token: HeaderValue) -> Arc<Self> {
        Arc::new(Self::new(Key::Token(hash), connections, None, Some(token)))
    }

    fn new(
        key: Key,
        connections: Rotating,
        credentials: Option<Credentials>,
        token: Option<HeaderValue>,
    ) -> Self {
        Self {
            key,
            connections,
            state: Mutex::new(State {
                credentials,
                pass: token.map(Pass::Token),
                refused: None,
            }),
            turn: tokio::sync::Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The user's name; none is known of a token.
    pub fn name(&self) -> Option<&str> {
        match &self.key {
            Key::User(name) => Some(name),
            Key::Gateway | Key::Token(_) => None,
        }
    }

    /// The user's name, the gateway's own account included.
    pub(super) fn user_name(&self) -> Option<String> {
        let state = self.state();
        state.credentials.as_ref().map(|own| own.name.clone())
    }

    /// Whether etcd has refused it for good.
    pub fn is_refused(&self) -> bool {
        self.state().refused.is_some()
    }

    /// The same user has signed in anew: what was proven last is used from now on.
    pub(crate) fn renew_with(&self, other: &Self) {
        let (credentials, pass) = {
            let other = other.state();
            (other.credentials.clone(), other.pass.clone())
        };
        let mut state = self.state();
        state.credentials = credentials;
        state.pass = pass;
        state.refused = None;
    }

    /// How requests are signed now, if that was ever asked for.
    pub(super) fn known(&self) -> Option<Pass> {
        self.state().pass.clone()
    }

    async fn sign(&self) -> Result<Pass, Status> {
        match self.known() {
            Some(pass) => Ok(pass),
            None => self.renew(None).await,
        }
    }

    /// Another pass in place of the one that was refused, unless somebody was faster.
    pub(super) async fn renew(&self, refused: Option<&Pass>) -> Result<Pass, Status> {
        let _turn = self.turn.lock().await;
        let credentials = {
            let mut state = self.state();
            if let Some(pass) = &state.pass
                && Some(pass) != refused
            {
                return Ok(pass.clone());
            }
            if let Some((at, status)) = &state.refused
                && at.elapsed() < REFUSED_FOR
            {
                return Err(status.clone());
            }
            let Some(credentials) = state.credentials.clone() else {
                let status = Status::unauthenticated("etcdserver: invalid auth token");
                state.refused = Some((Instant::now(), status.clone()));
                return Err(status);
            };
            credentials
        };
        let answer = authenticate(&self.connections, &credentials).await;
        let mut state = self.state();
        let pass = match answer {
            Ok(token) => Pass::Token(token),
            // As etcd's own client does: an account is no hindrance where none is needed.
            Err(status) if status.message().contains(NOT_ENABLED) && self.key == Key::Gateway => {
                Pass::NotNeeded
            }
            Err(status) => {
                if refuses(status.message()) {
                    state.refused = Some((Instant::now(), status.clone()));
                }
                return Err(status);
            }
        };
        state.pass = Some(pass.clone());
        state.refused = None;
        Ok(pass)
    }
}

impl PartialEq for Account {
    fn eq(&self, other: &Self) -> bool {
        self.key == other.key
    }
}

impl Eq for Account {}

impl Hash for Account {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key.hash(state);
    }
}

impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Key::Gateway => f.write_str("Account(gateway)"),
            Key::User(name) => f.debug_tuple("Account").field(name).finish(),
            Key::Token(_) => f.write_str("Account(token)"),
        }
    }
}

pub(super) const NOT_ENABLED: &str = "authentication is not enabled";

/// Whether etcd's message is about who asks, not about what is asked.
pub(super) fn refuses(message: &str) -> bool {
    [
        "invalid auth token",
        "revision of auth store is old",
        "user name is empty",
        "authentication failed",
        NOT_ENABLED,
    ]
    .iter()
    .any(|part| message.contains(part))
}

#[derive(Clone, PartialEq, prost::Message)]
struct AuthenticateRequest {
    #[prost(string, tag = "1")]
    name: String,
    #[prost(string, tag = "2")]
    password: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct AuthenticateResponse {
    #[prost(string, tag = "2")]
    token: String,
}

/// A token for a name and password, as etcd checks them now.
pub(super) async fn authenticate(
    connections: &Rotating,
    credentials: &Credentials,
) -> Result<HeaderValue, Status> {
    let request = AuthenticateRequest {
        name: credentials.name.clone(),
        password: credentials.password.reveal().to_owned(),
    };
    let path = http::uri::PathAndQuery::from_static("/etcdserverpb.Auth/Authenticate");
    let codec = ProstCodec::<AuthenticateRequest, AuthenticateResponse>::default();
    let mut grpc = Grpc::new(connections.clone());
    let asking = grpc.unary(Request::new(request), path, codec);
    let answer = timeout(CHECK, asking)
        .await
        .map_err(|_| Status::unavailable("etcd did not check the password in time"))??;
    header_value(&answer.into_inner().token)
        .ok_or_else(|| Status::internal("etcd gave a token that cannot be sent"))
}

/// A token as it is sent: never shown, and not remembered by the header compression.
pub(super) fn header_value(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(token).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Raw gRPC to a cluster, signed as one caller. Every request may ask for another token once.
#[derive(Clone)]
pub(crate) struct Transport {
    connections: Rotating,
    account: Option<Arc<Account>>,
}

impl Transport {
    pub(super) fn new(connections: Rotating, account: Option<Arc<Account>>) -> Self {
        Self {
            connections,
            account,
        }
    }

    pub(super) fn account(&self) -> Option<&Arc<Account>> {
        self.account.as_ref()
    }
}

impl Service<http::Request<Body>> for Transport {
    type Response = http::Response<Body>;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<Self::Response, BoxError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        match self.account.clone() {
            Some(account) => Box::pin(signed(self.connections.clone(), account, request)),
            None => self.connections.call(request),
        }
    }
}

async fn signed(
    mut connections: Rotating,
    account: Arc<Account>,
    request: http::Request<Body>,
) -> Result<http::Response<Body>, BoxError> {
    let pass = account.sign().await?;
    let (mut parts, body) = request.into_parts();
    let unsigned = parts.clone();
    insert(&mut parts.headers, &pass);
    if STREAMS.contains(&unsigned.uri.path()) {
        let answer = connections
            .call(http::Request::from_parts(parts, body))
            .await?;
        if is_refused(answer.headers()) {
            // Not sent again: the next one finds what this brings.
            let _ = account.renew(Some(&pass)).await;
        }
        return Ok(answer);
    }
    let body = body.collect().await?.to_bytes();
    let first = http::Request::from_parts(parts, Body::new(Full::new(body.clone())));
    let answer = connections.call(first).await?;
    if !is_refused(answer.headers()) {
        return Ok(answer);
    }
    drop(answer);
    let pass = account.renew(Some(&pass)).await?;
    let mut parts = unsigned;
    insert(&mut parts.headers, &pass);
    let again = http::Request::from_parts(parts, Body::new(Full::new(body)));
    connections.call(again).await
}

fn insert(headers: &mut HeaderMap, pass: &Pass) {
    if let Pass::Token(token) = pass {
        headers.insert(TOKEN, token.clone());
    }
}

/// Whether the answer says that the token is none. etcd refuses before it sends anything else.
fn is_refused(headers: &HeaderMap) -> bool {
    let status = Status::from_header_map(headers);
    status.is_some_and(|status| status.code() != Code::Ok && refuses(status.message()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_shown() {
        let credentials = Credentials {
            name: "root".to_owned(),
            password: Secret::new("hunter2"),
        };
        assert!(!format!("{credentials:?}").contains("hunter2"));
        let token = header_value("simple.7").expect("it can be sent");
        assert!(!format!("{token:?}").contains("simple"));
        assert_eq!(header_value("a\nb"), None);
    }

    #[test]
    fn a_refusal_is_about_who_asks() {
        let check = |code: &str, message: &'static str, refused: bool| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-status", code.parse().expect("a number"));
            headers.insert("grpc-message", HeaderValue::from_static(message));
            assert_eq!(is_refused(&headers), refused, "{message}");
        };
        check("16", "etcdserver: invalid auth token", true);
        check("3", "etcdserver: revision of auth store is old", true);
        check("3", "etcdserver: user name is empty", true);
        check("2", "etcdserver: user name is empty", true);
        check("7", "etcdserver: permission denied", false);
        check("0", "", false);
        assert!(!is_refused(&HeaderMap::new()));
    }
}
