//! What stands outside `/api/v1`: probes, metrics, etcd's own `/version` and `/health`, the
//! OpenAPI document, and everything that is no route.

use std::sync::atomic::Ordering;

use axum::extract::{OriginalUri, Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{HeaderValue, StatusCode, Uri, header};
use serde_json::json;
use shared::Code;

use super::query::{NoQuery, Query};
use super::reply;
use crate::failure::{Failure, Result};
use crate::state::AppState;

/// The process lives.
pub async fn healthz(_: NoQuery) -> &'static str {
    "ok\n"
}

/// Requests can be answered: we are not stopping, and the default cluster answers.
pub async fn readyz(State(app): State<AppState>, _: NoQuery) -> Result<&'static str> {
    if app.stopping.load(Ordering::Relaxed) {
        return Err(Failure::new(Code::Unavailable, "this gateway is stopping"));
    }
    app.default_cluster()?.info.ready_here().await?;
    Ok("ok\n")
}

/// Prometheus' text format.
pub async fn metrics(State(app): State<AppState>, _: NoQuery) -> Response {
    let text = app.metrics.as_ref().map_or_else(
        String::new,
        metrics_exporter_prometheus::PrometheusHandle::render,
    );
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// etcd's `/version`, with ours beside it: etcd's JSON clients ask for it first.
pub async fn version(State(app): State<AppState>, _: NoQuery) -> Result<Response> {
    let server = app.default_cluster()?.info.version_here().await?;
    let cluster = server
        .rsplit_once('.')
        .map_or(server.clone(), |(minor, _)| format!("{minor}.0"));
    let answer = json!({
        "etcdserver": server,
        "etcdcluster": cluster,
        "watchgate": env!("CARGO_PKG_VERSION"),
    });
    Ok(reply::json(StatusCode::OK, &answer))
}

/// etcd's `/health`: unhealthy without a leader, unless `?serializable`, and while an alarm is raised
/// that `?exclude=` does not name.
pub async fn health(State(app): State<AppState>, uri: Uri) -> Result<Response> {
    let mut query = Query::parse(uri.query())?;
    let local = query.flag("serializable")?;
    let excluded = query.list("exclude")?.unwrap_or_default();
    query.finish()?;
    let names = |complaint: &str, alarm: &str| !alarm.is_empty() && complaint.contains(alarm);
    let counts = |complaint: &String| !excluded.iter().any(|alarm| names(complaint, alarm));
    let reason = match app.default_cluster()?.info.ready_here().await {
        Ok(complaints) => complaints
            .into_iter()
            .filter(counts)
            .collect::<Vec<_>>()
            .join("; "),
        Err(failure) if local && failure.code == Code::NoLeader => String::new(),
        Err(failure) => failure.detail,
    };
    let (status, health) = if reason.is_empty() {
        (StatusCode::OK, "true")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "false")
    };
    let answer = json!({"health": health, "reason": reason});
    Ok(reply::json(status, &answer))
}

/// The OpenAPI document.
pub async fn openapi(_: NoQuery) -> Response {
    reply::json(StatusCode::OK, &crate::router::openapi())
}

/// What is no route: a page or an asset of the dashboard, or nothing.
pub async fn fallback(
    State(app): State<AppState>,
    OriginalUri(uri): OriginalUri,
    request: Request,
) -> Result<Response> {
    let base = &app.config.base_path;
    let path = uri.path();
    let below = path.strip_prefix(base.as_str());
    if !base.is_empty() && (path == "/" || below == Some("")) {
        return Ok(Redirect::temporary(&format!("{base}/")).into_response());
    }
    let page = below
        .filter(|below| below.starts_with('/'))
        .and_then(|below| {
            app.assets
                .respond(request.method(), below, request.headers())
        });
    let Some(mut response) = page else {
        let detail = format!("there is nothing at {path}");
        return Err(Failure::new(Code::NotFound, detail));
    };
    let policy = app.assets.content_security_policy().clone();
    response
        .headers_mut()
        .insert(header::CONTENT_SECURITY_POLICY, policy);
    Ok(response)
}
