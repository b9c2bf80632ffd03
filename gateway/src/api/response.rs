//! JSON responses, and the headers that carry a key's metadata with a raw value.

use axum::body::Body;
use axum::response::Response;
use http::{HeaderName, HeaderValue, StatusCode, header};
use serde::Serialize;

use crate::web::headers::REVISION;

/// The create revision, with a raw value.
pub const CREATE_REVISION: HeaderName = HeaderName::from_static("watchgate-create-revision");
/// The version, with a raw value.
pub const VERSION: HeaderName = HeaderName::from_static("watchgate-version");
/// The lease, with a raw value.
pub const LEASE: HeaderName = HeaderName::from_static("watchgate-lease");

/// A JSON response without a store revision.
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

/// A JSON response with the store revision at which etcd responded.
pub fn respond<T: Serialize>(status: StatusCode, revision: i64, value: &T) -> Response {
    let mut response = json(status, value);
    response
        .headers_mut()
        .insert(REVISION, HeaderValue::from(revision));
    response
}
