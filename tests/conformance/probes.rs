//! Tests of the table of differences: etcd's gateway has those listed for its version, and Watchgate has
//! none. A row that is no longer true fails.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use support::DEADLINE;
use support::http::Response;
use tokio::time::{sleep, timeout};

use crate::auth;
use crate::differences::Difference;
use crate::side::{Certificate, Results, Side, b64};

/// How long to wait for something that is expected not to happen.
const SHORT_TIMEOUT: Duration = Duration::from_secs(3);

macro_rules! probes {
    ($($name:ident: $difference:ident, $side:expr;)*) => {
        // A difference without a probe does not compile.
        const _: fn(Difference) = |difference| match difference {
            $(Difference::$difference => {})*
        };

        $(mod $name {
            use super::*;

            #[tokio::test]
            async fn etcd() {
                check(Difference::$difference, &$side(false).await).await;
            }

            #[tokio::test]
            async fn watchgate() {
                check(Difference::$difference, &$side(true).await).await;
            }
        })*
    };
}

probes! {
    plain_text_router_errors: PlainTextRouterErrors, shared;
    old_stream_errors: OldStreamErrors, shared;
    lax_json: LaxJson, shared;
    standard_base64_only: StandardBase64Only, shared;
    no_hashkv: NoHashKv, shared;
    no_status_or_downgrade: NoStatusOrDowngrade, shared;
    preconditions_are_412: PreconditionsAre412, shared;
    no_bearer: NoBearer, own_etcd;
    sockets_respond_after_close: SocketsRespondAfterClose, shared;
    closed_sockets_keep_waiting: ClosedSocketsKeepWaiting, shared;
    sockets_ignore_headers: SocketsIgnoreHeaders, shared;
    refuses_named_certificates: RefusesNamedCertificates, with_named_certificate;
}

async fn shared(ours: bool) -> Side {
    if ours {
        Side::ours().await
    } else {
        Side::etcd().await
    }
}

async fn own_etcd(ours: bool) -> Side {
    Side::own_etcd(ours, &[]).await
}

async fn with_named_certificate(ours: bool) -> Side {
    Side::with_certificate(ours, Certificate::Named("root"), &[]).await
}

async fn check(difference: Difference, side: &Side) {
    let found = probe(difference, side).await;
    let listed = side.has(difference);
    assert_eq!(found, listed, "{difference:?} of etcd {}", side.version);
}

async fn send(side: &Side, path: &str, body: &str) -> Response {
    let request = side
        .client
        .request(Method::POST, path)
        .body(body.to_owned());
    request.send().await
}

fn is_json(response: &Response) -> bool {
    serde_json::from_slice::<Value>(&response.body).is_ok()
}

/// Whether the gateway has the difference.
async fn probe(difference: Difference, side: &Side) -> bool {
    match difference {
        Difference::PlainTextRouterErrors => {
            let unknown = send(side, "/v3/nothing", "{}").await;
            let got = side.client.get("/v3/kv/range").send().await;
            let both = [is_json(&unknown), is_json(&got)];
            assert_eq!(both[0], both[1], "both paths, or neither");
            !both[0]
        }
        Difference::OldStreamErrors => {
            let create = json!({"create_request": {"key": side.key("k")}});
            let request = side.request("/v3/watch", &create);
            let mut watch = Results::open(request.header("grpc-timeout", "300m")).await;
            watch.next().await;
            watch.error().await["error"]["code"].is_null()
        }
        Difference::LaxJson => {
            let key = side.key("k");
            let twice = format!(r#"{{"key":"{key}","key":"{key}"}}"#);
            send(side, "/v3/kv/range", &twice).await.status == 200
        }
        Difference::StandardBase64Only => {
            let forms = ["YQ", "-_8=", "-_8"].map(|key| format!(r#"{{"key":"{key}"}}"#));
            let mut refused = Vec::new();
            for form in &forms {
                refused.push(send(side, "/v3/kv/range", form).await.status == 400);
            }
            assert!(refused.iter().all(|one| *one == refused[0]), "{refused:?}");
            refused[0]
        }
        Difference::NoHashKv => send(side, "/v3/maintenance/hashkv", "{}").await.status == 404,
        Difference::NoStatusOrDowngrade => {
            let status = send(side, "/v3/auth/status", "{}").await.status == 404;
            let downgrade = send(side, "/v3/maintenance/downgrade", "{}").await;
            assert_eq!(status, downgrade.status == 404, "both paths, or neither");
            status
        }
        Difference::PreconditionsAre412 => {
            let body = r#"{"name":"root","password":"x"}"#;
            let response = send(side, "/v3/auth/authenticate", body).await;
            response.status == 412
        }
        Difference::NoBearer => {
            let token = auth::enable(side, &["root"]).await;
            let request = side.request("/v3/kv/range", &json!({"key": b64("k")}));
            let bearer = format!("Bearer {token}");
            let response = request.header("authorization", &bearer).send().await;
            response.status == 401
        }
        Difference::SocketsRespondAfterClose => {
            let mut socket = side.socket("/v3/kv/put", &[]).await;
            socket.send(&json!({"key": side.key("k")})).await;
            let response =
                timeout(time_limit(side, difference), socket.line_within(DEADLINE)).await;
            let written = side.keys("k").await;
            assert_eq!(
                response.is_err(),
                written.is_empty(),
                "no response, no effect"
            );
            response.is_err()
        }
        Difference::ClosedSocketsKeepWaiting => keeps_waiting(side).await,
        Difference::SocketsIgnoreHeaders => {
            let headers = [("grpc-timeout", "300m")];
            let mut socket = side.socket("/v3/watch", &headers).await;
            let create = json!({"create_request": {"key": side.key("k")}});
            socket.send(&create).await;
            let created = socket
                .line_within(DEADLINE)
                .await
                .expect("the socket is open");
            assert_eq!(created["result"]["created"], true, "{created}");
            let time_limit = time_limit(side, difference);
            timeout(time_limit, socket.line_within(DEADLINE))
                .await
                .is_err()
        }
        Difference::RefusesNamedCertificates => {
            // While auth is off, any certificate is accepted.
            auth::enable_auth(side, &["root"]).await;
            let response = send(side, "/v3/kv/range", r#"{"key":"YQ=="}"#).await;
            response.status == 400 && response.text().starts_with("CommonName of client")
        }
    }
}

async fn keeps_waiting(side: &Side) -> bool {
    let lock = json!({"name": side.key("l")});
    side.call("/v3/lock/lock", &lock).await;
    let mut socket = side.socket("/v3/lock/lock", &[]).await;
    socket.send(&lock).await;
    let time_limit = time_limit(side, Difference::SocketsRespondAfterClose);
    if !has_queued(side, 2, time_limit).await {
        // If the request is sent only after the socket's end, there is no waiter.
        return false;
    }
    drop(socket);
    let time_limit = self::time_limit(side, Difference::ClosedSocketsKeepWaiting);
    !has_queued(side, 1, time_limit).await
}

/// Whether the queue has `count` keys in time.
async fn has_queued(side: &Side, count: usize, time_limit: Duration) -> bool {
    let polling = async {
        while side.keys("l").await.len() != count {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(time_limit, polling).await.is_ok()
}

/// How long to wait for a response. The short limit applies only where none is expected, so that it
/// never fails a slow gateway.
fn time_limit(side: &Side, difference: Difference) -> Duration {
    if side.has(difference) {
        SHORT_TIMEOUT
    } else {
        DEADLINE
    }
}
