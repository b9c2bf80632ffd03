//! Errors in the shape of etcd's JSON gateway: its statuses and bodies of 3.6 and later, with the members that
//! older clients still read.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use serde_json::{Value, json};
use shared::Code;

use crate::etcd::Refusal;
use crate::failure::Failure;
use crate::web::status;

/// The gRPC codes of errors that the gateway itself returns.
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

/// The error of a failed call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CallError {
    status: StatusCode,
    code: i32,
    message: String,
}

/// Marks a response whose body already has etcd's shape.
#[derive(Clone, Copy, Debug)]
pub(super) struct EtcdShaped;

impl CallError {
    /// An error with the HTTP status that etcd's gateway maps this gRPC code to.
    pub(super) fn new(code: i32, message: impl Into<String>) -> Self {
        Self {
            status: status_of(code),
            code,
            message: message.into(),
        }
    }

    /// A malformed request.
    pub(super) fn invalid_argument(message: impl Into<String>) -> Self {
        Self::new(code::INVALID_ARGUMENT, message)
    }

    /// A request message above the size limit: 413, where etcd's gateway has 429.
    pub(super) fn too_large(limit: usize) -> Self {
        Self {
            status: StatusCode::PAYLOAD_TOO_LARGE,
            code: code::RESOURCE_EXHAUSTED,
            message: format!("request exceeds the limit of {limit} bytes"),
        }
    }

    /// A malformed response from etcd.
    pub(super) fn malformed_response() -> Self {
        Self::new(code::INTERNAL, "malformed response from etcd")
    }

    /// The error as a message of a stream.
    pub(super) fn stream_message(&self) -> Value {
        let reason = self.status.canonical_reason().unwrap_or_default();
        json!({"error": {
            "code": self.code,
            "message": self.message,
            // The members of etcd until 3.5.
            "grpc_code": self.code,
            "http_code": self.status.as_u16(),
            "http_status": reason,
        }})
    }

    /// The error as the body of a unary response.
    pub(super) fn unary_body(&self) -> Value {
        // `error` is the member of etcd until 3.5, which clients still read.
        json!({"error": self.message, "code": self.code, "message": self.message})
    }

    /// The response with this body, for a call that has sent no response yet.
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
            // Not a challenge with a scheme, but this is what etcd sends.
            headers.insert(header::WWW_AUTHENTICATE, message);
        }
        response.extensions_mut().insert(EtcdShaped);
        response
    }
}

impl IntoResponse for CallError {
    fn into_response(self) -> Response {
        self.response(&self.unary_body())
    }
}

impl From<Refusal> for CallError {
    fn from(refusal: Refusal) -> Self {
        Self::new(refusal.code, refusal.message)
    }
}

impl From<&Failure> for CallError {
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

impl From<Failure> for CallError {
    fn from(failure: Failure) -> Self {
        Self::from(&failure)
    }
}

/// The status of each gRPC code, as in etcd's gateway.
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
    StatusCode::from_u16(status).expect("every status above is valid")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_map_to_the_statuses_of_etcds_gateway() {
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
    fn an_error_has_the_members_of_old_and_new_releases() {
        let error = CallError::new(7, "etcdserver: permission denied");
        assert_eq!(
            error.unary_body(),
            json!({"error": "etcdserver: permission denied", "code": 7,
                "message": "etcdserver: permission denied"})
        );
        let inner = &error.stream_message()["error"];
        assert_eq!(inner["code"], 7);
        assert_eq!(inner["grpc_code"], 7);
        assert_eq!(inner["http_code"], 403);
        assert_eq!(inner["http_status"], "Forbidden");
    }

    #[test]
    fn a_failure_of_the_gateway_keeps_its_status() {
        let failure = Failure::new(Code::ForeignHost, "unknown host").hint("allow it");
        let error = CallError::from(failure);
        assert_eq!((error.status.as_u16(), error.code), (421, 7));
        assert_eq!(error.message, "unknown host; allow it");
    }
}
