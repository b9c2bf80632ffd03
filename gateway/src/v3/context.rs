//! The context of a call: its credentials, metadata and deadline, read from the request's headers as etcd's
//! own gateway reads them.
//!
//! A token is passed on to etcd unchanged with every call, and etcd validates it. While etcd's auth is off it
//! ignores tokens, as it does behind its own gateway; a request with a token is then treated like one without
//! credentials. No state is kept between calls, so none can be shared between two callers.

use std::time::Duration;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::time::Instant;

use super::errors::{CallError, code};
use super::schema::Method;
use crate::etcd::RawCall;
use crate::identity::Caller;
use crate::identity::credential::{self, Credential};
use crate::state::{App, Cluster};

/// The gRPC metadata that carries an etcd token.
const TOKEN: HeaderName = HeaderName::from_static("token");
/// The prefix of HTTP headers that carry gRPC metadata.
const METADATA_PREFIX: &str = "grpc-metadata-";
/// How long identifying the caller may take if the request sets no timeout.
const IDENTIFY_TIMEOUT: Duration = Duration::from_secs(10);
/// The method that issues tokens, and so requires none.
pub(super) const AUTHENTICATE: &str = "/etcdserverpb.Auth/Authenticate";

/// The credentials, metadata and deadline of a call.
#[derive(Clone, Debug)]
pub(super) struct CallContext {
    /// Absent if the metadata carries a token, or if the method requires no credentials.
    caller: Option<Caller>,
    metadata: HeaderMap,
    deadline: Option<Instant>,
}

impl CallContext {
    /// Reads a request's headers and identifies the caller.
    pub(super) async fn from_request(
        app: &App,
        cluster: &Cluster,
        parts: &Parts,
        method: &Method,
    ) -> Result<Self, CallError> {
        let headers = &parts.headers;
        let deadline = match headers.get("grpc-timeout") {
            Some(value) => timeout(value)?.map(|left| Instant::now() + left),
            None => None,
        };
        let identify_timeout = deadline.map_or(IDENTIFY_TIMEOUT, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        });
        let mut metadata = metadata(headers);
        let caller = match credential::of_v3(headers)? {
            Credential::Token(token) => {
                let sign_in = &cluster.sign_in;
                sign_in
                    .allow_unchecked_token(&app.config, parts, identify_timeout)
                    .await?;
                let token = HeaderValue::from_str(token.reveal());
                let mut token = token.map_err(|_| {
                    CallError::invalid_argument("invalid token: not a valid header value")
                })?;
                token.set_sensitive(true);
                metadata.insert(TOKEN, token);
                None
            }
            Credential::None if method.path == AUTHENTICATE => None,
            other => {
                let sign_in = &cluster.sign_in;
                let identity = sign_in
                    .identify(&app.config, parts, other, identify_timeout)
                    .await?;
                Some(Caller::new(identity, None))
            }
        };
        Ok(Self {
            caller,
            metadata,
            deadline,
        })
    }

    /// A call of the method at this gRPC path, with this context.
    pub(super) fn raw_call(&self, path: &'static str) -> RawCall<'_> {
        RawCall {
            path,
            caller: self.caller.as_ref(),
            metadata: self.metadata.clone(),
        }
    }

    /// Whether a stream must end when there is no leader.
    pub(super) fn requires_leader(&self) -> bool {
        self.metadata.contains_key("hasleader")
    }

    /// Runs `work` until the caller's deadline.
    pub(super) async fn with_deadline<T>(
        &self,
        work: impl Future<Output = Result<T, CallError>>,
    ) -> Result<T, CallError> {
        let Some(deadline) = self.deadline else {
            return work.await;
        };
        tokio::time::timeout_at(deadline, work)
            .await
            .unwrap_or_else(|_| {
                let message = "context deadline exceeded";
                Err(CallError::new(code::DEADLINE_EXCEEDED, message))
            })
    }
}

/// The metadata `<name>` of each header `Grpc-Metadata-<name>`, except names reserved by gRPC or HTTP and the
/// credentials, which [`credential`] reads.
fn metadata(headers: &HeaderMap) -> HeaderMap {
    const RESERVED: [&str; 8] = [
        "authorization",
        "connection",
        "content-length",
        "content-type",
        "host",
        "te",
        "token",
        "transfer-encoding",
    ];
    let mut metadata = HeaderMap::new();
    for (name, value) in headers {
        let Some(name) = name.as_str().strip_prefix(METADATA_PREFIX) else {
            continue;
        };
        if RESERVED.contains(&name) || name.starts_with("grpc-") {
            continue;
        }
        if let Ok(name) = HeaderName::from_bytes(name.as_bytes()) {
            metadata.append(name, value.clone());
        }
    }
    metadata
}

/// Parses `5S`, `100m`: a number and a gRPC unit. Zero means no timeout, as in etcd.
fn timeout(value: &HeaderValue) -> Result<Option<Duration>, CallError> {
    let text = value.to_str().unwrap_or_default();
    let invalid = || CallError::invalid_argument(format!("invalid grpc-timeout: {text}"));
    let unit_at = text.len().checked_sub(1).ok_or_else(invalid)?;
    let (number, unit) = text.split_at_checked(unit_at).ok_or_else(invalid)?;
    let number: i64 = number.parse().map_err(|_| invalid())?;
    // A negative timeout has already passed.
    let count = number.max(0).unsigned_abs();
    let left = match unit {
        "H" => Duration::from_secs(count.saturating_mul(3600)),
        "M" => Duration::from_secs(count.saturating_mul(60)),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return Err(invalid()),
    };
    // A deadline beyond the clock's range means no limit.
    let end = Instant::now().checked_add(left);
    Ok(end.filter(|_| number != 0).map(|_| left))
}

/// Whether a WebSocket upgrade offers the subprotocols `Bearer, <token>`: the response must then select `Bearer`.
pub(super) fn offers_bearer(headers: &HeaderMap) -> bool {
    let mut offers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    offers.any(|value| value.as_bytes().starts_with(b"Bearer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<Duration>) {
        let value = HeaderValue::from_str(text).expect("a valid header value");
        assert_eq!(timeout(&value), Ok(expected), "{text}");
    }

    #[test]
    fn timeouts_are_parsed() {
        check("1S", Some(Duration::from_secs(1)));
        check("150m", Some(Duration::from_millis(150)));
        check("2H", Some(Duration::from_hours(2)));
        check("7u", Some(Duration::from_micros(7)));
        check("-1S", Some(Duration::ZERO));
        check("0S", None);
        check("9223372036854775807H", None);
        for text in ["", "S", "5", "5s", "1.5S", "x S", "5\u{e4}"] {
            let value = HeaderValue::from_bytes(text.as_bytes()).expect("a valid header value");
            assert!(timeout(&value).is_err(), "{text}");
        }
    }

    #[test]
    fn only_unreserved_prefixed_headers_are_metadata() {
        let mut headers = HeaderMap::new();
        for name in [
            "grpc-metadata-hasleader",
            "grpc-metadata-te",
            "grpc-metadata-grpc-timeout",
            "grpc-metadata-",
            "hasleader",
        ] {
            headers.insert(name, HeaderValue::from_static("true"));
        }
        let found = metadata(&headers);
        assert_eq!(found.len(), 1);
        assert_eq!(found["hasleader"], "true");
    }
}
