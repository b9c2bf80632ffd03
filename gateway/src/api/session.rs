//! `/session`: sign-in and sign-out of browsers, and which account requests act as.

use axum::response::Response;
use http::{HeaderMap, StatusCode, header};
use shared::{Problem, SessionRequest, SessionResponse};

use super::response::json;
use super::visit::Visit;
use super::{body, body::Buffered};
use crate::failure::{Failure, Result};
use crate::identity::session::{EndReason, Presented, is_from_https, require_own_page};

/// Which account requests act as.
///
/// Needs no credentials. `acts_as` is `session` for a request with a session cookie, `authorization` with an
/// `Authorization` header, and without either `gateway`, `nobody` (requests are 401 until the user signs in) or
/// `closed` (etcd's auth is off, so there is nothing to sign in to, and requests without credentials are
/// refused: `hint` names the flag). A session that has ended counts as none, and its cookie is removed.
///
/// As any request it renews the session, at most once a minute, unless it has the header
/// `Watchgate-Background`.
#[utoipa::path(
    operation_id = "get_session",
    get, path = "/session", tag = "access",
    params(
        ("Watchgate-Background" = Option<bool>, Header, description = "The request shows no activity of a user: the session is not renewed"),
    ),
    responses((status = 200, body = SessionResponse))
)]
pub async fn get(visit: Visit) -> Result<Response> {
    let credential = visit.credential()?;
    let sign_in = &visit.cluster.sign_in;
    let described = sign_in.describe(&visit.app.config, &visit.parts, credential, visit.timeout);
    Ok(json(StatusCode::OK, &Box::pin(described).await?))
}

/// Sign in with a name and password of a user in etcd.
///
/// The response sets a cookie, which counts for this cluster until the session has been idle for 8 hours, or for
/// 24 hours; a session that the request already has ends. The request must come from this gateway's own page:
/// it has its `Origin`, or `Sec-Fetch-Site: same-origin`. While etcd's auth is off it is 409.
#[utoipa::path(
    operation_id = "sign_in",
    post, path = "/session", tag = "access",
    request_body = SessionRequest,
    responses(
        (status = 201, body = SessionResponse,
            headers(("Set-Cookie" = String, description = "The session, sealed"))),
    )
)]
pub async fn sign_in(visit: Visit, bytes: Buffered) -> Result<Response> {
    require_own_page(&visit.parts)?;
    let request = request(&visit.parts.headers, &bytes)?;
    let secure = is_from_https(&visit.parts.headers);
    let (sessions, cluster) = (&visit.app.sessions, &visit.cluster);
    let (from, within) = (visit.peer(), visit.timeout);
    let starting =
        cluster
            .sign_in
            .start_session(sessions, &cluster.name, from, request, secure, within);
    let signed_in = Box::pin(starting).await?;
    if let Some(former) = Presented::of(&visit.parts).session() {
        sessions.end(former, EndReason::SignedOut);
    }
    let mut response = json(StatusCode::CREATED, &signed_in.response);
    response
        .headers_mut()
        .insert(header::SET_COOKIE, signed_in.cookie);
    Ok(response)
}

/// Sign out: the session's cookie is refused from now on, and its streams end.
///
/// 204 without a session, too. A session is remembered as signed out by this gateway only: another gateway with
/// the same key accepts a copy of its cookie until the session's time limits.
#[utoipa::path(
    operation_id = "sign_out",
    delete, path = "/session", tag = "access",
    responses(
        (status = 204, description = "Signed out"),
        (status = 403, body = Problem),
    )
)]
pub async fn sign_out(visit: Visit) -> Result<Response> {
    let presented = Presented::of(&visit.parts);
    let mut response = Response::new(axum::body::Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    if matches!(presented, Presented::None) {
        return Ok(response);
    }
    require_own_page(&visit.parts)?;
    let sessions = &visit.app.sessions;
    if let Some(session) = presented.session() {
        sessions.end(session, EndReason::SignedOut);
    }
    let removal = sessions.removal(&visit.cluster.name);
    response.headers_mut().insert(header::SET_COOKIE, removal);
    Ok(response)
}

/// The name and password. An error about them shows nothing of the body: it may be the password.
fn request(headers: &HeaderMap, bytes: &[u8]) -> Result<SessionRequest> {
    let hint = "for example curl --json '{\"name\": …}'";
    body::require_content_type(headers, "application/json", hint)?;
    body::parse(bytes).map_err(|_| {
        Failure::bad_request("the body must be {\"name\": \"…\", \"password\": \"…\"}")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_about_the_body_shows_nothing_of_it() {
        let mut headers = HeaderMap::new();
        let type_ = http::HeaderValue::from_static("application/json");
        headers.insert(header::CONTENT_TYPE, type_);
        for wrong in [
            "\"hunter2\"",
            "[\"app\", \"hunter2\"]",
            r#"{"name": "app", "hunter2": 1}"#,
            r#"{"name": "app", "password": {"hunter2": 1}}"#,
            r#"{"password": "hunter2"}"#,
            r#"{"name": "app", "password": "hunter2"} hunter2"#,
        ] {
            let failure = request(&headers, wrong.as_bytes()).expect_err(wrong);
            assert!(!format!("{failure:?}").contains("hunter2"), "{failure:?}");
        }
        let right = request(&headers, br#"{"name": "app", "password": "hunter2"}"#);
        let right = right.expect("a name and password");
        assert!(!format!("{right:?}").contains("hunter2"));
    }
}
