//! Responses: JSON with the store's revision.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::web::headers::REVISION;

/// Create revision of a raw value.
pub const CREATE_REVISION: HeaderName = HeaderName::from_static("watchgate-create-revision");
/// Version of a raw value.
pub const VERSION: HeaderName = HeaderName::from_static("watchgate-version");
/// Lease of a raw value.
pub const LEASE: HeaderName = HeaderName::from_static("watchgate-lease");

/// A JSON answer of the gateway's own.
pub fn json<T: Serialize>(status: StatusCode, value: &T) -> Response {
    let body = serde_json::to_vec(value).expect("wire types have string keys");
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    response.headers_mut().insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/json"),
    );
    response
}

/// A JSON answer that came from etcd at `revision`.
pub fn answer<T: Serialize>(status: StatusCode, revision: i64, value: &T) -> Response {
    let mut response = json(status, value);
    response
        .headers_mut()
        .insert(REVISION, HeaderValue::from(revision));
    response
}
