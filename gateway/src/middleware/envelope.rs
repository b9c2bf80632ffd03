//! The outermost layer: a request's id, its line in the access log and its metrics, the body of a failure,
//! and the headers of every response.

use std::time::Instant;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use http::{HeaderValue, Method, header};

use super::refusal::Visitor;
use crate::failure::Failure;
use crate::state::AppState;
use crate::v3;
use crate::web::problem;
use crate::web::request_id::{REQUEST_ID, RequestId};

/// The outermost layer: assigns the request id, logs and measures the request, writes the bodies of failures and
/// sets the headers of every response.
pub async fn envelope(State(app): State<AppState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = app.request_ids.next();
    request.extensions_mut().insert(RequestId(id.clone()));
    let method = request.method().clone();
    let path = request.uri().path().to_owned();
    let mut names = request.headers().keys();
    let from_browser = names.any(|name| name.as_str().starts_with("sec-fetch-"));
    let visitor = Visitor::of(&request);

    let response = next.run(request).await;

    let (mut response, failure) = if v3::serves(&app.config.base_path, &path) {
        v3::finish(response, &path)
    } else {
        let (mut response, failure) = problem::finish(response, &path, &id, from_browser);
        if let (Some(visitor), Some(failure)) = (visitor, &failure) {
            visitor.explain(&mut response, failure, &id);
        }
        (response, failure)
    };
    let status = response.status().as_u16();
    log(&method, &path, status, started, &id, failure.as_deref());
    let labels = [
        ("method", method_label(&method).to_owned()),
        ("status", status.to_string()),
    ];
    metrics::counter!("watchgate_http_requests_total", &labels).increment(1);
    metrics::histogram!("watchgate_http_request_duration_seconds")
        .record(started.elapsed().as_secs_f64());

    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(&id) {
        headers.insert(REQUEST_ID, value);
    }
    headers.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    headers.insert(
        header::REFERRER_POLICY,
        HeaderValue::from_static("no-referrer"),
    );
    headers.insert(
        "cross-origin-resource-policy",
        HeaderValue::from_static("same-origin"),
    );
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(
            "default-src 'none'; frame-ancestors 'none'",
        ));
    headers
        .entry(header::CACHE_CONTROL)
        .or_insert(HeaderValue::from_static("no-store"));
    response
}

/// The method as a metric's label: a client that invents methods must not create metrics.
fn method_label(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::DELETE => method.as_str(),
        _ => "other",
    }
}

/// One line per request; a failure's causes are logged here and nowhere else.
fn log(
    method: &Method,
    path: &str,
    status: u16,
    started: Instant,
    id: &str,
    failure: Option<&Failure>,
) {
    let duration_ms = started.elapsed().as_millis() as u64;
    let cause = failure.map(Failure::chain);
    let cause = cause.as_deref();
    if status >= 500 {
        tracing::warn!(%method, path, status, duration_ms, request_id = id, cause, "request failed");
    } else {
        tracing::debug!(%method, path, status, duration_ms, request_id = id, cause, "request");
    }
}
