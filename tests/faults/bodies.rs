//! Bodies that are too large are refused, and cost nothing.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use support::coding::{CODINGS, encoded};
use support::{DEADLINE, Etcd, Watchgate};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

const SIZE: usize = 300 << 20;
/// What a small encoded body decodes to; encoding more takes a development build a minute.
const DECODED: usize = 100 << 20;
const ROOM: u64 = 48 << 20;

/// Sends a head and then as much of the body as the gateway takes; gives the answer's status and the
/// gateway's memory at its highest.
async fn pour(gateway: &Watchgate, head: &str, chunked: bool) -> (String, u64) {
    let stream = TcpStream::connect(gateway.api().address())
        .await
        .expect("it listens");
    let (mut reading, mut writing) = stream.into_split();
    let piece = Bytes::from(vec![b'x'; 64 << 10]);
    let mut peak = 0;
    writing
        .write_all(head.as_bytes())
        .await
        .expect("it takes a head");
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
            peak = peak.max(gateway.resident());
        }
    };
    let read = async {
        let mut answer = [0; 12];
        timeout(DEADLINE, reading.read_exact(&mut answer))
            .await
            .expect("it answers in time")
            .expect("it answers before it closes");
        String::from_utf8_lossy(&answer[9..]).into_owned()
    };
    let ((), status) = tokio::join!(write, read);
    (status, peak)
}

#[tokio::test]
async fn a_body_of_300_mb_is_refused_with_memory_bounded() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::for_etcd(&etcd, &[]).await;
    gateway.api().write("k", "before").await;
    let before = gateway.resident();
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
            let (status, peak) = pour(&gateway, &head, chunked).await;
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
            assert!(grown < ROOM, "{route} {framing}: it grew by {grown} bytes");
        }
    }
    assert_eq!(gateway.api().read("k").await["value"], "before");
}

#[tokio::test]
async fn a_small_body_that_decodes_to_100_mb_is_refused_with_memory_bounded() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::for_etcd(&etcd, &[]).await;
    gateway.api().write("k", "before").await;
    let before = gateway.resident();
    for coding in CODINGS {
        let bomb = encoded(coding, &vec![b' '; DECODED]).await;
        assert!(bomb.len() < 1 << 20, "{coding}: {} bytes", bomb.len());
        for (client, method, path) in [
            (gateway.api(), Method::PUT, "/kv/k"),
            (gateway.api(), Method::POST, "/txn"),
            (gateway.root(), Method::POST, "/v3/kv/put"),
        ] {
            let ask = client.request(method, path).body(bomb.clone());
            let ask = ask.header("content-type", "application/json");
            let refused = ask.header("content-encoding", coding).send().await;
            assert_eq!(refused.status, 413, "{coding} {path}: {}", refused.text());
            let grown = gateway.resident().saturating_sub(before);
            assert!(grown < ROOM, "{coding} {path}: it grew by {grown} bytes");
        }
    }
    assert_eq!(gateway.api().read("k").await["value"], "before");
}

#[tokio::test]
async fn a_body_of_300_mb_is_a_problem_for_who_waits_for_the_answer() {
    let etcd = Etcd::start().await;
    let gateway = Watchgate::for_etcd(&etcd, &[]).await;
    let head = format!(
        "PUT /api/v1/kv/k HTTP/1.1\r\nHost: localhost\r\nContent-Length: {SIZE}\r\nExpect: 100-continue\r\n\r\n"
    );
    let mut stream = TcpStream::connect(gateway.api().address())
        .await
        .expect("it listens");
    stream
        .write_all(head.as_bytes())
        .await
        .expect("it takes a head");
    let mut answer = vec![0; 4096];
    let read = timeout(DEADLINE, stream.read(&mut answer))
        .await
        .expect("in time")
        .expect("an answer");
    let text = String::from_utf8_lossy(&answer[..read]).into_owned();
    assert!(text.starts_with("HTTP/1.1 413"), "{text}");
    assert!(text.contains("application/problem+json"), "{text}");
}
