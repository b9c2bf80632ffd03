//! Refusals in the shape of etcd's JSON gateway: its statuses and bodies of 3.6 and later, and what
//! older clients still read in them.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use shared::Code;

use crate::etcd::Refusal;
use crate::failure::Failure;
use crate::web::status;

/// gRPC's codes, as far as they are given here and not by etcd.
pub(super) mod code {
    pub(in crate::v3) const CANCELLED: i32 = 1;
    pub(in crate::v3) const UNKNOWN: i32 = 2;
    pub(in crate::v3) const INVALID_ARGUMENT: i32 = 3;
    pub(in crate::v3) const DEADLINE_EXCEEDED: i32 = 4;
    pub(in crate::v3) const NOT_FOUND: i32 = 5;
    pub(in crate::v3) const PERMISSION_DENIED: i32 = 7;
    pub(in crate::v3) const RESOURCE_EXHAUSTED: i32 = 8;
    pub(in crate::v3) const UNIMPLEMENTED: i32 = 12;
    pub(in crate::v3) const INTERNAL: i32 = 13;
    pub(in crate::v3) const UNAVAILABLE: i32 = 14;
    pub(in crate::v3) const UNAUTHENTICATED: i32 = 16;
}

/// A call that is not answered as asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refused {
    status: StatusCode,
    code: i32,
    message: String,
}

/// Marks an answer whose body is as it shall be.
#[derive(Clone, Copy, Debug)]
pub(super) struct Shaped;

impl Refused {
    /// With the status that etcd's gateway gives to this code of gRPC.
    pub(super) fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            status: status_of(code),
            code,
            message: message.into(),
        }
    }

    /// A request that is not understood.
    pub(super) fn invalid(message: impl Into<String>) -> Self {
        Self::new(code::INVALID_ARGUMENT, message)
    }

    /// A request or part of it that is larger than is taken: 413 where etcd would have 429.
    pub(super) fn too_large(most: usize) -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            code: code::RESOURCE_EXHAUSTED,
            message: format!("the request is larger than the {most} bytes taken at most"),
        }
    }

    /// An answer of etcd's that makes no sense.
    pub(super) fn unreadable() -> Self {
        Self::new(code::INTERNAL, "etcd's answer cannot be read")
    }

    /// What stands for an answer of a stream.
    pub(super) fn in_stream(&self) -> Value {
        let reason = self.status.canonical_reason().unwrap_or_default();
        json!({"error": {
            "code": self.code,
            "message": self.message,
            // As etcd said it until 3.5.
            "grpc_code": self.code,
            "http_code": self.status.as_u16(),
            "http_status": reason,
        }})
    }

    /// What stands for the one answer of a call.
    pub(super) fn whole(&self) -> Value {
        // `error` is etcd's word until 3.5, which clients still read.
        json!({"error": self.message, "code": self.code, "message": self.message})
    }

    /// The answer to a call of which nothing has been answered yet.
    pub(super) fn response(&self, body: &Value) -> Response {
        let mut text = body.to_string();
        text.push('\n');
        let mut response = Response::new(Body::from(text));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/json"),
        );
        if self.status == StatusCode::UNAUTHORIZED
            && let Ok(message) = HeaderValue::from_str(&self.message)
        {
            // Not a scheme's name, but what etcd sends.
            headers.insert(header::WWW_AUTHENTICATE, message);
        }
        response.extensions_mut().insert(Shaped);
        response
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        self.response(&self.whole())
    }
}

impl From<Refusal> for Refused {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.message)
    }
}

impl From<&Failure> for Refused {
    fn from(failure: &Failure) -> Self {
        let code = match failure.code {
            Code::Unauthenticated => code::UNAUTHENTICATED,
            Code::Forbidden | Code::ReadOnly | Code::ForeignOrigin | Code::ForeignHost => {
                code::PERMISSION_DENIED
            }
            Code::NotFound | Code::ClusterNotFound => code::NOT_FOUND,
            Code::MethodNotAllowed => code::UNIMPLEMENTED,
            Code::TooLarge | Code::RateLimited => code::RESOURCE_EXHAUSTED,
            Code::Timeout => code::DEADLINE_EXCEEDED,
            Code::Unavailable | Code::NoLeader | Code::OutcomeUnknown => code::UNAVAILABLE,
            Code::BadRequest | Code::UnknownParameter | Code::UnsupportedMediaType => {
                code::INVALID_ARGUMENT
            }
            Code::Internal => code::INTERNAL,
            _ => code::UNKNOWN,
        };
        let message = match &failure.hint {
            Some(hint) => format!("{}; {hint}", failure.detail),
            None => failure.detail.clone(),
        };
        Self {
            status: status::status(failure),
            code,
            message,
        }
    }
}

impl From<Failure> for Refused {
    fn from(failure: Failure) -> Self {
        Self::from(&failure)
    }
}

/// The table of etcd's gateway.
fn status_of(code: i32) -> StatusCode {
    let status = match code {
        0 => 200,
        code::CANCELLED => 499,
        code::INVALID_ARGUMENT | 9 | 11 => 400,
        code::DEADLINE_EXCEEDED => 504,
        code::NOT_FOUND => 404,
        6 | 10 => 409,
        code::PERMISSION_DENIED => 403,
        code::RESOURCE_EXHAUSTED => 429,
        code::UNIMPLEMENTED => 501,
        code::UNAVAILABLE => 503,
        code::UNAUTHENTICATED => 401,
        _ => 500,
    };
    StatusCode::from_u16(status).expect("every status of the table is valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_the_statuses_of_etcds_gateway() {
        let statuses = (0..=17).map(|code| status_of(code).as_u16());
        assert_eq!(
            statuses.collect::<Vec<_>>(),
            [
                200, 499, 500, 400, 504, 404, 409, 403, 429, 400, 409, 400, 501, 500, 503, 500,
                401, 500
            ]
        );
    }

    #[test]
    fn a_refusal_has_the_old_members_and_the_new() {
        let refused = Refused::new(7, "etcdserver: permission denied");
        assert_eq!(
            refused.whole(),
            json!({"error": "etcdserver: permission denied", "code": 7,
                "message": "etcdserver: permission denied"})
        );
        let inner = &refused.in_stream()["error"];
        assert_eq!(inner["code"], 7);
        assert_eq!(inner["grpc_code"], 7);
        assert_eq!(inner["http_code"], 403);
        assert_eq!(inner["http_status"], "Forbidden");
    }

    #[test]
    fn our_own_failures_keep_their_status() {
        let failure = Failure::new(Code::ForeignHost, "not known").hint("say so");
        let refused = Refused::from(failure);
        assert_eq!((refused.status.as_u16(), refused.code), (421, 7));
        assert_eq!(refused.message, "not known; say so");
    }
}
