//! Malformed input: the gateway responds or closes, and never panics.

use std::time::Duration;

use serde_json::json;
use support::fill::Numbers;
use support::{Etcd, Stream, Watchgate};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const METHODS: &[&str] = &[
    "GET", "PUT", "POST", "DELETE", "HEAD", "OPTIONS", "PATCH", "get", "", "G\0T", "PRI",
];
const PATHS: &[&str] = &[
    "/",
    "//",
    "*",
    "",
    "/api/v1/kv",
    "/api/v1/kv/",
    "/api/v1/kv//",
    "/api/v1/kv/%",
    "/api/v1/kv/%ff%fe%00",
    "/api/v1/kv/a/../../..",
    "/api/v1/kv?prefix=",
    "/api/v1/kv?prefix=%",
    "/api/v1/kv?cursor=AAAA",
    "/api/v1/kv?prefix=a&limit=99999999999999999999",
    "/api/v1/kv?start=b&end=a",
    "/api/v1/kv?&&=&=x&",
    "/api/v1/kv?key=a&revision=-9223372036854775808",
    "/api/v1/kv?key=a&revision=9223372036854775807",
    "/api/v1/tree",
    "/api/v1/tree?separator=%00",
    "/api/v1/tree?cursor=%F0%9F",
    "/api/v1/search?prefix=&regex=(",
    "/api/v1/search?prefix=&regex=%ff&in=,",
    "/api/v1/search?prefix=&contains=%ff&ignore_case&estimate",
    "/api/v1/search?prefix=&regex=((%5Cw{99}){99}){99}",
    "/api/v1/history/",
    "/api/v1/history/a?revision=9223372036854775807",
    "/api/v1/history/a?cursor=",
    "/api/v1/txn",
    "/api/v1/txn?explain",
    "/api/v1/do",
    "/api/v1/stm/read",
    "/api/v1/stm/commit",
    "/api/v1/export?prefix=",
    "/api/v1/export?start=b&end=a&min_mod_revision=9223372036854775807",
    "/api/v1/import",
    "/api/v1/import?dry_run&from_line=9223372036854775807",
    "/api/v1/kv?prefix=&sort=value&order=desc&max_create_revision=1",
    "/api/v1/history/a?deleted&revision=9223372036854775807",
    "/api/v1/tree?counts",
    "/api/v1/leases",
    "/api/v1/leases/",
    "/api/v1/leases/-8000000000000000",
    "/api/v1/leases/zz/keepalive",
    "/api/v1/locks",
    "/api/v1/locks/%ff",
    "/api/v1/locks/-",
    "/api/v1/locks/-?name=%ff%00",
    "/api/v1/locks//",
    "/api/v1/watch",
    "/api/v1/watch?prefix=",
    "/api/v1/watch?key=a&revision=9223372036854775807",
    "/api/v1/clusters",
    "/api/v1/clusters//kv/a",
    "/api/v1/clusters/%ff/kv/a",
    "/api/v1/cluster",
    "/metrics",
    "/api/openapi.json",
    "/assets/%2e%2e/%2e%2e/etc/passwd",
    "/assets/..%2f..%2fetc%2fpasswd",
    "/\u{e9}",
    "http://localhost/api/v1/kv/a",
    "http://[/",
    "/api/v1/kv/a?timeout=18446744073709551615m",
    "/api/v1/kv/a?guard=:::::",
    "/api/v1/kv/a?lease=-",
    "/api/v1/kv/a?timeout=0s",
];
const HEADERS: &[&str] = &[
    "",
    "Accept: text/event-stream",
    "Accept: application/x-ndjson",
    "Accept: ,;=\"",
    "Last-Event-ID: -",
    "Last-Event-ID: ffffffffffffffff-9223372036854775807",
    "If-Match: *",
    "If-Match: \"",
    "If-Match: W/",
    "If-None-Match: ,,,",
    "Content-Type: application/json",
    "Content-Type: application/x-ndjson",
    "Content-Type: ;;;",
    "Content-Length: -1",
    "Content-Length: 5",
    "Transfer-Encoding: chunked",
    "Connection: Upgrade\r\nUpgrade: websocket",
    "Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: x",
    "Origin: ",
    "Origin: null",
    "Origin: http://[",
    "Origin: \u{e9}",
    "Sec-Fetch-Site: \u{1}",
    "Authorization: ",
    "Authorization: Basic !!!",
    "Range: bytes=0-",
    "Accept-Encoding: gzip;q=x",
    "X-Request-Id: \r\n folded",
    "Expect: 100-continue",
    "Forwarded: ;;",
    "Cookie: a",
];
const HOSTS: &[&str] = &[
    "Host: localhost",
    "Host: localhost",
    "Host: localhost",
    "Host: [::1]:0",
    "Host: ",
    "Host: :",
    "Host: \u{ff}",
    "",
];
const BODIES: &[&str] = &[
    "",
    "{",
    "{}",
    "[]",
    "null",
    "x",
    "0\r\n\r\n",
    "5\r\nhello\r\n0\r\n\r\n",
    "ffffffffffffffff\r\n",
    "{\"then\":[{\"put\":{}}]}",
    "{\"ttl\":9223372036854775807}",
    "{\"ttl\":-1,\"id\":\"-8000000000000000\"}",
    "{\"wait\":18446744073709551615}",
    "{\"then\":[{\"get\":{\"start\":\"b\",\"end\":\"a\"}}]}",
    "{\"put\":{\"key\":{\"base64\":\"!\"},\"value\":\"\"}}",
    "{\"then\":[{\"txn\":{\"then\":[{\"txn\":{\"else\":[{\"txn\":{}}]}}]}}]}",
    "{\"compare\":[{\"prefix\":\"\",\"target\":\"lease\",\"op\":\"<\",\"value\":null}]}",
    "{\"keys\":[\"a\",{\"base64\":\"/w==\"}],\"revision\":9223372036854775807}",
    "{\"revision\":9223372036854775807,\"reads\":[{\"key\":\"a\",\"mod_revision\":9223372036854775807}],\"writes\":[{\"delete\":{\"key\":\"b\"}}]}",
    "{\"key\":\"a\",\"value\":{\"base64\":\"/w==\"},\"lease\":\"7\"}\n{\"end\":{\"count\":18446744073709551615}}\n",
];

async fn send_raw(gateway: &Watchgate, bytes: &[u8]) -> Vec<u8> {
    let mut stream = TcpStream::connect(gateway.api().address())
        .await
        .expect("the gateway listens");
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut response = vec![0; 512];
    // Streams stay open and incomplete requests wait, so only the first bytes are read.
    let read = timeout(Duration::from_millis(200), stream.read(&mut response)).await;
    response.truncate(read.ok().and_then(Result::ok).unwrap_or(0));
    response
}

fn check(gateway: &Watchgate, sent: &[u8], response: &[u8]) {
    let text = String::from_utf8_lossy(response);
    assert!(
        !text.starts_with("HTTP/1.1 500"),
        "{}: {text}",
        sent.escape_ascii()
    );
    let log = gateway.log();
    let panic = log.lines().find(|line| line.contains("panicked"));
    assert!(panic.is_none(), "{}: {panic:?}", sent.escape_ascii());
}

#[tokio::test]
async fn malformed_requests_never_cause_a_panic() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::for_etcd(&etcd, &[]).await;
    let mut numbers = Numbers::new(2026);
    for _ in 0..60 {
        let requests: Vec<Vec<u8>> = (0..24)
            .map(|_| {
                let mut head = format!(
                    "{} {} HTTP/1.1\r\n",
                    numbers.pick(METHODS),
                    numbers.pick(PATHS)
                );
                for line in [
                    numbers.pick(HOSTS),
                    numbers.pick(HEADERS),
                    numbers.pick(HEADERS),
                ] {
                    if !line.is_empty() {
                        head.push_str(line);
                        head.push_str("\r\n");
                    }
                }
                head.push_str("\r\n");
                head.push_str(numbers.pick::<&str>(BODIES));
                let mut bytes = head.into_bytes();
                // About every third request has one random byte.
                if numbers.draw().is_multiple_of(3) {
                    let at = numbers.draw() as usize % bytes.len();
                    bytes[at] = numbers.draw() as u8;
                }
                bytes
            })
            .collect();
        let responses = requests.iter().map(|bytes| send_raw(&gateway, bytes));
        let responses = futures_util::future::join_all(responses).await;
        for (sent, response) in requests.iter().zip(&responses) {
            check(&gateway, sent, response);
        }
    }
    gateway.root().get("/readyz").send().await.expect(200);
}

#[tokio::test]
async fn every_path_responds_to_every_method() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::for_etcd(&etcd, &[]).await;
    for path in PATHS
        .iter()
        .filter(|path| path.starts_with('/') && path.is_ascii())
    {
        for method in &METHODS[..7] {
            let body = "Content-Type: application/json\r\nContent-Length: 2\r\n\r\n{}";
            let bytes = format!(
                "{method} {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n{body}"
            );
            let response = send_raw(&gateway, bytes.as_bytes()).await;
            check(&gateway, bytes.as_bytes(), &response);
        }
    }
    gateway.root().get("/readyz").send().await.expect(200);
}

#[tokio::test]
async fn malformed_messages_never_cause_a_panic() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::for_etcd(&etcd, &[]).await;
    let mut numbers = Numbers::new(9);
    let words = [
        "{",
        "}",
        "[",
        "]",
        "\"op\"",
        "\"watch\"",
        "\"id\"",
        "\"w\"",
        ":",
        ",",
        "\"prefix\"",
        "\"\"",
        "1",
        "-1",
        "null",
        "true",
        "\"revision\"",
        "9223372036854775807",
        "1e999",
        "\"only\"",
        "\"cancel\"",
        "\\u0000",
        "\"\\ud800\"",
    ];
    let mut socket = Stream::socket(&gateway.api(), "/watch").await;
    for _ in 0..500 {
        let text: String = (0..numbers.draw() % 12)
            .map(|_| *numbers.pick(&words))
            .collect();
        socket.send_text(&text).await;
        socket.expect_type("error").await;
    }
    let deep = "[".repeat(50_000);
    socket.send_text(&deep).await;
    socket.expect_type("error").await;
    socket
        .send(&json!({"op": "watch", "id": "w", "prefix": "k"}))
        .await;
    socket.expect_type("opened").await;
    assert!(!gateway.log().contains("panicked"), "{}", gateway.log());
}
