//! Whether a gateway is as the table of differences says: etcd's own has what its version has in it, and
//! ours has none. So a row that is not true any more is noticed.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use support::DEADLINE;
use support::http::Response;
use tokio::time::{sleep, timeout};

use crate::auth;
use crate::differences::Difference;
use crate::side::{Results, Shown, Side, b64};

/// How long something may take that is not going to come.
const PATIENCE: Duration = Duration::from_secs(3);

macro_rules! probes {
    ($($name:ident: $difference:ident, $side:expr;)*) => {
        // A difference that is not tried does not compile.
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
    router_speaks_text: RouterSpeaksText, shared;
    old_stream_errors: OldStreamErrors, shared;
    lax_json: LaxJson, shared;
    plain_base64: PlainBase64, shared;
    no_hashkv: NoHashKv, shared;
    no_status_nor_downgrade: NoStatusNorDowngrade, shared;
    preconditions_are_412: PreconditionsAre412, shared;
    no_bearer: NoBearer, alone;
    sockets_wait_for_their_end: SocketsWaitForTheirEnd, shared;
    sockets_leave_waiters: SocketsLeaveWaiters, shared;
    sockets_hear_no_headers: SocketsHearNoHeaders, shared;
    refuses_named_certificates: RefusesNamedCertificates, named;
}

async fn shared(ours: bool) -> Side {
    if ours {
        Side::ours().await
    } else {
        Side::etcd().await
    }
}

async fn alone(ours: bool) -> Side {
    Side::alone(ours, &[]).await
}

async fn named(ours: bool) -> Side {
    Side::showing(ours, Shown::Named("root"), &[]).await
}

async fn check(difference: Difference, side: &Side) {
    let found = probe(difference, side).await;
    let listed = side.has(difference);
    assert_eq!(found, listed, "{difference:?} of etcd {}", side.version);
}

async fn send(side: &Side, path: &str, body: &str) -> Response {
    let ask = side
        .client
        .request(Method::POST, path)
        .body(body.to_owned());
    ask.send().await
}

fn is_json(answer: &Response) -> bool {
    serde_json::from_slice::<Value>(&answer.body).is_ok()
}

/// Whether it differs so.
async fn probe(difference: Difference, side: &Side) -> bool {
    match difference {
        Difference::RouterSpeaksText => {
            let unknown = send(side, "/v3/nothing", "{}").await;
            let got = side.client.get("/v3/kv/range").send().await;
            let both = [is_json(&unknown), is_json(&got)];
            assert_eq!(both[0], both[1], "both or neither");
            !both[0]
        }
        Difference::OldStreamErrors => {
            let create = json!({"create_request": {"key": side.key("k")}});
            let ask = side.ask("/v3/watch", &create);
            let mut watch = Results::of(ask.header("grpc-timeout", "300m")).await;
            watch.next().await;
            watch.error().await["error"]["code"].is_null()
        }
        Difference::LaxJson => {
            let key = side.key("k");
            let twice = format!(r#"{{"key":"{key}","key":"{key}"}}"#);
            send(side, "/v3/kv/range", &twice).await.status == 200
        }
        Difference::PlainBase64 => {
            let forms = ["YQ", "-_8=", "-_8"].map(|key| format!(r#"{{"key":"{key}"}}"#));
            let mut refused = Vec::new();
            for form in &forms {
                refused.push(send(side, "/v3/kv/range", form).await.status == 400);
            }
            assert!(refused.iter().all(|one| *one == refused[0]), "{refused:?}");
            refused[0]
        }
        Difference::NoHashKv => send(side, "/v3/maintenance/hashkv", "{}").await.status == 404,
        Difference::NoStatusNorDowngrade => {
            let status = send(side, "/v3/auth/status", "{}").await.status == 404;
            let downgrade = send(side, "/v3/maintenance/downgrade", "{}").await;
            assert_eq!(status, downgrade.status == 404, "both or neither");
            status
        }
        Difference::PreconditionsAre412 => {
            let asked = r#"{"name":"root","password":"x"}"#;
            let answer = send(side, "/v3/auth/authenticate", asked).await;
            answer.status == 412
        }
        Difference::NoBearer => {
            let token = auth::enable(side, &["root"]).await;
            let ask = side.ask("/v3/kv/range", &json!({"key": b64("k")}));
            let bearer = format!("Bearer {token}");
            let answer = ask.header("authorization", &bearer).send().await;
            answer.status == 401
        }
        Difference::SocketsWaitForTheirEnd => {
            let mut socket = side.socket("/v3/kv/put", &[]).await;
            socket.send(&json!({"key": side.key("k")})).await;
            let answer = timeout(patience(side, difference), socket.line_within(DEADLINE)).await;
            let asked = side.keys("k").await;
            assert_eq!(answer.is_err(), asked.is_empty(), "it is asked, or waits");
            answer.is_err()
        }
        Difference::SocketsLeaveWaiters => leaves_waiters(side).await,
        Difference::SocketsHearNoHeaders => {
            let headers = [("grpc-timeout", "300m")];
            let mut socket = side.socket("/v3/watch", &headers).await;
            let create = json!({"create_request": {"key": side.key("k")}});
            socket.send(&create).await;
            let created = socket.line_within(DEADLINE).await.expect("it is open");
            assert_eq!(created["result"]["created"], true, "{created}");
            let patience = patience(side, difference);
            timeout(patience, socket.line_within(DEADLINE))
                .await
                .is_err()
        }
        Difference::RefusesNamedCertificates => {
            // While auth is off, any certificate will do.
            auth::turn_on(side, &["root"]).await;
            let answer = send(side, "/v3/kv/range", r#"{"key":"YQ=="}"#).await;
            answer.status == 400 && answer.text().starts_with("CommonName of client")
        }
    }
}

async fn leaves_waiters(side: &Side) -> bool {
    let lock = json!({"name": side.key("l")});
    side.call("/v3/lock/lock", &lock).await;
    let mut socket = side.socket("/v3/lock/lock", &[]).await;
    socket.send(&lock).await;
    let patience = patience(side, Difference::SocketsWaitForTheirEnd);
    if !has_queued(side, 2, patience).await {
        // Where a question waits for the socket's end there is nobody to be left.
        return false;
    }
    drop(socket);
    let patience = self::patience(side, Difference::SocketsLeaveWaiters);
    !has_queued(side, 1, patience).await
}

/// Whether the queue has so many keys in time.
async fn has_queued(side: &Side, count: usize, patience: Duration) -> bool {
    let looking = async {
        while side.keys("l").await.len() != count {
            sleep(Duration::from_millis(50)).await;
        }
    };
    timeout(patience, looking).await.is_ok()
}

/// How long an answer may take: no time decides where one is to come.
fn patience(side: &Side, difference: Difference) -> Duration {
    if side.has(difference) {
        PATIENCE
    } else {
        DEADLINE
    }
}
