//! Failures as RFC 9457 problems: the one place where a code gets its HTTP status.

use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::{HeaderValue, StatusCode, header};
use shared::{Code, Problem};

use super::reply::REVISION;
use crate::failure::Failure;
use crate::middleware::frame::Failed;

/// The status of a failure.
pub fn status(failure: &Failure) -> StatusCode {
    let status = match failure.code {
        Code::BadRequest | Code::UnknownParameter => 400,
        Code::Unauthenticated => 401,
        Code::Forbidden | Code::ReadOnly | Code::ForeignOrigin => 403,
        Code::KeyNotFound | Code::LeaseNotFound if failure.facts.named_elsewhere => 422,
        Code::NotFound
        | Code::ClusterNotFound
        | Code::KeyNotFound
        | Code::LeaseNotFound
        | Code::LockNotFound
        | Code::ElectionNotFound
        | Code::MemberNotFound
        | Code::UserNotFound
        | Code::RoleNotFound => 404,
        Code::MethodNotAllowed => 405,
        Code::AlreadyExists | Code::DuplicateKey | Code::Conflict | Code::StmConflict => 409,
        Code::Compacted | Code::SessionExpired => 410,
        Code::PreconditionFailed | Code::CountChanged | Code::NotHolder | Code::NotLeader => 412,
        Code::TooLarge => 413,
        Code::UnsupportedMediaType => 415,
        Code::FutureRevision => 416,
        Code::ForeignHost => 421,
        Code::Unprocessable | Code::TooManyOps => 422,
        Code::Locked => 423,
        Code::ConfirmRequired => 428,
        Code::RateLimited => 429,
        Code::Internal | Code::Unknown => 500,
        Code::Unsupported => 501,
        Code::OutcomeUnknown if failure.facts.timed_out => 504,
        Code::Unavailable | Code::NoLeader | Code::OutcomeUnknown => 503,
        Code::Timeout => 504,
        Code::NoSpace => 507,
    };
    StatusCode::from_u16(status).expect("every status of the table is valid")
}

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
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        // The body needs the request's id, which the frame has: it finishes the answer.
        let mut response = status(&self).into_response();
        response.extensions_mut().insert(Failed(Arc::new(self)));
        response
    }
}

/// Marks a failed answer whose body is for a person: it stays as it is.
#[derive(Clone, Copy, Debug)]
pub struct ForPeople;

/// Gives a failed answer its body, also where a library made it (a wrong method, a large body).
/// Answers the failure too, for the log.
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
        None => match foreign(&response, path) {
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
        super::reply::tag(headers, current);
    }
    (response, Some(failure))
}

/// What a library's own refusal means.
pub(crate) fn foreign(response: &Response, path: &str) -> Option<Failure> {
    let (code, detail) = match response.status().as_u16() {
        405 => {
            let allowed = response.headers().get(http::header::ALLOW);
            let allowed = allowed
                .and_then(|value| value.to_str().ok())
                .unwrap_or("others");
            (
                Code::MethodNotAllowed,
                format!("{path} has no such method, but {allowed}"),
            )
        }
        413 => (
            Code::TooLarge,
            "the body is larger than this gateway accepts".to_owned(),
        ),
        408 => (
            Code::Timeout,
            "the request did not arrive in time".to_owned(),
        ),
        500 => (
            Code::Internal,
            "something failed here; the log has more under this id".to_owned(),
        ),
        400 | 426 => (
            Code::BadRequest,
            "the request is not well-formed, or ended early".to_owned(),
        ),
        415 => (
            Code::UnsupportedMediaType,
            "the body's type is not accepted".to_owned(),
        ),
        404 => (Code::NotFound, format!("there is nothing at {path}")),
        _ => return None,
    };
    Some(Failure::new(code, detail))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(code: Code, expected: u16) {
        assert_eq!(status(&Failure::new(code, "")).as_u16(), expected, "{code}");
    }

    #[test]
    fn every_code_has_its_status() {
        for (expected, codes) in [
            (400, &[Code::BadRequest, Code::UnknownParameter][..]),
            (401, &[Code::Unauthenticated]),
            (403, &[Code::Forbidden, Code::ReadOnly, Code::ForeignOrigin]),
            (
                404,
                &[
                    Code::NotFound,
                    Code::ClusterNotFound,
                    Code::KeyNotFound,
                    Code::LeaseNotFound,
                    Code::LockNotFound,
                    Code::ElectionNotFound,
                    Code::MemberNotFound,
                    Code::UserNotFound,
                    Code::RoleNotFound,
                ],
            ),
            (405, &[Code::MethodNotAllowed]),
            (
                409,
                &[
                    Code::AlreadyExists,
                    Code::DuplicateKey,
                    Code::Conflict,
                    Code::StmConflict,
                ],
            ),
            (410, &[Code::Compacted, Code::SessionExpired]),
            (
                412,
                &[
                    Code::PreconditionFailed,
                    Code::CountChanged,
                    Code::NotHolder,
                    Code::NotLeader,
                ],
            ),
            (413, &[Code::TooLarge]),
            (415, &[Code::UnsupportedMediaType]),
            (416, &[Code::FutureRevision]),
            (421, &[Code::ForeignHost]),
            (422, &[Code::Unprocessable, Code::TooManyOps]),
            (423, &[Code::Locked]),
            (428, &[Code::ConfirmRequired]),
            (429, &[Code::RateLimited]),
            (500, &[Code::Internal]),
            (501, &[Code::Unsupported]),
            (
                503,
                &[Code::Unavailable, Code::NoLeader, Code::OutcomeUnknown],
            ),
            (504, &[Code::Timeout]),
            (507, &[Code::NoSpace]),
        ] {
            for code in codes {
                check(*code, expected);
            }
        }
    }

    #[test]
    fn what_the_body_names_is_unprocessable() {
        let missing = Failure::new(Code::LeaseNotFound, "").named_elsewhere();
        assert_eq!(status(&missing).as_u16(), 422);
    }

    #[test]
    fn a_write_out_of_time_is_a_gateway_timeout() {
        let late = Failure::new(Code::OutcomeUnknown, "").with(|facts| facts.timed_out = true);
        assert_eq!(status(&late).as_u16(), 504);
    }
}
