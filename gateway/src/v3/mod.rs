//! The drop-in for etcd's own JSON gateway: every path it has, with its conventions, so that a client of it only
//! changes its URL.
//!
//! | what | where |
//! |---|---|
//! | a call's route, method and size limit | here |
//! | a call's credentials, metadata and deadline | [`context`] |
//! | unary calls | [`unary`] |
//! | streaming calls: newline-delimited JSON in both directions | [`stream`] |
//! | any call over a WebSocket | [`websocket`] |
//! | **a watch whose stream to etcd is lost, and how it is resumed** | [`resume`] |
//! | etcd's services, messages and HTTP paths, from its protos | [`schema`] |
//! | JSON to protobuf and back | [`transcode`] |
//! | errors, in etcd's shape | [`errors`] |
//! | which calls pass with `--read-only` | [`read_only`] |
//! | `/v3/lock/unlock` | [`unlock`] |
//!
//! No message is handled by name: the build embeds the descriptions of etcd's services with their HTTP paths,
//! and both directions of the conversion are driven by them. The exceptions are `unlock` and watches.
//!
//! Intended differences from etcd's gateway:
//! - Host and Origin are checked by our own middleware, bodies and frames have a size limit, and no cookie is
//!   a token;
//! - errors carry the `error` member that etcd dropped in 3.6 ([`errors`]);
//! - a line of a stream longer than 32 MiB is sent in several chunks;
//! - a malformed request in a stream gets an error rather than no response;
//! - a unary call over a WebSocket is made when its request has arrived, not when the socket ends;
//! - [`unlock`] deletes only locks;
//! - a request without a token acts as the user named in the gateway's client certificate, if it names one;
//!   etcd's own gateway refuses every call of a client that presents a certificate with a name;
//! - a watch survives a restart of etcd ([`resume`]).

mod context;
mod errors;
mod read_only;
mod resume;
mod schema;
mod stream;
mod transcode;
mod unary;
mod unlock;
mod websocket;

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use axum::routing::any;
use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, ALLOW};
use http::request::Parts;
use http::{HeaderValue, Method as Verb, StatusCode};

use self::context::CallContext;
use self::errors::{CallError, EtcdShaped, code};
use self::schema::Method;
use crate::etcd::Etcd;
use crate::failure::{Failure, Result};
use crate::identity::peer;
use crate::state::{AppState, Cluster};
use crate::tasks::Tasks;
use crate::web::percent::decode;
use crate::web::problem::{self, Failed};
use crate::web::websocket::is_upgrade;

/// Every path below `/v3` and `/v3beta`; the ones that etcd does not have get etcd's own errors.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/v3", any(serve))
        .route("/v3/", any(serve))
        .route("/v3/{*path}", any(serve))
        .route("/v3beta/", any(serve))
        .route("/v3beta/{*path}", any(serve))
}

/// Whether a path is served here, so that its errors have etcd's shape.
pub(crate) fn serves(base_path: &str, path: &str) -> bool {
    let below = path.strip_prefix(base_path);
    below.is_some_and(|path| {
        ["/v3", "/v3beta"].iter().any(|root| {
            let rest = path.strip_prefix(root);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    })
}

/// Converts an error of the middleware or of a library to etcd's shape. Returns the failure too, for the log.
pub(crate) fn finish(
    mut response: Response,
    path: &str,
) -> (Response, Option<std::sync::Arc<Failure>>) {
    if response.extensions_mut().remove::<EtcdShaped>().is_some() {
        return (response, None);
    }
    let failure = match response.extensions_mut().remove::<Failed>() {
        Some(Failed(failure)) => failure,
        None => match problem::from_library(&response, path) {
            Some(failure) => failure.into(),
            None => return (response, None),
        },
    };
    let mut shaped = CallError::from(&*failure).into_response();
    shaped.extensions_mut().remove::<EtcdShaped>();
    // The supported codings, where the request's is not one of them.
    if let Some(accepted) = response.headers_mut().remove(ACCEPT_ENCODING) {
        shaped.headers_mut().insert(ACCEPT_ENCODING, accepted);
    }
    (shaped, Some(failure))
}

/// One call, ready to be made.
#[derive(Clone, Debug)]
struct Call {
    cluster: Arc<Cluster>,
    etcd: Etcd,
    /// The client's address.
    peer: IpAddr,
    tasks: Tasks,
    context: CallContext,
    method: &'static Method,
    read_only: bool,
    /// Size limit of one request message, bytes of JSON.
    max_request: usize,
}

impl Call {
    /// Converts a request message from JSON to protobuf; an error if it is malformed or not permitted.
    fn decode_request(&self, text: &[u8]) -> std::result::Result<Bytes, CallError> {
        let request = transcode::decode(self.method.input, text)
            .map_err(|invalid| CallError::invalid_argument(invalid.describe(text)))?;
        if self.read_only {
            read_only::check(self.method, &request)?;
        }
        Ok(request.into())
    }
}

async fn serve(State(app): State<AppState>, request: Request) -> Response {
    match Box::pin(respond(&app, request)).await {
        Ok(response) => response,
        Err(error) => error.into_response(),
    }
}

async fn respond(app: &AppState, request: Request) -> std::result::Result<Response, CallError> {
    let (mut parts, body) = request.into_parts();
    let Some(method) = method(parts.uri.path())? else {
        return Err(CallError::new(code::NOT_FOUND, "Not Found"));
    };
    let socket = is_upgrade(&parts);
    if parts.method == Verb::OPTIONS {
        return Ok(options());
    }
    if parts.method != Verb::POST && !socket {
        return Err(CallError::new(code::UNIMPLEMENTED, "Method Not Allowed"));
    }
    let cluster = app.default_cluster()?;
    let call = Call {
        etcd: cluster.etcd.clone(),
        peer: peer(&app.config, &parts),
        tasks: app.tasks.clone(),
        context: CallContext::from_request(app, &cluster, &parts, method).await?,
        method,
        read_only: app.config.read_only,
        max_request: app.config.max_body,
        cluster,
    };
    if socket {
        let upgrade = upgrade(&mut parts).await?;
        return Ok(websocket::respond(call, upgrade, &parts.headers));
    }
    if method.server_streaming {
        let body_timeout = parts.extensions.remove();
        return stream::respond(call, body, body_timeout).await;
    }
    unary::respond(&call, body).await
}

/// The method of a path, which is percent-decoded as by etcd's router.
fn method(path: &str) -> Result<Option<&'static Method>> {
    let path = decode(path)?;
    let Ok(mut path) = String::from_utf8(path) else {
        return Ok(None);
    };
    if let Some(rest) = path.strip_prefix("/v3beta/") {
        path = format!("/v3/{rest}");
    }
    Ok(schema::method(&path))
}

async fn upgrade(parts: &mut Parts) -> std::result::Result<WebSocketUpgrade, CallError> {
    let upgrade = WebSocketUpgrade::from_request_parts(parts, &()).await;
    upgrade.map_err(|rejection| CallError::invalid_argument(rejection.body_text()))
}

/// etcd's response to OPTIONS, the same for every path. The guard refuses a preflight of another origin before
/// it gets here.
fn options() -> Response {
    let mut response = StatusCode::OK.into_response();
    let verbs = HeaderValue::from_static("POST, OPTIONS");
    response.headers_mut().insert(ALLOW, verbs);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_etcds_paths_are_served() {
        for path in ["/v3", "/v3/", "/v3/kv/range", "/v3beta/watch"] {
            assert!(serves("", path), "{path}");
            assert!(serves("/etcd", &format!("/etcd{path}")), "{path}");
            assert!(!serves("/etcd", path), "{path}");
        }
        assert!(!serves("", "/v3x") && !serves("", "/api/v3") && !serves("", "/v3alpha/kv/range"));
    }

    #[test]
    fn older_paths_and_escapes_find_the_same_method() {
        let found = |path| method(path).expect("decodes").map(|method| &*method.path);
        let range = Some("/etcdserverpb.KV/Range");
        assert_eq!(found("/v3/kv/range"), range);
        assert_eq!(found("/v3beta/kv/range"), range);
        assert_eq!(found("/v3/kv/r%61nge"), range);
        assert_eq!(found("/v3/kv/range/"), None);
        assert_eq!(found("/v3/kv/%ff"), None);
    }
}
