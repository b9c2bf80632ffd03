//! Routes outside `/api/v1`: probes, metrics, etcd's own `/version` and `/health`, the OpenAPI document, and the
//! fallback for all other paths.

use std::sync::atomic::Ordering;

use axum::extract::{OriginalUri, Request, State};
use axum::response::{IntoResponse as _, Redirect, Response};
use http::{HeaderValue, StatusCode, Uri, header};
use serde::Serialize;
use shared::{Code, Problem};

use super::query::{NoQuery, Query};
use super::response;
use crate::failure::{Failure, Result};
use crate::state::AppState;
use crate::web::problem::ForPeople;

/// Response of `GET /version`, with etcd's own names.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Versions {
    /// Version of the member that responded.
    etcdserver: String,
    /// The oldest minor version among the cluster's members.
    etcdcluster: String,
    /// Version of this gateway.
    watchgate: String,
}

/// Liveness: the process runs.
#[utoipa::path(
    get, path = "/healthz", tag = "process",
    responses((status = 200, description = "ok", body = String, content_type = "text/plain"))
)]
pub async fn healthz(_: NoQuery) -> &'static str {
    "ok\n"
}

/// Readiness: the gateway is not shutting down, and the default cluster responds.
#[utoipa::path(
    get, path = "/readyz", tag = "process",
    responses(
        (status = 200, description = "ok", body = String, content_type = "text/plain"),
        (status = 401, body = Problem), (status = 503, body = Problem), (status = 504, body = Problem),
    )
)]
pub async fn readyz(State(app): State<AppState>, _: NoQuery) -> Result<&'static str> {
    if app.stopping.load(Ordering::Relaxed) {
        return Err(Failure::new(
            Code::Unavailable,
            "this gateway is shutting down",
        ));
    }
    app.default_cluster()?.info.ready_here().await?;
    Ok("ok\n")
}

/// Metrics in the text format of Prometheus.
#[utoipa::path(
    get, path = "/metrics", tag = "process",
    responses((status = 200, description = "Metrics", body = String, content_type = "text/plain"))
)]
pub async fn metrics(State(app): State<AppState>, _: NoQuery) -> Response {
    let text = app.metrics.as_ref().map_or_else(
        String::new,
        metrics_exporter_prometheus::PrometheusHandle::render,
    );
    let kind = HeaderValue::from_static("text/plain; version=0.0.4; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], text).into_response()
}

/// etcd's `/version`, with the gateway's own: clients of etcd's JSON gateway request it first.
#[utoipa::path(
    get, path = "/version", tag = "process",
    responses(
        (status = 200, body = Versions),
        (status = 401, body = Problem), (status = 503, body = Problem), (status = 504, body = Problem),
    )
)]
pub async fn version(State(app): State<AppState>, _: NoQuery) -> Result<Response> {
    let server = app.default_cluster()?.info.version_here().await?;
    let cluster = server
        .rsplit_once('.')
        .map_or(server.clone(), |(minor, _)| format!("{minor}.0"));
    let versions = Versions {
        etcdserver: server,
        etcdcluster: cluster,
        watchgate: env!("CARGO_PKG_VERSION").to_owned(),
    };
    Ok(response::json(StatusCode::OK, &versions))
}

/// Response of `GET /health`, with etcd's own names and types.
#[derive(Debug, Serialize, utoipa::ToSchema)]
pub struct Health {
    /// `true` or `false`, as text.
    health: &'static str,
    /// Why it is unhealthy, else empty.
    reason: String,
}

/// etcd's `/health`: unhealthy without a leader, except with `?serializable`, and while an alarm is raised
/// that `?exclude=` does not name.
#[utoipa::path(
    get, path = "/health", tag = "process",
    params(
        ("serializable" = Option<bool>, Query, description = "Check this member alone, with or without a leader"),
        ("exclude" = Option<String>, Query, description = "Alarms to ignore: NOSPACE, CORRUPT"),
    ),
    responses(
        (status = 200, description = "Healthy", body = Health),
        (status = 503, description = "Unhealthy", body = Health),
    )
)]
pub async fn health(State(app): State<AppState>, uri: Uri) -> Result<Response> {
    let mut query = Query::parse(uri.query())?;
    let serializable = query.flag("serializable")?;
    let excluded = query.list("exclude")?.unwrap_or_default();
    query.finish()?;
    let is_named = |complaint: &str, alarm: &str| !alarm.is_empty() && complaint.contains(alarm);
    let counts = |complaint: &String| !excluded.iter().any(|alarm| is_named(complaint, alarm));
    let reason = match app.default_cluster()?.info.ready_here().await {
        Ok(complaints) => complaints
            .into_iter()
            .filter(counts)
            .collect::<Vec<_>>()
            .join("; "),
        Err(failure) if serializable && failure.code == Code::NoLeader => String::new(),
        Err(failure) => failure.detail,
    };
    let (status, health) = if reason.is_empty() {
        (StatusCode::OK, "true")
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, "false")
    };
    Ok(response::json(status, &Health { health, reason }))
}

/// The OpenAPI document.
#[utoipa::path(
    get, path = "/api/openapi.json", tag = "process",
    responses((status = 200, description = "OpenAPI 3.1", body = Object))
)]
pub async fn openapi(State(app): State<AppState>, _: NoQuery) -> Response {
    let json = (header::CONTENT_TYPE, "application/json");
    ([json], app.api_document.json.clone()).into_response()
}

/// Any other path: a page or an asset of the dashboard, else 404.
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
                .respond(request.method(), below, uri.query(), request.headers())
        });
    let Some(mut response) = page else {
        let detail = format!("no such path: {path}");
        return Err(Failure::new(Code::NotFound, detail));
    };
    let policy = app.assets.content_security_policy().clone();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    let kind = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes);
    if kind.is_some_and(|kind| kind.starts_with(b"text/html")) {
        response.extensions_mut().insert(ForPeople);
    }
    Ok(response)
}
