//! Session cookies: opens that of a request, and renews or removes it in the response.
//!
//! Below `/api/v1` only: a cookie never counts at `/v3`. Whether a session counts for a request, and whether the
//! request may use it, is decided by [`Sessions::credential`](crate::identity::session::Sessions::credential).

use std::io;

use axum::body::{Body, HttpBody as _};
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::Response;
use futures_util::{StreamExt as _, stream};
use http::{HeaderValue, header};

use crate::identity::session::{
    EndReason, EndsWithSession, Presented, SessionEnd, Sessions, is_activity,
};
use crate::state::AppState;
use crate::web::cluster_path::cluster_in_path;

/// The layer.
pub async fn session(State(app): State<AppState>, request: Request, next: Next) -> Response {
    // Programs send no cookies: nothing is computed for them.
    if !request.headers().contains_key(header::COOKIE) {
        return next.run(request).await;
    }
    let Some(cluster) = cluster_of(&app, request.uri().path()) else {
        return next.run(request).await;
    };
    let presented = app.sessions.present(&cluster, request.headers());
    if matches!(presented, Presented::None) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let active = is_activity(&parts);
    parts.extensions.insert(presented.clone());
    let mut response = next.run(Request::from_parts(parts, body)).await;
    // Signing in and out set the cookie themselves.
    if !response.headers().contains_key(header::SET_COOKIE)
        && let Some(cookie) = cookie(&app.sessions, &cluster, &presented, active)
    {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    match presented.used() {
        Some(session) => end_with(session.end().clone(), response),
        None => response,
    }
}

/// The cookie of the response: removed if the session has ended, renewed if the request shows activity.
fn cookie(
    sessions: &Sessions,
    cluster: &str,
    presented: &Presented,
    active: bool,
) -> Option<HeaderValue> {
    let session = match presented {
        Presented::None => return None,
        Presented::Ended(_) => return Some(sessions.removal(cluster)),
        Presented::Valid(session) => session,
    };
    let refused = session.is_refused().then_some(EndReason::Refused);
    if let Some(reason) = session.end().reason().or(refused) {
        // Its end was noticed while the request was served; from now on its cookie is refused.
        sessions.end(session, reason);
        return Some(sessions.removal(cluster));
    }
    (active && presented.used().is_some())
        .then(|| sessions.renew(session))
        .flatten()
}

/// The name of the cluster that a path below `/api/v1` addresses.
fn cluster_of(app: &AppState, path: &str) -> Option<String> {
    let base = &app.config.base_path;
    if !path.strip_prefix(base.as_str())?.starts_with("/api/v1/") {
        return None;
    }
    let cluster = match cluster_in_path(base, path).ok()? {
        Some(name) => app.cluster(&name),
        None => app.default_cluster(),
    };
    cluster.ok().map(|cluster| cluster.name.clone())
}

/// The response, whose body breaks off when the session ends: an export or a snapshot that is not complete must
/// not look complete. A body that is already whole is left alone, and so are streams that end themselves.
fn end_with(end: SessionEnd, mut response: Response) -> Response {
    let ends_itself = response.extensions_mut().remove::<EndsWithSession>();
    if ends_itself.is_some() || response.body().size_hint().exact().is_some() {
        return response;
    }
    response.map(|body| {
        let pieces = Box::pin(body.into_data_stream());
        let ended = Box::pin(async move { end.wait().await });
        let state = Some((pieces, ended));
        Body::from_stream(stream::unfold(state, async |state| {
            let (mut pieces, mut ended) = state?;
            tokio::select! {
                biased;
                reason = &mut ended => {
                    let error: io::Result<bytes::Bytes> = Err(io::Error::other(reason.detail()));
                    Some((error, None))
                }
                piece = pieces.next() => {
                    let piece = piece?.map_err(io::Error::other);
                    Some((piece, Some((pieces, ended))))
                }
            }
        }))
    })
}

#[cfg(test)]
mod tests;
