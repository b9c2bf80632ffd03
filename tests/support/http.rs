//! A small HTTP client that changes nothing in a request: dot segments stay, nothing is retried or
//! redirected. Each request has its own connection, which ends when the response is dropped.
//!
//! HTTP/1.1 without TLS, unless configured otherwise.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::timeout;

use crate::connect::{ConnectionTasks, Target, Tls};
use crate::key_query;

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// Time limit of a response. Longer than the gateway's own limits, so that those are seen.
const RESPONSE_LIMIT: Duration = Duration::from_mins(1);

/// A client of one server.
#[derive(Clone, Debug)]
pub struct Client {
    target: Target,
    base: String,
    /// Sent with every request.
    headers: Vec<(String, String)>,
}

impl Client {
    /// A client whose paths start at `/`.
    pub fn to(address: SocketAddr) -> Self {
        Self {
            target: Target {
                address,
                tls: None,
                http2: false,
            },
            base: String::new(),
            headers: Vec::new(),
        }
    }

    /// This client with paths below `base`.
    #[must_use]
    pub fn below(&self, base: &str) -> Self {
        let mut client = self.clone();
        client.base.push_str(base);
        client
    }

    /// This client with another address, such as a proxy's.
    #[must_use]
    pub fn at(&self, address: SocketAddr) -> Self {
        let mut client = self.clone();
        client.target.address = address;
        client
    }

    /// This client with TLS.
    #[must_use]
    pub fn with_tls(&self, tls: Tls) -> Self {
        let mut client = self.clone();
        client.target.tls = Some(tls);
        client
    }

    /// This client with HTTP/2: negotiated with TLS, by prior knowledge without.
    #[must_use]
    pub fn over_http2(&self) -> Self {
        let mut client = self.clone();
        client.target.http2 = true;
        client
    }

    /// This client, signed in with a name and password.
    #[must_use]
    pub fn with_password(&self, name: &str, password: &str) -> Self {
        self.with_header("authorization", &crate::basic(name, password))
    }

    /// This client with a header on every request.
    #[must_use]
    pub fn with_header(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// The headers of every request.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// The server's address.
    pub fn address(&self) -> SocketAddr {
        self.target.address
    }

    /// The server and protocol.
    pub(crate) fn target(&self) -> &Target {
        &self.target
    }

    /// The path as sent.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A GET.
    pub fn get(&self, path: &str) -> Request {
        self.request(Method::GET, path)
    }

    /// A DELETE.
    pub fn delete(&self, path: &str) -> Request {
        self.request(Method::DELETE, path)
    }

    /// A PUT of raw bytes.
    pub fn put(&self, path: &str, body: impl Into<Bytes>) -> Request {
        self.request(Method::PUT, path).body(body)
    }

    /// A POST of JSON.
    pub fn post(&self, path: &str, body: &Value) -> Request {
        self.request(Method::POST, path)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// A POST without a body.
    pub fn post_empty(&self, path: &str) -> Request {
        self.request(Method::POST, path)
    }

    /// Puts a key; returns the revision.
    pub async fn write(&self, key: impl AsRef<[u8]>, value: impl Into<Bytes>) -> i64 {
        let response = self.put(&key_query(key), value).send().await;
        assert!(response.status.is_success(), "{response:?}");
        response.revision()
    }

    /// A key's entry, which must exist.
    pub async fn read(&self, key: impl AsRef<[u8]>) -> Value {
        self.get(&key_query(key)).send().await.json(200)
    }

    /// A request with any method.
    pub fn request(&self, method: Method, path: &str) -> Request {
        Request {
            target: self.target.clone(),
            method,
            path: self.path(path),
            headers: self.headers.clone(),
            body: Bytes::new(),
        }
    }
}

/// A request that is still to be sent.
#[derive(Clone, Debug)]
pub struct Request {
    target: Target,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Request {
    /// Adds a header; a `Host` given here replaces the default.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers
            .push((name.to_ascii_lowercase(), value.to_owned()));
        self
    }

    /// Sets the body.
    #[must_use]
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Adds the headers of an upgrade to a WebSocket.
    #[must_use]
    pub fn upgrade(self) -> Self {
        self.header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("sec-websocket-version", "13")
            .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
    }

    /// Sends the request and reads the whole response.
    pub async fn send(self) -> Response {
        let line = format!("{} {}", self.method, self.path);
        match self.try_send().await {
            Ok(response) => response,
            Err(error) => panic!("{line}: {error}"),
        }
    }

    /// As `send`, where the connection may fail.
    pub async fn try_send(self) -> Result<Response, Error> {
        let mut head = self.open().await?;
        let body = timeout(RESPONSE_LIMIT, head.body.collect())
            .await??
            .to_bytes();
        Ok(Response {
            line: head.line,
            status: head.status,
            headers: std::mem::take(&mut head.headers),
            body,
        })
    }

    /// Sends the request and reads the response's head; the body can be read later.
    pub async fn open(self) -> Result<Head, Error> {
        let line = format!("{} {}", self.method, self.path);
        let (mut sender, connection) = self.target.connect().await?;
        // Closed when the response is dropped, even if its body was not read to the end.
        let connection = OpenConnection(connection);
        let mut request = http::Request::builder()
            .method(self.method)
            .uri(self.target.uri(&self.path).parse::<Uri>()?);
        if !self.target.http2 && !self.headers.iter().any(|(name, _)| name == "host") {
            request = request.header(header::HOST, self.target.address.to_string());
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(self.body))?;
        let response = timeout(RESPONSE_LIMIT, sender.send(request)).await??;
        let (parts, body) = response.into_parts();
        Ok(Head {
            line,
            status: parts.status,
            headers: parts.headers,
            body,
            _connection: connection,
        })
    }
}

/// A response whose body is not read yet; dropping it closes the connection.
#[derive(Debug)]
pub struct Head {
    /// The request's method and path, for failure messages.
    pub line: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Incoming,
    _connection: OpenConnection,
}

/// Closes the connection when dropped.
#[derive(Debug)]
struct OpenConnection(ConnectionTasks);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A whole response.
#[derive(Clone, Debug)]
pub struct Response {
    line: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Response {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's text; empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("our headers are ASCII"))
    }

    /// The body as lines of JSON, the last of which must be complete.
    #[track_caller]
    pub fn lines(&self) -> Vec<Value> {
        let text = self.text();
        assert!(text.ends_with('\n'), "{}: {text}", self.line);
        let parse =
            |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        text.lines().map(parse).collect()
    }

    /// `Watchgate-Revision`.
    pub fn revision(&self) -> i64 {
        let text = self.header("watchgate-revision");
        text.parse()
            .unwrap_or_else(|_| panic!("{}: Watchgate-Revision is `{text}`", self.line))
    }

    /// Asserts the status.
    #[expect(
        clippy::return_self_not_must_use,
        reason = "some callers want only the assertion"
    )]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        let short: String = self.text().chars().take(2000).collect();
        assert_eq!(self.status.as_u16(), status, "{}: {short}", self.line);
        self
    }

    /// The body as JSON; the status must be this one and the content type `application/json`.
    #[track_caller]
    pub fn json(self, status: u16) -> Value {
        let response = self.expect(status);
        assert_eq!(
            response.header("content-type"),
            "application/json",
            "{}",
            response.line
        );
        serde_json::from_slice(&response.body)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", response.line, response.text()))
    }

    /// The body as a problem of RFC 9457, with every member that the API promises.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        let response = self.expect(status);
        let line = &response.line;
        assert_eq!(
            response.header("content-type"),
            "application/problem+json",
            "{line}"
        );
        let problem: Value = serde_json::from_slice(&response.body)
            .unwrap_or_else(|error| panic!("{line}: {error}: {}", response.text()));
        assert_eq!(problem["code"], code, "{line}: {problem}");
        assert_eq!(problem["status"], status, "{line}: {problem}");
        for member in ["type", "title", "detail", "request_id"] {
            let text = problem[member].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{line}: no `{member}` in {problem}");
        }
        problem
    }
}
