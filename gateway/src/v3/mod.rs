//! The drop-in for etcd's own JSON gateway: every path it has, with its conventions, so that a program
//! that speaks it points its URL here and notices nothing.
//!
//! No message is handled by name. The build embeds the descriptions of etcd's services with their
//! HTTP paths ([`schema`]); a request's JSON becomes the call's bytes by them, and the answer's bytes
//! become JSON ([`transcode`]). In between lies gRPC: one question and one answer ([`unary`]), or
//! streams of either ([`stream`]), or the same over a WebSocket ([`websocket`]).
//!
//! Where it is not etcd's gateway, it is so on purpose:
//! - the door (Host, Origin) is ours, bodies and frames have a size, and no cookie is a token;
//! - refusals carry the `error` member that etcd dropped in 3.6 ([`errors`]);
//! - a line of a stream longer than 32 MiB comes in several chunks;
//! - a stream's malformed question is answered by an error rather than by silence;
//! - a unary call over a WebSocket is made when its question is there, not when the socket ends;
//! - [`unlock`] deletes locks alone;
//! - a request without a token acts as the user whom the gateway's certificate names to etcd, if it names
//!   one; etcd's own refuses every call of a client that shows it a certificate with a name;
//! - a watch survives a restart of etcd ([`resume`]).

mod asker;
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

use self::asker::Asker;
use self::errors::{Refused, Shaped, code};
use self::schema::Method;
use crate::etcd::Etcd;
use crate::failure::{Failure, Result};
use crate::identity::peer;
use crate::state::{AppState, Cluster};
use crate::tasks::Tasks;
use crate::web::percent::decode;
use crate::web::problem::{self, Failed};
use crate::web::websocket::is_upgrade;

/// Every path; what is none of etcd's is refused as etcd refuses it.
pub(crate) fn routes() -> Router<AppState> {
    Router::new()
        .route("/v3", any(serve))
        .route("/v3/", any(serve))
        .route("/v3/{*path}", any(serve))
        .route("/v3beta/", any(serve))
        .route("/v3beta/{*path}", any(serve))
}

/// Whether a path is served here, so that its refusals have etcd's shape.
pub(crate) fn serves(base_path: &str, path: &str) -> bool {
    let below = path.strip_prefix(base_path);
    below.is_some_and(|path| {
        ["/v3", "/v3beta"].iter().any(|root| {
            let rest = path.strip_prefix(root);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    })
}

/// Gives a refusal of the door, or of a library, etcd's shape. Answers the failure too, for the log.
pub(crate) fn finish(
    mut response: Response,
    path: &str,
) -> (Response, Option<std::sync::Arc<Failure>>) {
    if response.extensions_mut().remove::<Shaped>().is_some() {
        return (response, None);
    }
    let failure = match response.extensions_mut().remove::<Failed>() {
        Some(Failed(failure)) => failure,
        None => match problem::from_library(&response, path) {
            Some(failure) => failure.into(),
            None => return (response, None),
        },
    };
    let mut refused = Refused::from(&*failure).into_response();
    refused.extensions_mut().remove::<Shaped>();
    // Which codings there are, where a request has another one.
    if let Some(accepted) = response.headers_mut().remove(ACCEPT_ENCODING) {
        refused.headers_mut().insert(ACCEPT_ENCODING, accepted);
    }
    (refused, Some(failure))
}

/// One call, about to be made.
#[derive(Clone, Debug)]
struct Ask {
    cluster: Arc<Cluster>,
    etcd: Etcd,
    /// The client's address.
    from: IpAddr,
    tasks: Tasks,
    asker: Asker,
    method: &'static Method,
    read_only: bool,
    /// Bytes that a question may have.
    most: usize,
}

impl Ask {
    /// A question's JSON as etcd's message, if it may be asked.
    fn question(&self, text: &[u8]) -> std::result::Result<Bytes, Refused> {
        let question = transcode::decode(self.method.input, text)
            .map_err(|invalid| Refused::invalid(invalid.describe(text)))?;
        if self.read_only {
            read_only::check(self.method, &question)?;
        }
        Ok(question.into())
    }
}

async fn serve(State(app): State<AppState>, request: Request) -> Response {
    match Box::pin(answer(&app, request)).await {
        Ok(response) => response,
        Err(refused) => refused.into_response(),
    }
}

async fn answer(app: &AppState, request: Request) -> std::result::Result<Response, Refused> {
    let (mut parts, body) = request.into_parts();
    let Some(method) = method(parts.uri.path())? else {
        return Err(Refused::new(code::NOT_FOUND, "Not Found"));
    };
    let socket = is_upgrade(&parts);
    if parts.method == Verb::OPTIONS {
        return Ok(options());
    }
    if parts.method != Verb::POST && !socket {
        return Err(Refused::new(code::UNIMPLEMENTED, "Method Not Allowed"));
    }
    let cluster = app.default_cluster()?;
    let ask = Ask {
        etcd: cluster.etcd.clone(),
        from: peer(&app.config, &parts),
        tasks: app.tasks.clone(),
        asker: Asker::of(app, &cluster, &parts, method).await?,
        method,
        read_only: app.config.read_only,
        most: app.config.max_body,
        cluster,
    };
    if socket {
        let upgrade = upgrade(&mut parts).await?;
        return Ok(websocket::respond(ask, upgrade, &parts.headers));
    }
    if method.answers_many {
        let unhurried = parts.extensions.remove();
        return stream::respond(ask, body, unhurried).await;
    }
    unary::respond(&ask, body).await
}

/// The call behind a path, percent-decoded as etcd's router has it.
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

async fn upgrade(parts: &mut Parts) -> std::result::Result<WebSocketUpgrade, Refused> {
    let upgrade = WebSocketUpgrade::from_request_parts(parts, &()).await;
    upgrade.map_err(|rejection| Refused::invalid(rejection.body_text()))
}

/// etcd answers so whatever the path; a preflight of another origin has not come so far.
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
    fn paths_are_told_from_their_neighbours() {
        for path in ["/v3", "/v3/", "/v3/kv/range", "/v3beta/watch"] {
            assert!(serves("", path), "{path}");
            assert!(serves("/etcd", &format!("/etcd{path}")), "{path}");
            assert!(!serves("/etcd", path), "{path}");
        }
        assert!(!serves("", "/v3x") && !serves("", "/api/v3") && !serves("", "/v3alpha/kv/range"));
    }

    #[test]
    fn older_paths_and_escapes_lead_to_the_same_call() {
        let called = |path| method(path).expect("decodes").map(|method| &*method.path);
        let range = Some("/etcdserverpb.KV/Range");
        assert_eq!(called("/v3/kv/range"), range);
        assert_eq!(called("/v3beta/kv/range"), range);
        assert_eq!(called("/v3/kv/r%61nge"), range);
        assert_eq!(called("/v3/kv/range/"), None);
        assert_eq!(called("/v3/kv/%ff"), None);
    }
}
