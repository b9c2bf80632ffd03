//! Who asks, what is said beside the message, and until when: the request's headers, as etcd's own
//! gateway reads them.
//!
//! A token goes to etcd as it came, with every call: etcd decides about it. Where etcd's auth is off it
//! ignores tokens, as it does at its own gateway; so there one is worth no more than none, and gets
//! through only where nothing would. Nothing here is kept from one call to the next, so nothing could be
//! shared between two callers.

use std::time::Duration;

use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, header};
use tokio::time::Instant;

use super::errors::{Refused, code};
use super::schema::Method;
use crate::caller::Caller;
use crate::etcd::RawCall;
use crate::identity::credential::{self, Credential};
use crate::state::{App, Cluster};

/// How an etcd token is called in gRPC.
const TOKEN: HeaderName = HeaderName::from_static("token");
/// What stands before a name of gRPC's metadata in HTTP.
const METADATA: &str = "grpc-metadata-";
/// How long etcd may take to say who asks, where the asker leaves it all the time there is.
const SAYING_WHO: Duration = Duration::from_secs(10);
/// How one gets a token, and so needs none.
pub(super) const AUTHENTICATE: &str = "/etcdserverpb.Auth/Authenticate";

/// See the module.
#[derive(Clone, Debug)]
pub(super) struct Asker {
    /// Absent where the metadata says who it is, or nobody needs to be anybody.
    caller: Option<Caller>,
    metadata: HeaderMap,
    deadline: Option<Instant>,
}

impl Asker {
    /// Reads a request for this call.
    pub(super) async fn of(
        app: &App,
        cluster: &Cluster,
        parts: &Parts,
        method: &Method,
    ) -> Result<Self, Refused> {
        let headers = &parts.headers;
        let deadline = match headers.get("grpc-timeout") {
            Some(value) => timeout(value)?.map(|left| Instant::now() + left),
            None => None,
        };
        let within = deadline.map_or(SAYING_WHO, |deadline| {
            deadline.saturating_duration_since(Instant::now())
        });
        let mut metadata = metadata(headers);
        let caller = match credential::of_v3(headers)? {
            Credential::Token(token) => {
                let sign_in = &cluster.sign_in;
                sign_in
                    .allow_unchecked_token(&app.config, parts, within)
                    .await?;
                let token = HeaderValue::from_str(token.reveal());
                let mut token =
                    token.map_err(|_| Refused::invalid("the token cannot be sent to etcd"))?;
                token.set_sensitive(true);
                metadata.insert(TOKEN, token);
                None
            }
            Credential::None if method.path == AUTHENTICATE => None,
            other => {
                let sign_in = &cluster.sign_in;
                let identity = sign_in.identify(&app.config, parts, other, within).await?;
                Some(Caller::new(identity, None))
            }
        };
        Ok(Self {
            caller,
            metadata,
            deadline,
        })
    }

    /// The call as etcd gets it.
    pub(super) fn call(&self, path: &'static str) -> RawCall<'_> {
        RawCall {
            path,
            caller: self.caller.as_ref(),
            metadata: self.metadata.clone(),
        }
    }

    /// Whether a stream shall end when there is no leader.
    pub(super) fn demands_leader(&self) -> bool {
        self.metadata.contains_key("hasleader")
    }

    /// Runs something until the asker's time is over.
    pub(super) async fn within<T>(
        &self,
        asking: impl Future<Output = Result<T, Refused>>,
    ) -> Result<T, Refused> {
        let Some(deadline) = self.deadline else {
            return asking.await;
        };
        tokio::time::timeout_at(deadline, asking)
            .await
            .unwrap_or_else(|_| {
                let message = "context deadline exceeded";
                Err(Refused::new(code::DEADLINE_EXCEEDED, message))
            })
    }
}

/// `Grpc-Metadata-<name>` is the metadata `<name>`; what gRPC or HTTP say themselves is left out, and what
/// says who asks, which is read by [`credential`].
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
        let Some(name) = name.as_str().strip_prefix(METADATA) else {
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

/// `5S`, `100m`: a number and a unit of gRPC's. None of it is no limit, as in etcd.
fn timeout(value: &HeaderValue) -> Result<Option<Duration>, Refused> {
    let text = value.to_str().unwrap_or_default();
    let wrong = || Refused::invalid(format!("invalid grpc-timeout: {text}"));
    let unit_at = text.len().checked_sub(1).ok_or_else(wrong)?;
    let (number, unit) = text.split_at_checked(unit_at).ok_or_else(wrong)?;
    let number: i64 = number.parse().map_err(|_| wrong())?;
    // Less than nothing has passed before it began.
    let count = number.max(0).unsigned_abs();
    let left = match unit {
        "H" => Duration::from_secs(count.saturating_mul(3600)),
        "M" => Duration::from_secs(count.saturating_mul(60)),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return Err(wrong()),
    };
    // A time beyond the clock's end is no limit.
    let end = Instant::now().checked_add(left);
    Ok(end.filter(|_| number != 0).map(|_| left))
}

/// Whether an upgrade offers its token as `Bearer, <token>`: the answer then has to choose `Bearer`.
pub(super) fn offers_bearer(headers: &HeaderMap) -> bool {
    let mut offers = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter();
    offers.any(|value| value.as_bytes().starts_with(b"Bearer"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: Option<Duration>) {
        let value = HeaderValue::from_str(text).expect("plain");
        assert_eq!(timeout(&value), Ok(expected), "{text}");
    }

    #[test]
    fn a_timeout_is_a_number_and_a_unit() {
        check("1S", Some(Duration::from_secs(1)));
        check("150m", Some(Duration::from_millis(150)));
        check("2H", Some(Duration::from_hours(2)));
        check("7u", Some(Duration::from_micros(7)));
        check("-1S", Some(Duration::ZERO));
        check("0S", None);
        check("9223372036854775807H", None);
        for text in ["", "S", "5", "5s", "1.5S", "x S", "5\u{e4}"] {
            let value = HeaderValue::from_bytes(text.as_bytes()).expect("visible");
            assert!(timeout(&value).is_err(), "{text}");
        }
    }

    #[test]
    fn metadata_is_what_is_named_so() {
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
