//! A small HTTP client that sends exactly what it is told, one connection a request: no dot segment
//! is collapsed, nothing is retried or redirected, and dropping an answer ends its connection.
//!
//! It speaks HTTP/1.1 in the clear, unless it is told otherwise.

use std::net::SocketAddr;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, Uri, header};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use serde_json::Value;
use tokio::time::timeout;

use crate::connect::{Guard, Link, Tls};
use crate::key_query;

pub(crate) type Error = Box<dyn std::error::Error + Send + Sync>;

/// How long an answer's head may take. Longer than the gateway's own limits, so that theirs show.
const HEAD: Duration = Duration::from_mins(1);

/// Speaks to one server.
#[derive(Clone, Debug)]
pub struct Client {
    link: Link,
    base: String,
    /// Sent with every request.
    headers: Vec<(String, String)>,
}

impl Client {
    /// Paths as they are.
    pub fn to(address: SocketAddr) -> Self {
        Self {
            link: Link {
                address,
                tls: None,
                http2: false,
            },
            base: String::new(),
            headers: Vec::new(),
        }
    }

    /// Paths below `base`.
    #[must_use]
    pub fn below(&self, base: &str) -> Self {
        let mut client = self.clone();
        client.base.push_str(base);
        client
    }

    /// The same under TLS.
    #[must_use]
    pub fn under(&self, tls: Tls) -> Self {
        let mut client = self.clone();
        client.link.tls = Some(tls);
        client
    }

    /// The same by HTTP/2: agreed on under TLS, unasked without.
    #[must_use]
    pub fn by_http2(&self) -> Self {
        let mut client = self.clone();
        client.link.http2 = true;
        client
    }

    /// The same, signed in by name and password.
    #[must_use]
    pub fn signed(&self, name: &str, password: &str) -> Self {
        self.with("authorization", &crate::basic(name, password))
    }

    /// The same with a header on every request.
    #[must_use]
    pub fn with(&self, name: &str, value: &str) -> Self {
        let mut client = self.clone();
        client.headers.push((name.to_owned(), value.to_owned()));
        client
    }

    /// What every request carries.
    pub fn headers(&self) -> &[(String, String)] {
        &self.headers
    }

    /// Where it speaks to.
    pub fn address(&self) -> SocketAddr {
        self.link.address
    }

    /// How it connects.
    pub(crate) fn link(&self) -> &Link {
        &self.link
    }

    /// The path as sent.
    pub fn path(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// A GET.
    pub fn get(&self, path: &str) -> Ask {
        self.ask(Method::GET, path)
    }

    /// A DELETE.
    pub fn delete(&self, path: &str) -> Ask {
        self.ask(Method::DELETE, path)
    }

    /// A PUT of raw bytes.
    pub fn put(&self, path: &str, body: impl Into<Bytes>) -> Ask {
        self.ask(Method::PUT, path).body(body)
    }

    /// A POST of JSON.
    pub fn post(&self, path: &str, body: &Value) -> Ask {
        self.ask(Method::POST, path)
            .header("content-type", "application/json")
            .body(body.to_string())
    }

    /// Puts a key and gives its revision.
    pub async fn write(&self, key: impl AsRef<[u8]>, value: impl Into<Bytes>) -> i64 {
        let answer = self.put(&key_query(key), value).send().await;
        assert!(answer.status.is_success(), "{answer:?}");
        answer.revision()
    }

    /// A key's entry, which must be there.
    pub async fn read(&self, key: impl AsRef<[u8]>) -> Value {
        self.get(&key_query(key)).send().await.json(200)
    }

    /// A request of any kind.
    pub fn ask(&self, method: Method, path: &str) -> Ask {
        Ask {
            link: self.link.clone(),
            method,
            path: self.path(path),
            headers: self.headers.clone(),
            body: Bytes::new(),
        }
    }
}

/// A request about to be sent.
#[derive(Clone, Debug)]
pub struct Ask {
    link: Link,
    method: Method,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
}

impl Ask {
    /// Adds a header; a `Host` given here replaces ours.
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

    /// Sends it and reads the whole answer.
    pub async fn send(self) -> Answer {
        let line = format!("{} {}", self.method, self.path);
        match self.try_send().await {
            Ok(answer) => answer,
            Err(error) => panic!("{line}: {error}"),
        }
    }

    /// As `send`, where the connection may fail.
    pub async fn try_send(self) -> Result<Answer, Error> {
        let mut head = self.open().await?;
        let body = timeout(HEAD, head.body.collect()).await??.to_bytes();
        Ok(Answer {
            line: head.line,
            status: head.status,
            headers: std::mem::take(&mut head.headers),
            body,
        })
    }

    /// Sends it and reads the answer's head; the body is still to come.
    pub async fn open(self) -> Result<Head, Error> {
        let line = format!("{} {}", self.method, self.path);
        let (mut speaker, connection) = self.link.speak().await?;
        // What is not heard to the end is broken off.
        let connection = Connected(connection);
        let mut request = Request::builder()
            .method(self.method)
            .uri(self.link.target(&self.path).parse::<Uri>()?);
        if !self.link.http2 && !self.headers.iter().any(|(name, _)| name == "host") {
            request = request.header(header::HOST, self.link.address.to_string());
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request.body(Full::new(self.body))?;
        let answer = timeout(HEAD, speaker.send(request)).await??;
        let (parts, body) = answer.into_parts();
        Ok(Head {
            line,
            status: parts.status,
            headers: parts.headers,
            body,
            _connection: connection,
        })
    }
}

/// An answer whose body is still coming; dropping it closes the connection.
#[derive(Debug)]
pub struct Head {
    /// The request, for failures.
    pub line: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// What is still to come.
    pub body: Incoming,
    _connection: Connected,
}

/// Ends the connection with the answer.
#[derive(Debug)]
struct Connected(Guard);

impl Drop for Connected {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    line: String,
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub body: Bytes,
}

impl Answer {
    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// A header's text; empty where absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .map_or("", |value| value.to_str().expect("our headers are ASCII"))
    }

    /// `Watchgate-Revision`.
    pub fn revision(&self) -> i64 {
        let text = self.header("watchgate-revision");
        text.parse()
            .unwrap_or_else(|_| panic!("{}: Watchgate-Revision is `{text}`", self.line))
    }

    /// Fails unless the status is this one.
    #[expect(
        clippy::return_self_not_must_use,
        reason = "often the assertion is all that is wanted"
    )]
    #[track_caller]
    pub fn expect(self, status: u16) -> Self {
        let short: String = self.text().chars().take(2000).collect();
        assert_eq!(self.status.as_u16(), status, "{}: {short}", self.line);
        self
    }

    /// The body as JSON of the contract's type, behind this status.
    #[track_caller]
    pub fn json(self, status: u16) -> Value {
        let answer = self.expect(status);
        assert_eq!(
            answer.header("content-type"),
            "application/json",
            "{}",
            answer.line
        );
        serde_json::from_slice(&answer.body)
            .unwrap_or_else(|error| panic!("{}: {error}: {}", answer.line, answer.text()))
    }

    /// The body as a problem of RFC 9457 with every member that the contract demands.
    #[track_caller]
    pub fn problem(self, status: u16, code: &str) -> Value {
        let answer = self.expect(status);
        let line = &answer.line;
        assert_eq!(
            answer.header("content-type"),
            "application/problem+json",
            "{line}"
        );
        let problem: Value = serde_json::from_slice(&answer.body)
            .unwrap_or_else(|error| panic!("{line}: {error}: {}", answer.text()));
        assert_eq!(problem["code"], code, "{line}: {problem}");
        assert_eq!(problem["status"], status, "{line}: {problem}");
        for member in ["type", "title", "detail", "request_id"] {
            let text = problem[member].as_str().unwrap_or_default();
            assert!(!text.is_empty(), "{line}: no `{member}` in {problem}");
        }
        problem
    }
}
