//! Every route on one page.

use axum::Router;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api;
use crate::middleware::decode::decode;
use crate::middleware::envelope::envelope;
use crate::middleware::guard::guard;
use crate::middleware::limit::limit;
use crate::middleware::session::session;
use crate::state::AppState;
use crate::v3;

/// The metadata of the OpenAPI document.
#[derive(utoipa::OpenApi)]
#[openapi(info(
    title = "Watchgate",
    description = "etcd as plain JSON over HTTP. Bytes are a string when valid UTF-8, else {\"base64\": …}; \
                   ids are hexadecimal strings; a request's body may be encoded as gzip, br, deflate or zstd; \
                   errors are RFC 9457 problems with a stable code. Paths below /api/v1, except /clusters, \
                   address the default cluster; the same paths below /api/v1/clusters/{cluster} address that \
                   cluster. Below /v3 the gateway behaves like etcd's own JSON gateway; etcd documents those \
                   paths."
))]
struct ApiDoc;

/// REST v1, below `/api/v1` and `/api/v1/clusters/{cluster}`.
fn v1() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(
            api::kv::get_key,
            api::kv::put_key,
            api::kv::delete_key
        ))
        .routes(routes!(
            api::kv::list,
            api::kv::put_by_query,
            api::kv::delete_range
        ))
        .route(
            "/kv/",
            get(api::kv::list)
                .put(api::kv::put_by_query)
                .delete(api::kv::delete_range),
        )
        .routes(routes!(api::tree::tree))
        .routes(routes!(api::history::history))
        .routes(routes!(api::history::history_by_query))
        .route("/history/", get(api::history::history_by_query))
        .routes(routes!(api::txn::txn))
        .routes(routes!(api::txn::single))
        .routes(routes!(api::stm::read))
        .routes(routes!(api::stm::commit))
        .routes(routes!(api::transfer::export))
        .routes(routes!(api::transfer::import))
        .routes(routes!(api::leases::list, api::leases::grant))
        .routes(routes!(api::leases::get, api::leases::revoke))
        .routes(routes!(api::leases::keep_alive))
        .routes(routes!(api::leases::hold, api::leases::hold_socket))
        .routes(routes!(api::leases::session, api::leases::session_socket))
        .routes(routes!(api::locks::list))
        .routes(routes!(
            api::locks::get,
            api::locks::acquire,
            api::locks::release
        ))
        .routes(routes!(api::locks::hold, api::locks::hold_socket))
        .routes(routes!(api::elections::get))
        .routes(routes!(api::elections::campaign))
        .routes(routes!(api::elections::proclaim))
        .routes(routes!(api::elections::resign))
        .routes(routes!(api::elections::observe))
        .routes(routes!(api::elections::hold, api::elections::hold_socket))
        .routes(routes!(api::watch::watch))
        .merge(cluster())
        .merge(access())
}

/// The cluster itself and its maintenance.
fn cluster() -> OpenApiRouter<AppState> {
    use api::cluster::{alarms, maintenance, members, samples, snapshot};
    OpenApiRouter::new()
        .routes(routes!(api::cluster::cluster))
        .routes(routes!(api::doctor::doctor))
        .routes(routes!(samples::samples))
        .routes(routes!(members::list, members::add))
        .routes(routes!(members::update, members::remove))
        .routes(routes!(members::promote))
        .routes(routes!(alarms::list, alarms::raise, alarms::disarm))
        .routes(routes!(maintenance::compact))
        .routes(routes!(maintenance::defragment))
        .routes(routes!(maintenance::move_leader))
        .routes(routes!(maintenance::downgrade))
        .routes(routes!(maintenance::hash))
        .routes(routes!(snapshot::snapshot))
        .routes(routes!(snapshot::progress))
}

/// Sign-in, and etcd's users and roles.
fn access() -> OpenApiRouter<AppState> {
    use api::auth::{roles, users};
    OpenApiRouter::new()
        .routes(routes!(
            api::session::get,
            api::session::sign_in,
            api::session::sign_out
        ))
        .routes(routes!(api::auth::status))
        .routes(routes!(api::auth::get_self))
        .routes(routes!(api::auth::enable))
        .routes(routes!(api::auth::disable))
        .routes(routes!(users::list, users::add))
        .routes(routes!(users::get, users::delete))
        .routes(routes!(users::set_password))
        .routes(routes!(users::grant, users::revoke))
        .routes(routes!(users::reach))
        .routes(routes!(roles::list, roles::add))
        .routes(routes!(roles::get, roles::delete))
        .routes(routes!(roles::grant, roles::revoke))
}

/// Routes of `/api/v1` that do not belong to one cluster.
fn v1_global() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(api::cluster::list::clusters))
}

/// Routes outside `/api/v1`.
fn top_level() -> OpenApiRouter<AppState> {
    OpenApiRouter::new()
        .routes(routes!(api::root::healthz))
        .routes(routes!(api::root::readyz))
        .routes(routes!(api::root::metrics))
        .routes(routes!(api::root::version))
        .routes(routes!(api::root::health))
        .routes(routes!(api::root::openapi))
        .routes(routes!(api::docs::docs))
}

/// The whole router, with every middleware layer.
pub fn router(state: AppState) -> Router {
    let (v1, _) = v1().split_for_parts();
    let (v1_global, _) = v1_global().split_for_parts();
    let (top_level, _) = top_level().split_for_parts();
    let base = state.config.base_path.clone();
    let routes = top_level
        .nest("/api/v1/clusters/{cluster}", v1.clone())
        .nest("/api/v1", v1.merge(v1_global))
        .merge(v3::routes())
        .fallback(api::root::fallback);
    let routes = if base.is_empty() {
        routes
    } else {
        Router::new()
            .nest(&base, routes)
            .fallback(api::root::fallback)
    };
    routes
        .layer(CatchPanicLayer::new())
        .layer(from_fn(decode))
        .layer(from_fn_with_state(state.clone(), limit))
        .layer(from_fn_with_state(state.clone(), session))
        .layer(from_fn_with_state(state.clone(), guard))
        .layer(from_fn_with_state(state.clone(), envelope))
        .with_state(state)
}

/// The OpenAPI document, as kept in git.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let (_, mut api) = OpenApiRouter::with_openapi(ApiDoc::openapi())
        .merge(top_level())
        .nest("/api/v1", v1().merge(v1_global()))
        .split_for_parts();
    // axum's wildcard is `{*key}`; in a published path a parameter is `{key}`.
    api.paths.paths = std::mem::take(&mut api.paths.paths)
        .into_iter()
        .map(|(path, item)| (path.replace("{*", "{"), item))
        .collect();
    api::document::complete(&mut api);
    api
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    #[test]
    fn operation_ids_are_unique() {
        let document = serde_json::to_value(super::openapi()).expect("serialises");
        let items = document["paths"].as_object().expect("paths").values();
        let operations = items.flat_map(|item| item.as_object().expect("an item").values());
        let mut seen = HashSet::new();
        for operation in operations {
            let id = operation["operationId"]
                .as_str()
                .expect("an operation has an id");
            assert!(seen.insert(id.to_owned()), "{id} twice");
        }
        assert!(seen.contains("put_key") && seen.contains("watch"));
    }
}
