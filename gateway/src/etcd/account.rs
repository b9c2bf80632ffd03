//! Accounts of etcd: a name and password, or a token, and the requests that carry it.
//!
//! A token that etcd refuses is replaced once, if the password is known, and the request is retried:
//! writes too, since a refused token means that nothing was done. A request stream cannot be retried;
//! it uses the new token when it is opened the next time.

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
/// Timeout of a password check: its hash alone takes a tenth of a second.
const CHECK_TIMEOUT: Duration = Duration::from_secs(10);
/// A refused password is not tried again for this long.
const REFUSED_FOR: Duration = Duration::from_secs(1);
/// Calls whose requests are a stream, so that they cannot be sent again.
const STREAMS: [&str; 2] = [
    "/etcdserverpb.Watch/Watch",
    "/etcdserverpb.Lease/LeaseKeepAlive",
];

/// A password or token. Never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, to be sent or hashed.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The arguments of etcd's `Authenticate`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user.
    pub name: String,
    /// The user's password.
    pub password: Secret,
}

impl Credentials {
    /// Decodes an `AuthenticateRequest`; `None` if the bytes are not such a message.
    pub(crate) fn from_wire(message: &[u8]) -> Option<Self> {
        let request = AuthenticateRequest::decode(message).ok()?;
        Some(Self {
            name: request.name,
            password: Secret::new(request.password),
        })
    }
}

/// The identity of an account, for everything that is keyed by it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Gateway,
    User(String),
    Token([u8; 32]),
}

/// An account, which signs its requests. Equal if it is the same user, or the same token.
pub struct Account {
    key: Key,
    /// The connections used to check passwords.
    connections: Rotating,
    state: Mutex<State>,
    /// Held while a password is checked, so that concurrent refused requests cause one check.
    renewal_lock: tokio::sync::Mutex<()>,
}

/// The credentials that requests carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Pass {
    Token(HeaderValue),
    /// etcd's auth is off: requests carry no token.
    NotNeeded,
}

#[derive(Default)]
struct State {
    credentials: Option<Credentials>,
    /// `None` before the first request.
    pass: Option<Pass>,
    /// etcd refused the token, or the password for a new one.
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
            renewal_lock: tokio::sync::Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The user's name; unknown for a token.
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

    /// Whether etcd has refused it permanently.
    pub fn is_refused(&self) -> bool {
        self.state().refused.is_some()
    }

    /// Takes over the credentials of a later sign-in of the same user.
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

    /// The current pass, if one was ever obtained.
    pub(super) fn current_pass(&self) -> Option<Pass> {
        self.state().pass.clone()
    }

    async fn sign(&self) -> Result<Pass, Status> {
        match self.current_pass() {
            Some(pass) => Ok(pass),
            None => self.renew(None).await,
        }
    }

    /// A new pass in place of the refused one, unless it was replaced concurrently.
    pub(super) async fn renew(&self, refused: Option<&Pass>) -> Result<Pass, Status> {
        let _renewing = self.renewal_lock.lock().await;
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
        let response = authenticate(&self.connections, &credentials).await;
        let mut state = self.state();
        let pass = match response {
            Ok(token) => Pass::Token(token),
            // As in etcd's own client: credentials are ignored while auth is off.
            Err(status) if status.message().contains(NOT_ENABLED) && self.key == Key::Gateway => {
                Pass::NotNeeded
            }
            Err(status) => {
                if refuses_credentials(status.message()) {
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

/// Whether etcd's message is about the credentials, not about the request.
pub(crate) fn refuses_credentials(message: &str) -> bool {
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

/// Gets a token for a name and password from etcd.
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
    let call = grpc.unary(Request::new(request), path, codec);
    let response = timeout(CHECK_TIMEOUT, call)
        .await
        .map_err(|_| Status::unavailable("etcd did not check the password in time"))??;
    header_value(&response.into_inner().token)
        .ok_or_else(|| Status::internal("etcd returned a token that is not a valid header value"))
}

/// A token as a header value: never shown in logs, and not indexed by header compression.
pub(super) fn header_value(token: &str) -> Option<HeaderValue> {
    let mut value = HeaderValue::from_str(token).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Raw gRPC to a cluster, signed as one caller. Every request may replace a refused token once.
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
        let response = connections
            .call(http::Request::from_parts(parts, body))
            .await?;
        if is_refused(response.headers()) {
            // Streams are not retried; the next one uses the token obtained here.
            let _ = account.renew(Some(&pass)).await;
        }
        return Ok(response);
    }
    let body = body.collect().await?.to_bytes();
    let first = http::Request::from_parts(parts, Body::new(Full::new(body.clone())));
    let response = connections.call(first).await?;
    if !is_refused(response.headers()) {
        return Ok(response);
    }
    drop(response);
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

/// Whether the response refuses the token. etcd refuses before it sends anything else.
fn is_refused(headers: &HeaderMap) -> bool {
    let status = Status::from_header_map(headers);
    status.is_some_and(|status| status.code() != Code::Ok && refuses_credentials(status.message()))
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
        let token = header_value("simple.7").expect("a valid header value");
        assert!(!format!("{token:?}").contains("simple"));
        assert_eq!(header_value("a\nb"), None);
    }

    #[test]
    fn only_errors_about_credentials_are_refusals() {
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
