//! Bodies that exceed the limit are refused, with bounded memory.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use support::coding::{CODINGS, encode};
use support::{DEADLINE, Etcd, Watchgate};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const SIZE: usize = 300 << 20;
/// The decoded size of a small encoded body; encoding more takes a development build a minute.
const DECODED: usize = 100 << 20;
/// How much the gateway's memory may grow.
const MAX_GROWTH: u64 = 48 << 20;

/// Sends a head and then as much of the body as the gateway reads; returns the response's status and the
/// gateway's peak memory.
async fn send_large_body(gateway: &Watchgate, head: &str, chunked: bool) -> (String, u64) {
    let stream = TcpStream::connect(gateway.api().address())
        .await
        .expect("the gateway listens");
    let (mut reading, mut writing) = stream.into_split();
    let piece = Bytes::from(vec![b'x'; 64 << 10]);
    let mut peak = 0;
    writing
        .write_all(head.as_bytes())
        .await
        .expect("the head is sent");
    let write = async {
        let mut sent = 0;
        while sent < SIZE {
            let chunk = async {
                if chunked {
                    let size = format!("{:x}\r\n", piece.len());
                    writing.write_all(size.as_bytes()).await?;
                }
                writing.write_all(&piece).await?;
                if chunked {
                    writing.write_all(b"\r\n").await?;
                }
                Ok::<_, std::io::Error>(())
            };
            if !matches!(timeout(Duration::from_secs(5), chunk).await, Ok(Ok(()))) {
                break;
            }
            sent += piece.len();
            peak = peak.max(gateway.resident_memory());
        }
    };
    let read = async {
        let mut response = [0; 12];
        timeout(DEADLINE, reading.read_exact(&mut response))
            .await
            .expect("a response in time")
            .expect("a response before the close");
        String::from_utf8_lossy(&response[9..]).into_owned()
    };
    let ((), status) = tokio::join!(write, read);
    (status, peak)
}

#[tokio::test]
async fn a_body_of_300_mb_is_refused_with_memory_bounded() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::for_etcd(&etcd, &[]).await;
    gateway.api().write("k", "before").await;
    let before = gateway.resident_memory();
    for route in [
        "PUT /api/v1/kv/k",
        "POST /api/v1/txn",
        "POST /api/v1/do",
        "POST /api/v1/locks/a",
        "PUT /nope",
    ] {
        for (framing, chunked) in [
            (format!("Content-Length: {SIZE}"), false),
            ("Transfer-Encoding: chunked".to_owned(), true),
        ] {
            let head = format!(
                "{route} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n{framing}\r\n\r\n"
            );
            let (status, peak) = send_large_body(&gateway, &head, chunked).await;
            let expected = if route.contains("nope") {
                ["404", "413"]
            } else {
                ["413", "413"]
            };
            assert!(
                expected.contains(&status.as_str()),
                "{route} {framing}: {status}"
            );
            let grown = peak.saturating_sub(before);
            assert!(
                grown < MAX_GROWTH,
                "{route} {framing}: it grew by {grown} bytes"
            );
        }
    }
    assert_eq!(gateway.api().read("k").await["value"], "before");
}

#[tokio::test]
async fn a_small_body_that_decodes_to_100_mb_is_refused_with_memory_bounded() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::for_etcd(&etcd, &[]).await;
    gateway.api().write("k", "before").await;
    let before = gateway.resident_memory();
    for coding in CODINGS {
        let bomb = encode(coding, &vec![b' '; DECODED]).await;
        assert!(bomb.len() < 1 << 20, "{coding}: {} bytes", bomb.len());
        for (client, method, path) in [
            (gateway.api(), Method::PUT, "/kv/k"),
            (gateway.api(), Method::POST, "/txn"),
            (gateway.root(), Method::POST, "/v3/kv/put"),
        ] {
            let request = client.request(method, path).body(bomb.clone());
            let request = request.header("content-type", "application/json");
            let refused = request.header("content-encoding", coding).send().await;
            assert_eq!(refused.status, 413, "{coding} {path}: {}", refused.text());
            let grown = gateway.resident_memory().saturating_sub(before);
            assert!(
                grown < MAX_GROWTH,
                "{coding} {path}: it grew by {grown} bytes"
            );
        }
    }
    assert_eq!(gateway.api().read("k").await["value"], "before");
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_gets_413() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::for_etcd(&etcd, &[]).await;
    let head = format!(
        "PUT /api/v1/kv/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SIZE}\r\nExpect: 100-continue\r\n\r\n"
    );
    let mut stream = TcpStream::connect(gateway.api().address())
        .await
        .expect("the gateway listens");
    stream
        .write_all(head.as_bytes())
        .await
        .expect("the head is sent");
    let mut response = vec![0; 4096];
    let read = timeout(DEADLINE, stream.read(&mut response))
        .await
        .expect("a response in time")
        .expect("a response");
    let text = String::from_utf8_lossy(&response[..read]).into_owned();
    assert!(text.starts_with("HTTP/1.1 413"), "{text}");
    assert!(text.contains("application/problem+json"), "{text}");
}
