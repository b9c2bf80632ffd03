//! Watchgate's intended differences from etcd's gateway.

use http::Method;
use serde_json::{Value, json};
use support::stream::Ended;
use support::{DEADLINE, Stream, percent};

use crate::side::{Results, Side, b64, text};

#[tokio::test]
async fn pages_of_other_origins_are_refused() {
    let side = Side::ours().await;
    let put = json!({"key": side.key("k"), "value": b64("v")});
    for (name, value, status, code) in [
        ("origin", "https://evil.example", 403, 7),
        ("origin", "null", 403, 7),
        ("sec-fetch-site", "cross-site", 403, 7),
        ("host", "evil.example", 421, 7),
    ] {
        let request = side.request("/v3/kv/put", &put).header(name, value);
        side.expect_error_of(request, status, code).await;
        let headers = [(name, value)];
        if name == "origin" {
            let opened = Stream::try_socket(&side.client, "/v3/kv/put", &headers).await;
            assert_eq!(
                opened.expect_err("the upgrade is refused"),
                status.to_string()
            );
        }
    }
    assert!(side.keys("").await.is_empty());
    let response = side.request("/v3/kv/put", &put).send().await.expect(200);
    assert_eq!(response.header("access-control-allow-origin"), "");
    let preflight = side
        .client
        .request(Method::OPTIONS, "/v3/kv/put")
        .send()
        .await;
    assert_eq!(
        preflight.expect(200).header("access-control-allow-origin"),
        ""
    );
}

#[tokio::test]
async fn bodies_are_limited_by_max_body() {
    let side = Side::ours().await;
    let gateway = side.second_gateway(&["--max-body", "1000"]).await;
    let client = gateway.root();
    let body = json!({"key": side.key("k"), "value": "A".repeat(1000)}).to_string();
    let request = client
        .request(Method::POST, "/v3/kv/put")
        .body(body.clone());
    let message = side.expect_error_of(request, 413, 8).await;
    assert!(message.contains("1000"), "{message}");
    // The limit also applies to the messages of a socket, whose total length is not announced.
    let mut socket = Stream::socket(&client, "/v3/watch").await;
    socket.send_text(&body).await;
    assert_eq!(
        socket.wait_for_end(DEADLINE).await,
        Ended::Orderly(Some(1009.into()))
    );
    let mut socket = Stream::socket(&client, "/v3/watch").await;
    for _ in 0..11 {
        socket
            .send_text(&format!("{{\"a\":\"{}", "x".repeat(95)))
            .await;
    }
    let line = socket.line_within(DEADLINE).await.expect("an error");
    assert_eq!(line["error"]["http_code"], 413, "{line}");
}

#[tokio::test]
async fn unlock_deletes_only_locks() {
    let side = Side::ours().await;
    side.put("data", "precious").await;
    let hexadecimal = format!("{}feed", side.prefix);
    let put = json!({"key": b64(&hexadecimal), "value": b64("precious")});
    side.call("/v3/kv/put", &put).await;
    for key in [side.key("data"), b64(&hexadecimal)] {
        let message = side
            .expect_error("/v3/lock/unlock", &json!({"key": key}), 400, 3)
            .await;
        assert!(message.contains("not a lock's"), "{message}");
    }
    assert_eq!(side.keys("").await.len(), 2);
    // Releasing an absent key succeeds.
    let absent = json!({"key": side.key("absent")});
    side.call("/v3/lock/unlock", &absent).await;
    let message = side
        .expect_error("/v3/lock/unlock", &json!({}), 500, 2)
        .await;
    assert!(message.contains("key is not provided"), "{message}");
}

#[tokio::test]
async fn a_read_only_gateway_changes_nothing() {
    let side = Side::ours().await;
    side.put("k", "v").await;
    let lock = side
        .call("/v3/lock/lock", &json!({"name": side.key("l")}))
        .await;
    let gateway = side.second_gateway(&["--read-only"]).await;
    let key = side.key("k");
    let range = json!({"request_range": {"key": key}});
    let put = json!({"request_put": {"key": key}});
    let nested = |op: &Value| json!({"failure": [{"request_txn": {"success": [op]}}]});
    let request = |path: &str, body: &Value| {
        gateway
            .root()
            .request(Method::POST, path)
            .body(body.to_string())
    };
    for (path, body) in [
        ("/v3/kv/put", json!({"key": key})),
        ("/v3/kv/deleterange", json!({"key": key})),
        ("/v3/kv/txn", json!({"success": [put]})),
        ("/v3/kv/txn", nested(&put)),
        ("/v3/kv/compaction", json!({"revision": "1"})),
        ("/v3/lease/grant", json!({"TTL": 60})),
        ("/v3/lease/revoke", json!({"ID": "1"})),
        ("/v3/lock/lock", json!({"name": key})),
        ("/v3/lock/unlock", json!({"key": lock["key"]})),
        ("/v3/election/campaign", json!({"name": key})),
        ("/v3/maintenance/alarm", json!({"action": "ACTIVATE"})),
        ("/v3/maintenance/defragment", json!({})),
        ("/v3/auth/enable", json!({})),
    ] {
        let message = side.expect_error_of(request(path, &body), 403, 7).await;
        assert!(message.contains("--read-only"), "{path}: {message}");
    }
    // A streaming call reports it as an error of the stream.
    let kept = request("/v3/lease/keepalive", &json!({"ID": "1"}));
    let mut kept = Results::open(kept).await;
    assert_eq!(
        (kept.status, &kept.line().await["error"]["code"]),
        (403, &json!(7))
    );
    for (path, body) in [
        ("/v3/kv/range", json!({"key": key})),
        (
            "/v3/kv/txn",
            json!({"success": [range], "failure": [range]}),
        ),
        ("/v3/kv/txn", nested(&range)),
        ("/v3/lease/leases", json!({})),
        ("/v3/lease/timetolive", json!({"ID": "1"})),
        ("/v3/cluster/member/list", json!({})),
        ("/v3/maintenance/alarm", json!({})),
        ("/v3/maintenance/status", json!({})),
        ("/v3/maintenance/hash", json!({})),
    ] {
        request(path, &body).send().await.expect(200);
    }
    let create = json!({"create_request": {"key": key}});
    let mut watch = Results::open(request("/v3/watch", &create)).await;
    assert_eq!(watch.next().await["created"], true);
    assert_eq!(side.keys("k").await.len(), 1);
    assert_eq!(side.keys("l/").await, [text(&lock["key"])]);
}

#[tokio::test]
async fn all_paths_are_below_the_base_path() {
    let side = Side::ours().await;
    let gateway = side.second_gateway(&["--base-path", "/etcd"]).await;
    side.put("k", "v").await;
    let body = json!({"key": side.key("k")}).to_string();
    for path in ["/etcd/v3/kv/range", "/etcd/v3beta/kv/range"] {
        let request = gateway
            .root()
            .request(Method::POST, path)
            .body(body.clone());
        assert!(request.send().await.expect(200).text().contains("kvs"));
    }
    let request = gateway.root().request(Method::POST, "/etcd/v3/nothing");
    side.expect_error_of(request, 404, 5).await;
    let request = gateway
        .root()
        .request(Method::POST, "/v3/kv/range")
        .body(body);
    request.send().await.expect(404);
}

#[tokio::test]
async fn malformed_json_in_a_stream_is_an_error_of_the_stream() {
    let side = Side::ours().await;
    let mut socket = side.socket("/v3/watch", &[]).await;
    let create = json!({"create_request": {"key": side.key("k")}});
    socket.send(&create).await;
    let line = socket
        .line_within(DEADLINE)
        .await
        .expect("the socket is open");
    assert_eq!(line["result"]["created"], true);
    socket.send_text("garbage").await;
    let line = socket
        .line_within(DEADLINE)
        .await
        .expect("the socket is open");
    assert_eq!(line["error"]["code"], 3, "{line}");
    assert_eq!(
        socket.wait_for_end(DEADLINE).await,
        Ended::Orderly(Some(1000.into()))
    );
    let body = format!("{create}nonsense");
    let request = side.client.request(Method::POST, "/v3/watch").body(body);
    let rest = Results::open(request).await.end().await;
    let last = rest.last().expect("an error");
    assert_eq!(last["error"]["grpc_code"], 3, "{last}");
}

#[tokio::test]
async fn forwarded_requests_need_a_token() {
    let side = Side::ours().await;
    let range = json!({"key": side.key("k")});
    let request = side
        .request("/v3/kv/range", &range)
        .header("x-forwarded-for", "192.0.2.1");
    side.expect_error_of(request, 401, 16).await;
    // Signing in needs no token.
    let body = json!({"name": "root", "password": "x"});
    let request = side
        .request("/v3/auth/authenticate", &body)
        .header("x-forwarded-for", "192.0.2.1");
    let message = side.expect_error_of(request, 400, 9).await;
    assert_eq!(message, "etcdserver: authentication is not enabled");
}

#[tokio::test]
async fn an_unreachable_etcd_is_reported_in_etcds_format() {
    let mut side = Side::own_etcd(true, &[]).await;
    side.put("k", "v").await;
    side.upstream_mut().kill();
    let range = json!({"key": side.key("k")});
    let message = side.expect_error("/v3/kv/range", &range, 503, 14).await;
    assert!(message.contains("etcd"), "{message}");
    side.upstream_mut().restart().await;
    support::eventually("etcd is back", DEADLINE, async || {
        let status = side.request("/v3/kv/range", &range).send().await.status;
        support::ensure(status == 200, || status.to_string())
    })
    .await;
}

#[tokio::test]
async fn streams_report_the_gateways_shutdown() {
    let side = Side::ours().await;
    let mut gateway = side.second_gateway(&[]).await;
    let create = json!({"create_request": {"key": side.key("k")}});
    let request = gateway.root().request(Method::POST, "/v3/watch");
    let mut watch = Results::open(request.body(create.to_string())).await;
    assert_eq!(watch.next().await["created"], true);
    let mut socket = Stream::socket(&gateway.root(), "/v3/watch").await;
    socket.send(&create).await;
    socket
        .line_within(DEADLINE)
        .await
        .expect("the socket is open");
    gateway.stop().await;
    assert_eq!(watch.line().await["error"]["code"], 14);
    let line = socket.line_within(DEADLINE).await.expect("an error");
    assert_eq!(line["error"]["code"], 14);
    assert_eq!(
        socket.wait_for_end(DEADLINE).await,
        Ended::Orderly(Some(1001.into()))
    );
}

#[tokio::test]
async fn percent_encoded_paths_are_accepted() {
    let side = Side::ours().await;
    let path = format!("/v3/kv/{}", percent("range"));
    let response = side.call(&path, &json!({"key": side.key("x")})).await;
    assert!(response["header"].is_object());
}

#[tokio::test]
async fn every_socket_answers_a_close_with_its_code() {
    let side = Side::ours().await;
    let granted = side.call("/v3/lease/grant", &json!({"TTL": 600})).await;
    let lock = json!({"name": side.key("l")});
    side.call("/v3/lock/lock", &lock).await;
    let create = json!({"create_request": {"key": side.key("w")}});
    let empty = json!({});
    // The path, the request, if any, and whether the response is immediate.
    let sockets = [
        ("/v3/watch", None, false),
        ("/v3/watch", Some(&create), true),
        ("/v3/lease/keepalive", Some(&granted), true),
        ("/v3/maintenance/snapshot", Some(&empty), true),
        ("/v3/kv/put", None, false),
        // Waits in the queue.
        ("/v3/lock/lock", Some(&lock), false),
    ];
    for code in [Some(1000), Some(4321), None] {
        for (path, request, immediate) in sockets {
            let mut socket = side.socket(path, &[]).await;
            if let Some(request) = request {
                socket.send(request).await;
            }
            if immediate {
                socket.line_within(DEADLINE).await.expect("a response");
            }
            let ended = socket.close(code, DEADLINE).await;
            let expected = Ended::Orderly(code.map(Into::into));
            // A snapshot may end before the close arrives: the gateway then closes first.
            let over = Ended::Orderly(Some(1000_u16.into()));
            assert!(
                ended == expected || (path == "/v3/maintenance/snapshot" && ended == over),
                "{path} closed with {code:?}: {ended:?}"
            );
        }
    }
}
