//! Failures as HTTP responses: RFC 9457 problem documents.
//!
//! A handler returns a [`Failure`]; its response carries it as [`Failed`] up to `middleware::envelope`, which knows the
//! request's id and writes the body with [`finish`].

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, header};
use shared::{Code, Problem};

use super::headers::{REVISION, set_etag};
use super::status::status;
use crate::failure::Failure;

/// A failure on its way to `middleware::envelope`, which writes its body.
#[derive(Clone, Debug)]
pub struct Failed(pub Arc<Failure>);

/// The failure as a problem of one request.
pub fn problem(failure: &Failure, request_id: &str) -> Problem {
    let facts = &failure.facts;
    Problem {
        kind: format!("/api/docs#{}", failure.code),
        title: failure.code.title().to_owned(),
        status: status(failure).as_u16(),
        detail: failure.detail.clone(),
        code: failure.code,
        request_id: request_id.to_owned(),
        hint: failure.hint.clone(),
        current: facts.current.clone(),
        count: facts.count,
        revision: facts.revision,
        lock: facts.lock.clone().map(Box::new),
        conflicts: facts.conflicts.clone(),
        reads: facts.reads.clone(),
        position: facts.position,
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        // The body needs the request's id, which only `middleware::envelope` knows: it finishes the response.
        let mut response = status(&self).into_response();
        response.extensions_mut().insert(Failed(Arc::new(self)));
        response
    }
}

/// Marks a failed response whose body is an HTML page: the body is not replaced.
#[derive(Clone, Copy, Debug)]
pub struct ForPeople;

/// Writes the body of a failed response, including one that a library made (method not allowed, body too
/// large). Also returns the failure, for the log.
pub fn finish(
    mut response: Response,
    path: &str,
    request_id: &str,
    from_browser: bool,
) -> (Response, Option<Arc<Failure>>) {
    let failure = match response.extensions_mut().remove::<Failed>() {
        Some(Failed(failure)) => failure,
        None if response.extensions_mut().remove::<ForPeople>().is_some() => {
            return (response, None);
        }
        None => match from_library(&response, path) {
            Some(failure) => Arc::new(failure),
            None => return (response, None),
        },
    };
    let problem = problem(&failure, request_id);
    let body = serde_json::to_vec(&problem).expect("a problem has string keys");
    *response.status_mut() = status(&failure);
    *response.body_mut() = Body::from(body);
    let headers = response.headers_mut();
    headers.remove(header::CONTENT_LENGTH);
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("application/problem+json"),
    );
    match problem.status {
        401 => {
            headers.append(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
            if !from_browser {
                let basic = HeaderValue::from_static("Basic realm=\"etcd\", charset=\"UTF-8\"");
                headers.append(header::WWW_AUTHENTICATE, basic);
            }
        }
        503 => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("1"));
        }
        429 => {
            headers.insert(header::RETRY_AFTER, HeaderValue::from_static("6"));
        }
        _ => {}
    }
    if let Some(revision) = failure.facts.store_revision {
        headers.insert(REVISION, HeaderValue::from(revision));
    }
    if let Some(current) = &failure.facts.current {
        let current = current.as_ref().map(|entry| entry.mod_revision);
        set_etag(headers, current);
    }
    (response, Some(failure))
}

/// The failure that corresponds to a library's own error response.
pub(crate) fn from_library(response: &Response, path: &str) -> Option<Failure> {
    let (code, detail) = match response.status().as_u16() {
        405 => {
            let allowed = response.headers().get(http::header::ALLOW);
            let allowed = allowed.and_then(|value| value.to_str().ok());
            (
                Code::MethodNotAllowed,
                match allowed {
                    Some(allowed) => format!("method not allowed on {path}; allowed: {allowed}"),
                    None => format!("method not allowed on {path}"),
                },
            )
        }
        413 => (
            Code::TooLarge,
            "the body exceeds the gateway's limit".to_owned(),
        ),
        408 => (
            Code::Timeout,
            "the request did not arrive in time".to_owned(),
        ),
        500 => (
            Code::Internal,
            "internal error; the log has the cause under this request id".to_owned(),
        ),
        400 | 426 => (
            Code::BadRequest,
            "the request is malformed or ended early".to_owned(),
        ),
        415 => (
            Code::UnsupportedMediaType,
            "unsupported media type of the body".to_owned(),
        ),
        404 => (Code::NotFound, format!("no such path: {path}")),
        _ => return None,
    };
    Some(Failure::new(code, detail))
}
